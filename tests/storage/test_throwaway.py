"""The files of `:memory:`: what dead processes left is removed, and nothing else."""

import tempfile
from pathlib import Path

import pytest

from spooled_lite.storage import throwaway
from spooled_lite.storage.file_guard import FileLock


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def a_file() -> str:
    path = throwaway.throwaway()
    Path(path).write_bytes(b"a database")
    return path


def test_what_a_dead_process_left_is_gone_after_the_next_start() -> None:
    left = a_file()
    FileLock(left).acquire().release()  # as the kernel does for a process that was killed

    throwaway.throwaway()

    assert not Path(left).parent.exists()


def test_what_a_live_process_holds_stays() -> None:
    held = a_file()
    lock = FileLock(held).acquire()

    throwaway.throwaway()

    assert Path(held).read_bytes() == b"a database"
    lock.release()


def test_a_folder_that_another_start_has_just_made_stays() -> None:
    young = Path(throwaway.throwaway()).parent

    throwaway.throwaway()

    assert young.exists()


def test_a_lock_that_its_server_is_about_to_take_stays() -> None:
    starting = a_file()
    Path(f"{starting}.lock").touch()

    throwaway.throwaway()

    assert Path(starting).exists()


def test_a_link_and_a_folder_without_our_lock_are_left_alone(folder: Path) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "spooled.db").write_text("not ours")
    (elsewhere / "spooled.db.lock").write_text("")
    (folder / "spooled-lite-link").symlink_to(elsewhere)
    strange = folder / "spooled-lite-notes"
    strange.mkdir()
    (strange / "notes.txt").write_text("mine")

    throwaway.throwaway()

    assert (elsewhere / "spooled.db").exists()
    assert (strange / "notes.txt").exists()
