"""Migrations: applied once, in order, whole; the file is copied before an upgrade."""

import sqlite3
from importlib import resources
from pathlib import Path

import pytest

from spooled_lite.storage import migrate
from spooled_lite.storage.migrate import NewerSchema
from tests.storage.stage import a_database, add, an_idle_database, in_file, run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


@pytest.fixture
def newest() -> int:
    return migrate.numbered()[-1][0]


def release(monkeypatch: pytest.MonkeyPatch, *texts: str) -> None:
    """Have the program know more migrations than it does."""
    known = migrate.numbered()
    more = tuple((known[-1][0] + place, text) for place, text in enumerate(texts, start=1))
    monkeypatch.setattr(migrate, "numbered", lambda: known + more)


def version_of(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return version
    finally:
        connection.close()


def tables_of(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    try:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
    finally:
        connection.close()


def fill(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            await db.write(add, "kept")

    run(main())


def test_the_schema_page_is_what_the_migrations_make() -> None:
    page = (resources.files("spooled_lite.storage") / "schema.sql").read_text("utf-8")

    assert page == migrate.schema()


def test_migrations_are_numbered_without_gaps() -> None:
    numbers = [number for number, _ in migrate.numbered()]

    assert numbers == list(range(1, len(numbers) + 1))


def test_a_new_file_has_the_newest_version_and_no_copy(path: Path, newest: int) -> None:
    an_idle_database(path).close()

    assert version_of(path) == newest
    assert list(path.parent.glob("*before*")) == []


def test_a_file_of_the_newest_version_is_left_alone(path: Path) -> None:
    fill(path)
    fill_again = in_file(path)

    an_idle_database(path).close()

    assert in_file(path) == fill_again == ["kept"]
    assert list(path.parent.glob("*before*")) == []


def test_a_file_of_a_newer_version_is_refused_with_advice(path: Path, newest: int) -> None:
    fill(path)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {newest + 1}")
    connection.close()

    with pytest.raises(NewerSchema, match="install the newer version"):
        an_idle_database(path)

    assert version_of(path) == newest + 1


def test_an_upgrade_copies_the_file_first(
    path: Path, newest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path)
    release(monkeypatch, "CREATE TABLE added (x);\nINSERT INTO added VALUES (1);")

    an_idle_database(path).close()

    copy = path.with_name(f"spooled.db.before-{newest + 1}")
    assert (version_of(path), version_of(copy)) == (newest + 1, newest)
    assert "added" in tables_of(path) - tables_of(copy)
    assert in_file(path) == in_file(copy) == ["kept"]
    assert copy.stat().st_mode & 0o777 == 0o600


def test_a_migration_that_fails_leaves_the_old_version_whole(
    path: Path, newest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path)
    with monkeypatch.context() as patch:
        release(patch, "CREATE TABLE added (x);\nSELECT * FROM missing;")
        with pytest.raises(sqlite3.OperationalError, match="missing"):
            an_idle_database(path)

    assert version_of(path) == newest
    assert "added" not in tables_of(path)
    an_idle_database(path).close()
    assert in_file(path) == ["kept"]


def test_an_upgrade_tried_again_after_it_stopped_half_way_keeps_the_first_copy(
    path: Path, newest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path)
    good = "CREATE TABLE added (x);"
    with monkeypatch.context() as patch:
        release(patch, good, "SELECT * FROM missing;")
        with pytest.raises(sqlite3.OperationalError):
            an_idle_database(path)
    release(monkeypatch, good, "CREATE TABLE more (x);")

    an_idle_database(path).close()

    copies = [path.with_name(f"spooled.db.before-{newest + more}") for more in (1, 2)]
    assert [version_of(copy) for copy in copies] == [newest, newest + 1]
    assert version_of(path) == newest + 2


def test_a_migration_with_an_unfinished_statement_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path)
    release(monkeypatch, "CREATE TABLE added (x);\nCREATE TABLE forgotten (x)\n-- the semicolon\n")

    with pytest.raises(AssertionError, match="semicolon"):
        an_idle_database(path)

    assert "added" not in tables_of(path)
