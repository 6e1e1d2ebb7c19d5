"""What is not a file of ours, or half of one, is refused by its name and left as it is."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from spooled_lite.storage.file_guard import CannotUseFile, FileInUse
from spooled_lite.storage.file_kind import APPLICATION_ID
from tests.storage.stage import a_database, add, an_idle_database, notes, run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


def of_another_program(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE letters (text)")
    connection.execute("INSERT INTO letters VALUES ('dear')")
    connection.commit()
    connection.close()


def with_a_log(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = wal")
    connection.close()
    of_another_program(path)


def with_our_version(path: Path) -> None:
    of_another_program(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 1")
    connection.close()


def with_an_id_of_its_own(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA application_id = 7")
    connection.execute("VACUUM")
    connection.close()


def ours_whose_version_was_set_to_0(path: Path) -> None:
    an_idle_database(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 0")
    connection.close()
    path.with_name("spooled.db.lock").unlink()


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


@pytest.mark.parametrize(
    "make",
    [
        of_another_program,
        with_a_log,
        with_our_version,
        with_an_id_of_its_own,
        ours_whose_version_was_set_to_0,
    ],
)
def test_a_file_that_is_not_ours_is_refused_and_nothing_is_changed(
    path: Path, make: Callable[[Path], None]
) -> None:
    make(path)
    before = contents(path.parent)

    with pytest.raises(CannotUseFile) as refused:
        an_idle_database(path)

    assert str(path) in str(refused.value)
    assert "Nothing was changed" in str(refused.value)
    assert contents(path.parent) == before


def test_our_files_say_that_they_are_ours(path: Path) -> None:
    an_idle_database(path).close()

    connection = sqlite3.connect(path)
    found = connection.execute("PRAGMA application_id").fetchone()[0]
    connection.close()

    assert found == APPLICATION_ID


def test_an_empty_file_and_one_without_tables_are_new(path: Path) -> None:
    path.touch()
    an_idle_database(path).close()
    other = path.with_name("other.db")
    connection = sqlite3.connect(other)
    connection.execute("PRAGMA auto_vacuum = 2")
    connection.execute("PRAGMA journal_mode = wal")  # as a kill in the first moment leaves it
    connection.close()

    an_idle_database(other).close()


def test_a_folder_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(CannotUseFile, match=f"{tmp_path}: this is a folder"):
        an_idle_database(tmp_path)
    missing = tmp_path / "missing"
    with pytest.raises(CannotUseFile, match=f"the folder {missing} does not exist"):
        an_idle_database(missing / "spooled.db")

    assert list(tmp_path.iterdir()) == []


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    for place in (pipe, Path(os.devnull)):
        with pytest.raises(CannotUseFile, match=f"{place}: this is a device, a pipe"):
            an_idle_database(place)


# -- what this user may not write, and what others need --------------------------------------------

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for other users")
NOBODY = 65_534


def as_nobody(path: Path) -> subprocess.CompletedProcess[str]:
    program = (
        "import os, sys; from tests.storage.stage import an_idle_database;"
        f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY});"
        "an_idle_database(sys.argv[1])"
    )
    return subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def place() -> Iterator[Path]:
    """Where others can come to: the folders above that of a test are open to its user only."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "spooled.db"


@as_root
@pytest.mark.parametrize("denied", ["the file", "the folder"])
def test_a_user_who_may_not_write_leaves_nothing_beside_the_file(place: Path, denied: str) -> None:
    path = place
    an_idle_database(path).close()
    path.with_name("spooled.db.lock").unlink()
    path.chmod(0o644 if denied == "the file" else 0o666)
    path.parent.chmod(0o777 if denied == "the file" else 0o755)

    answer = as_nobody(path)

    assert answer.returncode == 1
    assert "CannotUseFile" in answer.stderr
    assert (
        f"this user may not write {'the file' if denied == 'the file' else 'in'}" in answer.stderr
    )
    assert [each.name for each in path.parent.iterdir()] == ["spooled.db"]


@as_root
def test_the_lock_that_an_administrator_makes_is_one_for_the_owner_of_the_file(path: Path) -> None:
    an_idle_database(path).close()
    lock = path.with_name("spooled.db.lock")
    lock.unlink()
    for place in (path, path.parent):
        os.chown(place, NOBODY, NOBODY)

    an_idle_database(path).close()

    assert lock.stat().st_uid == NOBODY


@pytest.mark.parametrize("is_link", [False, True])
def test_a_file_of_others_with_the_name_of_the_lock_is_left_alone(
    path: Path, is_link: bool
) -> None:
    lock = path.with_name("spooled.db.lock")
    precious = path.with_name("precious") if is_link else lock
    precious.write_text("of somebody else")
    if is_link:
        lock.symlink_to(precious)

    with pytest.raises((CannotUseFile, OSError), match=str(lock)):
        an_idle_database(path)

    assert precious.read_text() == "of somebody else"
    assert not path.exists()


