"""Every command that opens a file names one that it cannot use in a line, and leaves it alone."""

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from spooled_lite.cli.main import main
from spooled_lite.storage.file_guard import CannotUseFile
from spooled_lite.storage.file_kind import APPLICATION_ID
from tests.released.made import make
from tests.storage.stage import an_idle_database
from tests.storage.upgrades import fill, release

# `{file}` is what is at the place of a database; `{folder}` and `{new}` are good places.
COMMANDS: Final = {
    "check": ("check", "--database", "{file}"),
    "check --deep": ("check", "--deep", "--database", "{file}"),
    "backup": ("backup", "--database", "{file}", "--to", "{folder}"),
    "restore --from": ("restore", "--from", "{file}", "--database", "{new}"),
    "export": ("export", "--database", "{file}", "--out", "{out}"),
    "import": ("import", "{export}", "--database", "{file}"),
    "compact": ("compact", "--database", "{file}"),
    "migrate status": ("migrate", "status", "--database", "{file}"),
    "migrate up": ("migrate", "up", "--database", "{file}"),
    "keys list": ("keys", "list", "--database", "{file}"),
    "keys create": ("keys", "create", "--database", "{file}"),
}


def of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE letters (text)")


def no_sqlite_file(path: Path) -> None:
    path.write_bytes(b"dear reader, " * 1_000)


def a_cut_header(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + b"\0" * 40)


def with_our_id_and_no_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("VACUUM")


@cache
def of_ours(*, is_newer: bool = False) -> bytes:
    """The content of a file of this program, or of one that is newer."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "spooled.db"
        fill(path)
        if is_newer:
            release(patch, "CREATE TABLE added (x);")
            an_idle_database(path).close()
        return path.read_bytes()


def of_a_newer_program(path: Path) -> None:
    path.write_bytes(of_ours(is_newer=True))


def with_a_destroyed_beginning(path: Path) -> None:
    path.write_bytes(b"\xff" * 100 + of_ours()[100:])


def cut_in_the_middle(path: Path) -> None:
    path.write_bytes(of_ours()[: len(of_ours()) // 2])


def links_to_each_other(path: Path) -> None:
    other = path.with_name("other.db")
    path.symlink_to(other)
    other.symlink_to(path)


def nothing(path: Path) -> None:
    pass


KINDS: Final[dict[str, tuple[Callable[[Path], object], str]]] = {
    "of another program": (of_another_program, "belongs to another program"),
    "no SQLite file": (no_sqlite_file, "this is no SQLite file"),
    "a cut header": (a_cut_header, "this is no SQLite file"),
    "our id, no tables": (with_our_id_and_no_tables, "another program has changed it"),
    "of a newer program": (of_a_newer_program, "install the newer version"),
    "a destroyed beginning": (with_a_destroyed_beginning, "first bytes are destroyed"),
    "cut in the middle": (cut_in_the_middle, ""),
    "a folder": (os.mkdir, "this is a folder"),
    "a pipe": (os.mkfifo, "this is a device, a pipe or a socket"),
    "links to each other": (links_to_each_other, "Too many levels of symbolic links"),
    "empty": (Path.touch, "this file is empty"),
    "nothing": (nothing, "there is no such file"),
}
MAY: Final = {("import", "nothing")}  # it makes one
# What is no file is taken for a folder with backups.
OF_FOLDERS: Final = {
    "a folder": "there is no backup here",
    "a pipe": "this is no folder",
    "links to each other": "this is no folder",
    "nothing": "the folder does not exist",
}


@cache
def export_of_an_organization() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "spooled.db", Path(folder) / "out.ndjson"
        asyncio.run(make(path))
        with closing(sqlite3.connect(path)) as connection:
            [organization] = connection.execute("SELECT id FROM organizations").fetchone()
        said = run("export", "--database", str(path), "--org", organization, "--out", str(out))
        assert said.exit_code == 0, said.output
        return out.read_bytes()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def contents(folder: Path) -> dict[str, bytes | None]:
    return {each.name: each.read_bytes() if each.is_file() else None for each in folder.iterdir()}


@pytest.mark.parametrize(
    ("command", "kind"),
    [(command, kind) for command in COMMANDS for kind in KINDS if (command, kind) not in MAY],
)
def test_what_is_no_file_of_ours_is_named_and_left_alone(
    tmp_path: Path, command: str, kind: str
) -> None:
    here, folder = tmp_path / "here", tmp_path / "to"
    for each in (here, folder):
        each.mkdir()
    path = here / "spooled.db"
    put, words = KINDS[kind]
    if command == "restore --from":
        words = OF_FOLDERS.get(kind, words)
    put(path)
    before = contents(here)
    places = {
        "file": path,
        "folder": folder,
        "new": tmp_path / "new.db",
        "out": tmp_path / "out.ndjson",
        "export": tmp_path / "export.ndjson",
    }
    if command == "import":
        places["export"].write_bytes(export_of_an_organization())

    answer = run(*(each.format(**places) for each in COMMANDS[command]))

    assert answer.exit_code in (1, 2), answer.output
    assert isinstance(answer.exception, SystemExit), answer.output
    assert str(path) in answer.output
    assert words in answer.output
    assert contents(here) == before
    assert not {"new.db", "out.ndjson"} & {each.name for each in tmp_path.iterdir()}


@pytest.mark.parametrize("kind", [each for each in KINDS if each not in ("empty", "nothing")])
def test_no_server_opens_what_is_no_file_of_ours(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "spooled.db"
    put, words = KINDS[kind]
    put(path)
    before = contents(tmp_path)

    with pytest.raises((CannotUseFile, sqlite3.DatabaseError), match=words or None):
        an_idle_database(path)

    assert contents(tmp_path) == before


@pytest.mark.parametrize("kind", [each for each in KINDS if each != "nothing"])
def test_nothing_is_restored_over_what_is_there(tmp_path: Path, kind: str) -> None:
    source, path = tmp_path / "source.db", tmp_path / "here" / "spooled.db"
    path.parent.mkdir()
    source.write_bytes(of_ours())
    KINDS[kind][0](path)
    before = contents(path.parent)

    answer = run("restore", "--from", str(source), "--database", str(path))

    assert answer.exit_code == 1, answer.output
    assert str(path) in answer.output
    assert contents(path.parent) == before
