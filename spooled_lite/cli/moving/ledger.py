"""The ledger of a move: what was begun and what was done, a line of JSON each, never changed.

A move that breaks off goes on from here. A line is on disk before the call that it is about.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import click
import msgspec
from msgspec import Raw

from spooled_lite.clock import SystemClock
from spooled_lite.times import format_ms

FORMAT: Final = "spooled-moved"
VERSION: Final = 1
# What a line is about:
#   baseline  how many jobs were where when the move began
#   key       a key there, made for the key `from` (`making`: begun)
#   leaving   a delayed job is about to be cancelled here; it is kept in the line until it is there
#   moved     the job `from` is the job `to` there
#   stayed    a job that was to leave had begun to run here
#   switching a schedule that is active here is about to be paused
#   switched  a schedule fires there, and which slots in between were made up for
LedgerStep = Literal[
    "baseline", "making", "key", "leaving", "moved", "stayed", "switching", "switched"
]
LedgerLine = Mapping[str, Any]


class Ledger:
    """An open ledger, which no one else writes to."""

    def __init__(self, descriptor: int, lines: list[LedgerLine]) -> None:
        self._descriptor = descriptor
        self.baseline: LedgerLine | None = None
        self.keys: dict[str, LedgerLine] = {}
        self.making: dict[str, LedgerLine] = {}
        self.leaving: dict[str, LedgerLine] = {}  # not yet moved, and not found to stay
        self.moved: dict[str, LedgerLine] = {}
        self.switching: dict[str, LedgerLine] = {}
        self.switched: dict[str, LedgerLine] = {}
        for line in lines:
            self._note(line)

    def write(self, step: LedgerStep, **members: object) -> None:
        """Add a line, and have it on disk."""
        now = format_ms(SystemClock().now_ms())
        line = msgspec.json.encode({"step": step, "at": now, **members})
        _write(self._descriptor, line)
        self._note(_decoded(line))

    def _note(self, line: LedgerLine) -> None:
        step, subject = line.get("step"), str(line.get("from", ""))
        if step == "baseline":
            self.baseline = self.baseline or line
        elif step == "making":
            self.making[subject] = line
        elif step == "key":
            self.keys[subject] = line
        elif step == "leaving":
            self.leaving[subject] = line
        elif step == "moved":
            self.leaving.pop(subject, None)
            self.moved[subject] = line
        elif step == "switching":
            self.switching[subject] = line
        elif step == "switched":
            self.switched[subject] = line
        elif step == "stayed":
            self.leaving.pop(subject, None)
            self.moved.pop(subject, None)


@contextmanager
def ledger_at(path: str, *, here: str, there: str) -> Iterator[Ledger]:
    """The ledger of this move, new or as it was left. `here` and `there` are organizations.

    Raises:
        click.ClickException: it cannot be used, belongs to another move, or is in use.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise click.ClickException(f"the ledger {path}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise click.ClickException(f"another command is moving by the ledger {path}") from None
        yield Ledger(descriptor, _read(path, descriptor, {"here": here, "there": there}))
    finally:
        os.close(descriptor)


def _read(path: str, descriptor: int, move: Mapping[str, str]) -> list[LedgerLine]:
    """The lines of this ledger. A last line that was cut by a crash is removed: what it was about
    was not begun."""
    content = Path(path).read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.ftruncate(descriptor, len(whole))
    if not whole:
        head = {"format": FORMAT, "version": VERSION, **move}
        _write(descriptor, msgspec.json.encode(head))
        return []
    first, *rest = whole.splitlines()
    lines = [_line(path, number, text) for number, text in enumerate(rest, 2)]
    head = dict(_line(path, 1, first))
    if head.get("format") != FORMAT or head.get("version") != VERSION:
        raise click.ClickException(f"{path} is no ledger of a move that this version can read")
    if {"here": head.get("here"), "there": head.get("there")} != move:
        raise click.ClickException(
            f"{path} is the ledger of a move between two other organizations: name another --ledger"
        )
    return lines


def _line(path: str, number: int, text: bytes) -> LedgerLine:
    try:
        return _decoded(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise click.ClickException(f"line {number} of the ledger {path} is damaged") from None


def _decoded(line: bytes) -> LedgerLine:
    """A line; the job in it stays as it was written."""
    members = msgspec.json.decode(line, type=dict[str, Raw])
    return {
        name: msgspec.json.decode(raw, type=dict[str, Raw])
        if name == "job"
        else msgspec.json.decode(raw)
        for name, raw in members.items()
    }


def _write(descriptor: int, line: bytes) -> None:
    try:
        data = line + b"\n"
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    except OSError as error:
        raise click.ClickException(f"the ledger cannot be written: {error.strerror}") from None