# -- a log without its file -------------------------------------------------------------------


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_a_log_without_its_file_is_kept_until_the_file_is_back(path: Path, left: str) -> None:
    copy = path.parent / "copy"
    copy.mkdir()

    async def main() -> None:
        async with a_database(path) as db:
            await db.write(add, "acknowledged")
            for name in ("spooled.db", "spooled.db-wal"):  # as a kill leaves them
                shutil.copy(path.with_name(name), copy / name)

    run(main())
    copied = copy / "spooled.db"
    copied.rename(copy / "elsewhere")
    if left == "an empty file":
        copied.touch()
    before = contents(copy)
    assert len(before["spooled.db-wal"]) > 0

    for _ in range(2):
        with pytest.raises(CannotUseFile) as refused:
            an_idle_database(copied)
        assert str(copied) in str(refused.value)
        assert "Put the file back" in str(refused.value)
    assert contents(copy) == before

    (copy / "elsewhere").rename(copied)

    async def again() -> list[str]:
        async with a_database(copied) as db:
            return await db.readers.read(notes)

    assert run(again()) == ["acknowledged"]


# -- a file without its log ----------------------------------------------------------------------


@pytest.mark.parametrize("way", [os.link, os.rename])
def test_a_file_whose_log_stands_beside_its_earlier_name_is_refused(
    path: Path, tmp_path: Path, way: Callable[[Path, Path], None]
) -> None:
    killed_with_a_log(path)
    other = tmp_path / "other.db"
    way(path, other)
    before = contents(tmp_path)

    with pytest.raises(CannotUseFile, match=f"its log {path}-wal is there") as refused:
        an_idle_database(other)

    assert str(refused.value).startswith(f"{other}: the file was last opened as {path}")
    assert contents(tmp_path) == before
    if not path.exists():
        other.rename(path)
    assert notes_in(path) == ["acknowledged"]


def test_a_file_that_is_moved_with_its_log_goes_on(path: Path, tmp_path: Path) -> None:
    killed_with_a_log(path)
    for suffix in ("", "-wal"):
        Path(f"{path}{suffix}").rename(tmp_path / f"other.db{suffix}")

    assert notes_in(tmp_path / "other.db") == ["acknowledged"]


def test_a_copy_goes_on_beside_the_log_of_its_original(path: Path, tmp_path: Path) -> None:
    killed_with_a_log(path)
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"VACUUM INTO '{copy}'")
    killed_with_a_log(path, "later")

    assert notes_in(copy) == ["acknowledged"]


def killed_with_a_log(path: Path, text: str = "acknowledged") -> None:
    """One write is acknowledged, and the process ends."""
    program = (
        "import os, sys; from tests.storage.stage import a_database, add, run\n"
        "async def main():\n"
        "    async with a_database(sys.argv[1]) as db:\n"
        "        await db.write(add, sys.argv[2])\n"
        "        os._exit(0)\n"
        "run(main())"
    )
    subprocess.run([sys.executable, "-c", program, str(path), text], check=True)
    assert os.stat(f"{path}-wal").st_size > 0


def notes_in(path: Path) -> list[str]:
    async def main() -> list[str]:
        async with a_database(path) as db:
            return await db.readers.read(notes)

    return run(main())


# -- another name of the same file ------------------------------------------------------------


def test_a_hard_link_is_no_way_around_the_lock(path: Path) -> None:
    database = an_idle_database(path)
    link = path.with_name("link.db")
    os.link(path, link)

    with pytest.raises(FileInUse, match="under another name"):
        an_idle_database(link)

    database.close()
    assert not path.with_name("link.db.lock").exists()
    an_idle_database(path).close()


def test_a_hard_link_is_no_way_around_the_lock_of_another_process(path: Path) -> None:
    an_idle_database(path).close()
    link = path.with_name("link.db")
    os.link(path, link)
    program = (
        "import sys, time; from spooled_lite.storage.file_guard import FileLock;"
        "lock = FileLock(sys.argv[1]).acquire(); lock.hold_file();"
        "print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(FileInUse, match="under another name"):
            an_idle_database(link)
        holder.kill()

    an_idle_database(link).close()


def test_the_lock_of_sqlite_stays_while_a_second_server_is_refused(path: Path) -> None:
    database = an_idle_database(path)
    with pytest.raises(FileInUse):
        an_idle_database(path)
    database.writer._connection.execute("BEGIN IMMEDIATE")

    program = (
        "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1], timeout=0);"
        "connection.execute('BEGIN IMMEDIATE')"
    )
    other = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False
    )

    database.writer._connection.execute("ROLLBACK")
    database.close()
    assert "database is locked" in other.stderr


def test_a_journal_that_a_cut_first_start_left_is_no_reason_to_refuse(path: Path) -> None:
    path.touch()
    path.with_name("spooled.db-journal").write_bytes(b"\0" * 512)

    an_idle_database(path).close()
