"""Windows on their way into the store: whatever breaks off, none is lost, doubled or mixed up."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from spooled_lite.archive.chain import Base, begin_chain
from spooled_lite.archive.chain_writer import ChainWriter
from spooled_lite.archive.reach import Reach, window_at, windows_after
from spooled_lite.archive.shipping import SecondWriter, ship
from spooled_lite.archive.spool import Spool
from spooled_lite.archive.window import BadWindow
from spooled_lite.outbound.stores import Folder
from spooled_lite.storage.log_frames import LogPlace
from spooled_lite.storage.log_reader import PagesOfWindow

FILE_ID: Final = "0" * 8 + "-0000-0000-0000-" + "0" * 12
WINDOWS: Final = 2
STEPS_MAX: Final = 60


class Crash(BaseException):
    """The process ends here."""


class Ways:
    """A spool, a store, and a writer that has begun a chain."""

    def __init__(self, tmp_path: Path) -> None:
        (tmp_path / "to").mkdir()
        self.store = Folder(str(tmp_path / "to"))
        self.spool = Spool(str(tmp_path / "spooled.db"))
        self.spool.make()
        self.chain = begin_chain(self.store, FILE_ID, token="begin", now_ms=0, program="0")
        self.writer = self.a_writer()
        self.writer.begin(self.chain, 1, LogPlace(b"salts...", 0, (0, 0)))

    def a_writer(self) -> ChainWriter:
        writer = ChainWriter(self.spool, bytes_max=2**30, figures=lambda: (0, 0))
        writer.standing = self.spool.standing()
        return writer

    def work(self) -> None:
        """Cut the windows that are not there yet, and send all."""
        standing = self.writer.standing
        assert standing is not None, "a chain is under way"
        self.spool.drop_after(standing)
        for number in range(standing.number + 1, WINDOWS + 1):
            self.writer.add([a_window(number)])
            ship(self.spool, self.store, self.writer.standing, lambda each: None)
        ship(self.spool, self.store, self.writer.standing, lambda each: None)

    def restart(self) -> None:
        self.writer = self.a_writer()

    def numbers(self) -> list[int]:
        """Of the windows in the store, found whole and linked to one another."""
        base = Base(
            file_id=FILE_ID, chain=1, number=0, link="begin", at_ms=0, backup="", created=0,
            settled=0,
        )  # fmt: skip
        stored = self.store.list(self.chain.name.windows)
        reach = Reach(self.chain.name, [base], list(range(1, len(stored) + 1)), 0)
        return [each.head.number for each in windows_after(self.store, reach, base, None)]


def a_window(number: int, *, at_ms: int | None = None) -> PagesOfWindow:
    return PagesOfWindow(
        number=number,
        pages={1: bytes([number]) * 4_096},
        size_pages=1,
        place=LogPlace(b"salts...", number, (number, number)),
        at_ms=number if at_ms is None else at_ms,
    )


@pytest.mark.parametrize("step", range(STEPS_MAX))
def test_a_crash_at_any_step_loses_and_doubles_no_window(
    tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = Ways(tmp_path)
    calls = 0

    def crashing(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == step + 1:
                raise Crash
            return function(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        for name in ("rename", "replace", "link", "unlink", "fsync", "open"):
            patch.setattr(os, name, crashing(getattr(os, name)))
        try:
            ways.work()
        except Crash:
            pass
        else:
            assert calls < STEPS_MAX, "every step was tried"

    ways.restart()
    ways.work()
    assert ways.numbers() == [1, 2]
    assert ways.spool.waiting() == []


def test_a_window_that_is_there_already_is_taken_for_sent(tmp_path: Path) -> None:
    """By this server, which was killed before it knew."""
    ways = Ways(tmp_path)
    ways.writer.add([a_window(1)])
    name = ways.chain.name.of_window(1)
    ways.store.create(name, ways.spool.path_of(name).read_bytes())

    ship(ways.spool, ways.store, ways.writer.standing, lambda each: None)

    assert ways.spool.waiting() == []
    assert ways.numbers() == [1]


def test_another_window_of_the_same_number_is_left_alone(tmp_path: Path) -> None:
    ways = Ways(tmp_path)
    ways.work()
    ours = ways.store.read(ways.chain.name.of_window(2))
    other = Spool(str(tmp_path / "copy.db"))
    other.make()
    second = ChainWriter(other, bytes_max=2**30, figures=lambda: (0, 0))
    second.begin(ways.chain, 1, LogPlace(b"salts...", 0, (0, 0)))
    second.add([a_window(1, at_ms=100)])

    with pytest.raises(SecondWriter, match="window 1 of chain 1"):
        ship(other, ways.store, second.standing, lambda each: None)

    assert ways.store.read(ways.chain.name.of_window(2)) == ours


def test_a_window_that_a_power_cut_spoiled_is_not_sent(tmp_path: Path) -> None:
    ways = Ways(tmp_path)
    ways.writer.add([a_window(1), a_window(2)])
    path = ways.spool.path_of(ways.chain.name.of_window(2))
    path.write_bytes(path.read_bytes()[:100])

    with pytest.raises(BadWindow):
        ship(ways.spool, ways.store, ways.writer.standing, lambda each: None)

    assert ways.numbers() == [1]


def test_a_window_that_is_missing_in_the_spool_is_no_gap_in_the_store(tmp_path: Path) -> None:
    ways = Ways(tmp_path)
    ways.writer.add([a_window(1), a_window(2), a_window(3)])
    ways.spool.drop(ways.chain.name.of_window(2))

    with pytest.raises(BadWindow, match="window 2 is missing"):
        ship(ways.spool, ways.store, ways.writer.standing, lambda each: None)

    assert ways.numbers() == [1]


def test_a_window_that_was_sent_reads_back_as_it_was_cut(tmp_path: Path) -> None:
    ways = Ways(tmp_path)
    ways.work()

    window = window_at(ways.store, ways.chain.name, 2)

    assert list(window.pages()) == [(1, bytes([2]) * 4_096)]
    assert (window.head.from_ms, window.head.to_ms) == (1, 2)
