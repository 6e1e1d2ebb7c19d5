"""Migrations: applied once, in order, whole; the file is copied before an upgrade."""

import logging
import re
import sqlite3
from importlib import resources
from pathlib import Path

import pytest

from spooled_lite.storage import migrate
from tests.storage.stage import an_idle_database, in_file
from tests.storage.upgrades import fill, release, tables_of, version_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


@pytest.fixture
def newest() -> int:
    return migrate.newest_version()


def test_the_schema_page_is_what_the_migrations_make() -> None:
    page = (resources.files("spooled_lite.storage") / "schema.sql").read_text("utf-8")

    assert page == migrate.schema()


def test_migrations_are_numbered_without_gaps() -> None:
    numbers = [number for number, _ in migrate.numbered()]

    assert numbers == list(range(1, len(numbers) + 1))


# What cannot be in the way of a program that does not know of it.
ONLY_ADDS = re.compile(
    r"CREATE TABLE \w+ \((?!.*\bREFERENCES\b).*"
    r"|CREATE INDEX .*"
    r"|ALTER TABLE \w+ ADD (COLUMN )?(?!.*(\bREFERENCES\b|\bCHECK\b|NOT NULL(?!.*DEFAULT))).*",
    re.DOTALL,
)


def adds_only(text: str) -> bool:
    without_comments = re.sub(r"--.*", "", text)
    statements = [each.strip() for each in without_comments.split(";") if each.strip()]
    return all(ONLY_ADDS.fullmatch(each) for each in statements)


def test_a_migration_that_older_programs_are_said_to_stand_only_adds() -> None:
    for number, text in migrate.numbered():
        reader = migrate.oldest_reader(text)

        assert 1 <= reader <= number
        assert reader == number or adds_only(text), number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE TABLE t (a INTEGER);\nCREATE INDEX i ON t (a);", True),
        ("ALTER TABLE jobs ADD COLUMN a TEXT;  -- a new one\n", True),
        ("ALTER TABLE jobs ADD COLUMN a TEXT NOT NULL DEFAULT '';", True),
        ("ALTER TABLE jobs ADD COLUMN a TEXT NOT NULL;", False),
        ("ALTER TABLE jobs DROP COLUMN a;", False),
        ("CREATE TABLE t (job INTEGER REFERENCES jobs);", False),
        ("CREATE UNIQUE INDEX i ON jobs (job_type);", False),
        ("CREATE TRIGGER t AFTER DELETE ON jobs BEGIN SELECT 1; END;", False),
        ("CREATE INDEX i ON jobs (job_type); UPDATE jobs SET priority = 0;", False),
    ],
)
def test_only_what_older_programs_never_meet_counts_as_added(text: str, expected: bool) -> None:
    assert adds_only(text) is expected


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


def test_an_upgrade_copies_the_file_first(
    path: Path, newest: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger=migrate.__name__)
    fill(path)
    release(monkeypatch, "CREATE TABLE added (x);\nINSERT INTO added VALUES (1);")

    an_idle_database(path).close()

    copy = path.with_name(f"spooled.db.before-{newest + 1}")
    assert (version_of(path), version_of(copy)) == (newest + 1, newest)
    assert "added" in tables_of(path) - tables_of(copy)
    assert in_file(path) == in_file(copy) == ["kept"]
    assert copy.stat().st_mode & 0o777 == 0o600
    assert f"migration: schema version {newest} to {newest + 1} in" in caplog.text
    assert str(copy) in caplog.text


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
