"""An upgrade and the ways back from it, with the commands that a message names."""

import asyncio
import re
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from spooled_lite.cli.main import main
from spooled_lite.storage import migrate
from spooled_lite.storage.migrate import NewerSchema
from tests.released.made import make
from tests.storage.stage import an_idle_database, in_file
from tests.storage.upgrades import fill, release, version_of

KNOWN: Final = migrate.newest_version()
ADDS: Final = "CREATE TABLE added (x);"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a folder" / "spooled.db"
    path.parent.mkdir()
    fill(path)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def upgrade(path: Path, *, readable_by: int | None = None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        release(patch, ADDS, readable_by=readable_by)
        an_idle_database(path).close()


def test_the_command_that_the_refusal_names_brings_the_earlier_file_back(path: Path) -> None:
    upgrade(path)
    with pytest.raises(NewerSchema) as refused:
        an_idle_database(path)
    named = re.search(r"spooled-lite (restore .* --replace)", str(refused.value))
    assert named is not None

    answer = run(*shlex.split(named[1]))

    assert answer.exit_code == 0, answer.output
    assert f"restored  {path}.before-{KNOWN + 1}" in answer.output
    assert version_of(path) == KNOWN
    assert in_file(path) == ["kept"]
    kept = list(path.parent.glob("spooled.db.before-restore-*"))
    assert [version_of(each) for each in kept] == [KNOWN + 1]


def test_what_was_stored_since_comes_back_by_an_export_of_the_newer_version(
    path: Path, tmp_path: Path
) -> None:
    served, out, new = (tmp_path / name for name in ("served.db", "out.ndjson", "new.db"))
    ledger = asyncio.run(make(served))
    with pytest.MonkeyPatch.context() as patch:
        release(patch, ADDS)
        an_idle_database(served).close()
        exported = run("export", "--database", served, "--out", out)
    assert exported.exit_code == 0, exported.output

    imported = run("import", out, "--database", new, "--ignore-unknown")

    assert imported.exit_code == 0, imported.output
    assert version_of(new) == KNOWN
    with closing(sqlite3.connect(new)) as connection:
        ids = {row[0] for row in connection.execute("SELECT id FROM jobs")}
    assert {ledger.waiting, ledger.held} <= ids


def test_a_newer_file_that_is_still_readable_is_checked_backed_up_and_restored(
    path: Path, tmp_path: Path
) -> None:
    upgrade(path, readable_by=KNOWN)
    folder, new = tmp_path / "to", tmp_path / "new.db"
    folder.mkdir()

    assert run("check", "--database", path).exit_code == 0
    assert run("backup", "--database", path, "--to", folder).exit_code == 0
    restored = run("restore", "--from", folder, "--database", new)

    assert restored.exit_code == 0, restored.output
    assert version_of(new) == KNOWN + 1
    assert in_file(new) == ["kept"]


def test_a_newer_file_is_neither_checked_nor_backed_up_nor_restored(
    path: Path, tmp_path: Path
) -> None:
    upgrade(path)
    folder, new = tmp_path / "to", tmp_path / "new.db"
    folder.mkdir()
    answers = [
        run("check", "--database", path),
        run("backup", "--database", path, "--to", folder),
        run("restore", "--from", path, "--database", new),
    ]

    assert [each.exit_code for each in answers] == [2, 1, 1]
    for each in answers:
        assert "install the newer version" in each.output
    assert not new.exists()


def test_a_backup_of_an_older_version_is_restored_as_a_file_of_this_one(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, new = tmp_path / "to", tmp_path / "new.db"
    folder.mkdir()
    run("backup", "--database", path, "--to", folder)
    release(monkeypatch, ADDS)

    answer = run("restore", "--from", folder, "--database", new)

    assert answer.exit_code == 0, answer.output
    assert version_of(new) == KNOWN + 1
    assert [each.name for each in tmp_path.glob("new*")] == ["new.db"]


@pytest.mark.parametrize("more", [(), ("--backup", "spooled-x")])
def test_a_backup_is_named_by_its_folder_and_a_file_by_itself(
    path: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    source = path if more else tmp_path / "spooled-20301201T030000Z-9c1e02af.db.gz"
    source.touch()

    answer = run("restore", "--from", source, "--database", tmp_path / "new.db", *more)

    assert answer.exit_code == 2
    assert "of a backup give the folder, and its name with --backup" in answer.output
