"""Moments of an archive brought back by the command: the right one, whole, or none and why."""

import asyncio
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result
from msgspec import structs

from spooled_lite.archive import apply
from spooled_lite.archive.chain import begin_chain, store_base
from spooled_lite.archive.follow import ChainEnded, windows_as_they_come
from spooled_lite.archive.reach import reaches
from spooled_lite.archive.window import BadWindow
from spooled_lite.backups.manifest import manifest_name
from spooled_lite.cli.check import problems_of
from spooled_lite.cli.main import main
from spooled_lite.outbound.stores import StoreTrouble
from spooled_lite.storage.file_guard import FileLock
from tests.archive.stage import (
    CUT_MS,
    a_job,
    a_moment,
    a_server,
    store_in,
    texts_in,
    until_based,
    until_sent,
    window_path,
)

WINDOWS: Final = 5
FOLLOW_SECONDS_MAX: Final = 60.0
HOUR_MS: Final = 3_600_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an archive of five windows, a job in each."""
    folder = tmp_path_factory.mktemp("made")

    async def work() -> None:
        async with a_server(folder) as served:
            await until_based(served)
            for number in range(1, WINDOWS + 1):
                await a_job(served, str(number))
                await until_sent(served)

    asyncio.run(work())
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoiled."""
    shutil.copytree(made / "to", tmp_path / "to")
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def restore(folder: Path, *more: object) -> Result:
    return run("restore", "--from", folder / "to", "--database", folder / "new.db", *more)


def window(folder: Path, number: int) -> Path:
    [reach] = reaches(store_in(folder))
    return window_path(folder, reach.name, number)


def test_it_is_the_last_moment_up_to_the_time_and_says_what_is_not_in_it(folder: Path) -> None:
    done = restore(folder, "--to", "2027-01-15 08:00:25")

    assert done.exit_code == 0, done.output
    assert "windows   2 to number 2 of chain 1: the moment 2027-01-15T08:00:20.000Z" in done.output
    assert "5.0 s before the time asked for" in done.output
    assert "not in it 3 jobs were created and 0 completed" in done.output
    assert texts_in(folder / "new.db") == ["1", "2"]
    assert problems_of(str(folder / "new.db")) == []


def test_without_a_time_it_is_the_newest(folder: Path) -> None:
    done = restore(folder)

    assert done.exit_code == 0, done.output
    assert "what the server has done since the last window" in done.output
    assert texts_in(folder / "new.db") == list("12345")


def test_the_list_shows_what_can_be_reached(folder: Path) -> None:
    window(folder, 4).unlink()
    listed = run("restore", "--from", folder / "to", "--list")

    assert listed.exit_code == 0, listed.output
    line = listed.output.splitlines()[1].split()
    assert line[1:4] == ["1", "2027-01-15T08:00:00.000Z", "2027-01-15T08:00:50.000Z"]
    assert line[-1] == "4"


def test_a_window_of_any_number_costs_the_list_nothing(folder: Path) -> None:
    odd = window(folder, 4)
    odd.with_name(odd.name.replace("000000004", "999999999")).write_bytes(b"")
    listed = run("restore", "--from", folder / "to", "--list")

    assert listed.exit_code == 0, listed.output
    line = listed.output.splitlines()[1]
    assert "window 999,999,999 is bad" in line
    assert line.endswith("6, 7, 8")


def test_what_is_no_file_is_refused_at_once(folder: Path) -> None:
    path = window(folder, 4)
    path.unlink()
    os.mkfifo(path)

    refused = restore(folder)

    assert refused.exit_code == 1
    assert "this is no file" in refused.output


