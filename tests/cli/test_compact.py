"""`spooled-lite compact`: a smaller file with the same rows, or the old one as it was."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from spooled_lite.cli import compact as command
from spooled_lite.cli.check import problems_of
from spooled_lite.cli.main import main
from spooled_lite.storage import migrate
from spooled_lite.storage.file_kind import APPLICATION_ID
from spooled_lite.storage.migrate import schema_of
from spooled_lite.storage.transaction import Tx
from tests.storage.stage import a_database, add, an_idle_database, in_file, notes, run

PRAGMAS: Final = ("application_id", "user_version", "auto_vacuum", "page_size", "encoding")


GROWN_BYTES: Final = 300 * 2_000


def add_many(tx: Tx) -> None:
    for text in ("first", *(f"{number} {'x' * 2_000}" for number in range(300)), "last"):
        add(tx, text)


def grown(path: Path) -> Path:
    """A file that once was larger: two notes are left of many."""

    async def main() -> None:
        async with a_database(path) as db:
            await db.write(add_many)
            await db.write(lambda tx: tx.execute("DELETE FROM notes WHERE length(text) > 100"))

    run(main())
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return grown(tmp_path / "spooled.db")


def compact(path: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["compact", "--database", str(path), *more])


def about(path: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(path)) as connection:
        return {
            "schema": schema_of(connection),
            **{name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS},
        }


def test_a_file_that_once_was_large_is_small_again_and_the_same(path: Path) -> None:
    before, size = about(path), path.stat().st_size
    path.chmod(0o640)

    answer = compact(path)

    assert answer.exit_code == 0, answer.output
    assert "integrity and sums ok" in answer.output
    assert path.stat().st_size < size - GROWN_BYTES
    assert in_file(path) == ["first", "last"]
    assert about(path) == before
    assert (before["application_id"], before["auto_vacuum"]) == (APPLICATION_ID, 2)
    assert path.stat().st_mode & 0o777 == 0o640
    assert {each.name for each in path.parent.iterdir()} == {"spooled.db", "spooled.db.lock"}


def test_a_server_goes_on_with_it(path: Path) -> None:
    compact(path)

    async def go_on() -> list[str]:
        async with a_database(path) as db:
            await db.write(add, "more")
            return await db.readers.read(notes)

    assert run(go_on()) == ["first", "last", "more"]
    assert problems_of(str(path)) == []


def test_what_stands_in_the_log_alone_is_in_it(path: Path) -> None:
    left = path.with_name("killed")
    left.mkdir()

    async def killed() -> None:
        async with a_database(path) as db:
            await db.write(add, "only in the log")
            for suffix in ("", "-wal"):
                shutil.copy(f"{path}{suffix}", left)

    run(killed())
    answer = compact(left / "spooled.db")

    assert answer.exit_code == 0, answer.output
    assert in_file(left / "spooled.db") == ["first", "last", "only in the log"]


def test_its_figures_can_be_read_by_programs(path: Path) -> None:
    size = path.stat().st_size

    said = json.loads(compact(path, "--json").output)

    assert (said["bytes_before"], said["bytes_after"]) == (size, path.stat().st_size)


def left_alone(path: Path, answer: Result, words: str) -> None:
    assert answer.exit_code == 1, answer.output
    assert str(path) in answer.output
    assert words in answer.output
    assert in_file(path) == ["first", "last"]
    assert list(path.parent.glob("*partial*")) == []


def test_a_file_that_a_server_uses_is_left_alone(path: Path) -> None:
    database = an_idle_database(path)
    try:
        answer = compact(path)
    finally:
        database.close()

    left_alone(path, answer, "in use by another server")


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_file_that_another_program_has_open_is_left_alone(path: Path, mode: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM notes").fetchall()

        answer = compact(path)

    left_alone(path, answer, f"another program has the file open: `fuser {path}`")


def test_a_file_with_other_names_is_left_alone(path: Path) -> None:
    os.link(path, path.with_name("link.db"))

    left_alone(path, compact(path), "has other names")


def test_room_is_looked_at_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
        answer = compact(path)

    left_alone(path, answer, "a smaller copy needs 1 MiB in")


def test_a_copy_that_is_not_the_same_does_not_take_its_place(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(command, "problems_of_copy", lambda *args: ["a row is missing"])
        answer = compact(path)

    left_alone(path, answer, "a row is missing")


def test_a_damaged_file_is_named_and_left_alone(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 : 4096 * 4] = b"\xff" * 4096 * 3
    path.write_bytes(bytes(content))

    answer = compact(path)

    assert answer.exit_code == 1
    assert str(path) in answer.output
    assert list(path.parent.glob("*partial*")) == []
    assert path.stat().st_size == len(content)


def test_a_file_of_an_older_version_is_for_the_server_first(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "newest_version", lambda: 7)
        answer = compact(path)

    left_alone(path, answer, "start the server on it once")


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    answer = compact(tmp_path / "nowhere.db")

    assert answer.exit_code == 1
    assert "there is no such file" in answer.output
    assert list(tmp_path.iterdir()) == []


# -- killed in the middle -------------------------------------------------------------------------

POINTS_MAX: Final = 200  # far more than there are
# Compacts a copy of the file in a process of its own that kills itself at the n-th statement, step
# of a copy or change of a name, and again for each n until one comes to the end.
KILLS: Final = """
import os, shutil, signal, sqlite3, sys
from pathlib import Path
from spooled_lite.backups.facts import facts_of, problems_of_copy
from spooled_lite.storage import compact