@pytest.fixture(scope="module")
def made_twice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an archive of two bases, with a job after each."""
    folder = tmp_path_factory.mktemp("made")

    async def work() -> None:
        async with a_server(folder, archive_base_hours=1) as served:
            await until_based(served)
            await a_job(served, "1")
            await until_sent(served)
            served.clock.set(served.clock.now_ms() + HOUR_MS)
            await a_job(served, "2")
            while len(reaches(store_in(folder))[0].bases) < 2:
                served.clock.set(served.clock.now_ms() + CUT_MS)
                await a_moment()
            await a_job(served, "3")
            await until_sent(served)

    asyncio.run(work())
    return folder


@pytest.mark.parametrize("pattern", ["base-*", "spooled-*.db.gz", "spooled-*.json"])
@pytest.mark.parametrize("spoil", [lambda path: path.write_bytes(b"{"), Path.unlink])
def test_a_spoiled_base_is_passed_over_for_the_one_before_it(
    made_twice: Path, tmp_path: Path, pattern: str, spoil: Callable[[Path], None]
) -> None:
    shutil.copytree(made_twice / "to", tmp_path / "to")
    newest = reaches(store_in(tmp_path))[0].bases[-1]
    named = (newest.name.of_base(newest.number), newest.backup, manifest_name(newest.backup))
    [path] = {*(tmp_path / "to").glob(pattern)} & {tmp_path / "to" / each for each in named}
    spoil(path)

    done = restore(tmp_path)

    assert done.exit_code == 0, done.output
    assert texts_in(tmp_path / "new.db") == ["1", "2", "3"]
    if path.exists() or pattern != "base-*":
        assert "passed over" in done.output


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def flip_a_bit(path: Path) -> None:
    text = bytearray(path.read_bytes())
    text[len(text) // 2] ^= 4
    path.write_bytes(text)


def flip_a_bit_of_the_head(path: Path) -> None:
    text = bytearray(path.read_bytes())
    text[20] ^= 1
    path.write_bytes(text)


def take_the_one_before(path: Path) -> None:
    shutil.copy(path.with_name(path.name.replace("4.pages", "3.pages")), path)


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (Path.unlink, "window 4 is missing"),
        (cut_short, "window 4 is damaged"),
        (empty, "window 4 is damaged"),
        (flip_a_bit, "window 4 is damaged"),
        (flip_a_bit_of_the_head, "window 4 is damaged"),
        (take_the_one_before, "this is window 3 of chain 1"),
    ],
)
def test_a_window_that_is_spoiled_is_named_and_nothing_is_restored(
    folder: Path, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(window(folder, 4))

    refused = restore(folder)

    assert refused.exit_code == 1
    assert said in refused.output
    assert "What can be reached without it ends at 2027-01-15T08:00:30.000Z" in refused.output
    assert list(folder.glob("new*")) == []
    done = restore(folder, "--to", "2027-01-15T08:00:30.000Z")
    assert done.exit_code == 0, done.output
    assert texts_in(folder / "new.db") == ["1", "2", "3"]


def test_windows_of_another_archive_do_not_follow(folder: Path, tmp_path: Path) -> None:
    """Of the same file, chain and number, as a copy of the server would have made it."""
    other = tmp_path / "other"
    other.mkdir()

    async def work() -> None:
        async with a_server(other) as served:
            await until_based(served)
            for number in range(1, WINDOWS + 1):
                await a_job(served, f"other {number}")
                await until_sent(served)

    asyncio.run(work())
    stranger = window(other, 4).read_bytes()
    [theirs], [ours] = reaches(store_in(other)), reaches(store_in(folder))
    # Its name made right, and the hash of the whole as well.
    body = stranger[:-32].replace(theirs.name.file_id.encode(), ours.name.file_id.encode())
    window(folder, 4).write_bytes(body + hashlib.sha256(body).digest())

    refused = restore(folder)

    assert "window 4: it does not follow the one before it" in refused.output
    assert refused.exit_code == 1


def test_a_time_before_all_bases_is_refused(folder: Path) -> None:
    refused = restore(folder, "--to", "2027-01-15T07:59:59Z")

    assert refused.exit_code == 1
    assert "the archive begins at 2027-01-15T08:00:00.000Z" in refused.output


def test_a_folder_without_an_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()

    refused = restore(tmp_path, "--to", "2027-01-15T07:59:59Z")

    assert refused.exit_code == 1
    assert "no archive has a base here" in refused.output


@pytest.mark.parametrize(
    "options",
    [
        ("--to", "yesterday"),
        ("--to", "2027-01-15T07:59:59Z", "--follow"),
        ("--to", "2027-01-15T07:59:59Z", "--backup", "spooled-20270115T080000Z-00000000"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    folder: Path, options: tuple[str, ...]
) -> None:
    assert restore(folder, *options).exit_code == 2


def test_what_stands_in_the_way_is_left_alone_and_can_be_replaced(folder: Path) -> None:
    (folder / "new.db").write_bytes(b"kept")

    assert restore(folder).exit_code == 1
    assert (folder / "new.db").read_bytes() == b"kept"

    done = restore(folder, "--replace")
    assert done.exit_code == 0, done.output
    assert texts_in(folder / "new.db") == list("12345")
    [old] = folder.glob("new.db.before-restore-*")
    assert old.read_bytes() == b"kept"


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", [1, 2, 5, 9, 14, 20])
def test_a_crash_amid_the_windows_leaves_nothing_that_a_server_would_take(
    folder: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    class Failing:
        def __getattr__(self, name: str) -> object:
            return getattr(os, name)

        def pwrite(self, descriptor: int, text: bytes, at: int) -> int:
            nonlocal calls
            calls += 1
            if calls == step:
                raise Crash
            return os.pwrite(descriptor, text, at)

    with monkeypatch.context() as patch:
        patch.setattr(apply, "os", Failing())
        with pytest.raises(Crash):
            restore(folder)

    assert not (folder / "new.db").exists()
    done = restore(folder)
    assert done.exit_code == 0, done.output
    assert {each.name for each in folder.glob("new*")} == {"new.db"}
    assert texts_in(folder / "new.db") == list("12345")


def test_a_copy_that_follows_takes_what_comes_and_is_served_in_the_end(folder: Path) -> None:
    """Windows 4 and 5 come while it waits."""
    late = {number: window(folder, number).read_bytes() for number in (4, 5)}
    paths = {number: window(folder, number) for number in late}
    for path in paths.values():
        path.unlink()
    following = subprocess.Popen(
        [
            *(sys.executable, "-c", FOLLOWING, "restore", "--follow"),
            *("--from", folder / "to", "--database", folder / "new.db"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: (folder / "new.db.partial-restore").exists())
        for number, path in paths.items():
            aside = folder / "aside"
            aside.write_bytes(late[number])
            aside.rename(path)
        until(lambda: b'"text":"5"' in (folder / "new.db.partial-restore").read_bytes())
        with pytest.raises(Exception, match="in use by another server"):
            FileLock(str(folder / "new.db")).acquire()
        following.send_signal(signal.SIGTERM)
        said, errors = following.communicate(timeout=FOLLOW_SECONDS_MAX)
    finally:
        following.kill()
    assert following.returncode == 0, said + errors
    assert "to number 5 of chain 1" in said
    assert texts_in(folder / "new.db") == list("12345")


# The command, looking for the next window without a pause.
FOLLOWING = """
from spooled_lite.cli import restore_moment
restore_moment.FOLLOW_SECONDS = 0.05
from spooled_lite.cli.main import main
main()
"""


def test_a_copy_that_follows_goes_on_with_the_next_chain_once_it_has_a_base(folder: Path) -> None:
    store = store_in(folder)
    [reach] = reaches(store)
    pauses: list[None] = []

    def pause(trouble: StoreTrouble | None) -> bool:
        pauses.append(None)
        if len(pauses) == 1:
            begin_chain(store, reach.name.file_id, token="t", now_ms=0, program="0")
        if len(pauses) == 2:
            base = structs.replace(reach.bases[0], chain=2, link="t")
            store_base(store, base)
        return len(pauses) < 5

    coming = windows_as_they_come(store, reach, reach.bases[0], pause=pause)

    assert [next(coming).head.number for _ in range(WINDOWS)] == [1, 2, 3, 4, 5]
    with pytest.raises(ChainEnded):
        next(coming)
    assert len(pauses) == 2


def test_a_copy_that_follows_does_not_wait_for_a_window_that_is_missing(folder: Path) -> None:
    window(folder, 3).unlink()
    [reach] = reaches(store_in(folder))
    coming = windows_as_they_come(
        store_in(folder), reach, reach.bases[0], pause=lambda trouble: False
    )

    assert [next(coming).head.number for _ in range(2)] == [1, 2]
    with pytest.raises(BadWindow, match="window 3 is missing"):
        next(coming)


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + FOLLOW_SECONDS_MAX
    while not is_so():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)