source, folder = Path(sys.argv[1]), Path(sys.argv[2])
CHANGES = {"os.rename", "os.remove", "os.chmod", "os.chown", "sqlite3.connect"}

def killed_at(path, wanted):
    seen = 0
    def point(*args):
        nonlocal seen
        seen += 1
        if seen == wanted:
            os.kill(os.getpid(), signal.SIGKILL)
    class Traced:
        def __getattr__(self, name):
            return getattr(sqlite3, name)
        def connect(self, *args, **kwargs):
            opened = sqlite3.connect(*args, **kwargs)
            opened.set_trace_callback(point)
            opened.set_progress_handler(point, 6_000)
            return opened
    compact.sqlite3 = Traced()
    sys.addaudithook(lambda event, args: event in CHANGES and point())
    compact.compact(
        str(path),
        measure=facts_of,
        problems=lambda copy, facts: problems_of_copy(copy, facts, 0),
    )
    os._exit(0)

for wanted in range(1, int(sys.argv[3])):
    path = folder / str(wanted) / "spooled.db"
    path.parent.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{source}{suffix}", path.parent)
    child = os.fork()
    if not child:
        killed_at(path, wanted)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        break
    assert code == -signal.SIGKILL, code
print(wanted - 1)
"""


@pytest.mark.slow  # starts processes and kills them
def test_a_kill_at_any_step_leaves_one_whole_file(path: Path, tmp_path: Path) -> None:
    source, folder = tmp_path / "source", tmp_path / "killed"
    for each in (source, folder):
        each.mkdir()

    async def left_with_a_log() -> None:
        async with a_database(path) as db:
            await db.write(add, "only in the log")
            for suffix in ("", "-wal"):
                shutil.copy(f"{path}{suffix}", source)

    run(left_with_a_log())
    done = subprocess.run(
        [sys.executable, "-c", KILLS, str(source / path.name), str(folder), str(POINTS_MAX)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    count = int(done.stdout)
    assert 15 < count < POINTS_MAX - 2

    large = (source / path.name).stat().st_size
    sizes = set()
    for number in range(1, count + 1):
        killed = folder / str(number) / "spooled.db"
        sizes.add(killed.stat().st_size < large)
        assert in_file(killed) == ["first", "last", "only in the log"], number
        with closing(sqlite3.connect(killed)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)], number
    assert sizes == {False, True}
    last = folder / str(count) / "spooled.db"
    assert problems_of(str(last)) == []
    assert compact(last).exit_code == 0
    assert list(last.parent.glob("*partial*")) == []
