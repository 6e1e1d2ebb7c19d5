"""Things as a server shows them, and what a command shows of them: a table, details, or JSON."""

import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click
import msgspec
from msgspec import Raw, Struct
from rich.cells import cell_len

from spooled_lite.cli.answer import Answered, Unreachable
from spooled_lite.cli.client import Client, Parameters
from spooled_lite.cli.escaped import cut, escaped, escaped_json

ROWS: Final = 50  # of a table without --limit; a screen or two
ROWS_MAX: Final = 10_000  # of a table, which is in memory until its widths are known
CELL_MAX: Final = 200  # columns of the terminal, of a value in a table
CELL_MIN: Final = 8  # to which values are cut where the terminal is too narrow
VALUE_MAX: Final = 20_000  # columns of a value among details
GAP: Final = "  "
NOW_MS: Final = 2_000  # that a time is called now; the server says its own to the second
NONE: Final = "-"


class Thing:
    """One thing of an answer. Its values are decoded when they are looked at, so a number or a
    payload is shown as it was sent."""

    def __init__(self, raw: bytes | Raw, now_ms: int) -> None:
        self.now_ms = now_ms
        try:
            self._members = msgspec.json.decode(raw, type=dict[str, Raw])
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise Unreachable("what answers there is not Spooled: a thing is no object") from None

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def raw(self, name: str) -> bytes:
        return bytes(self._members.get(name, b"null"))

    def value(self, name: str) -> Any:
        """None where there is no such member, or none that can be decoded."""
        try:
            return msgspec.json.decode(self.raw(name))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None

    def text(self, name: str) -> str:
        """The value on one line: a text itself, a list of texts with commas, anything else as
        JSON."""
        value, shown = self.value(name), self.raw(name).decode("utf-8", "replace")
        if shown in ("null", '""'):
            return NONE
        if isinstance(value, str):
            return escaped(value)
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return escaped(", ".join(value)) or NONE
        return escaped(shown)

    def ms(self, name: str) -> int | None:
        return time_ms(self.value(name))

    def ago(self, name: str) -> str:
        """A time as a person says it: `3 min ago`, `in 2 h`."""
        at_ms = self.ms(name)
        return self.text(name) if at_ms is None else relative(at_ms - self.now_ms)

    def when(self, name: str) -> str:
        """A time in full, and how far that is: `2026-10-01 09:00:00 UTC (3 min ago)`."""
        at_ms = self.ms(name)
        if at_ms is None:
            return self.text(name)
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
        return f"{at:%Y-%m-%d %H:%M:%S} UTC ({relative(at_ms - self.now_ms)})"


def time_ms(value: Any) -> int | None:
    """A time as servers write it; None for what is none."""
    try:
        at = datetime.fromisoformat(value)
        return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (TypeError, ValueError, OverflowError):
        return None


def relative(ms: int) -> str:
    """How far a time is from now, which is known to the second."""
    if abs(ms) < NOW_MS:
        return "now"
    span = duration(abs(ms))
    return f"in {span}" if ms > 0 else f"{span} ago"


def duration(ms: int) -> str:
    """Such as `12 s`, `3 min`, `5 h` or `80 d`, to the nearest."""
    seconds = ms // 1000
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{(seconds + size // 2) // size:,} {unit}"
    return f"{seconds} s"


class Column(Struct, frozen=True):
    """A column of a table. One that is `whole` is never cut: ids are copied from it. One that is
    `optional` is left out where it would be empty."""

    title: str
    show: Callable[[Thing], str]
    whole: bool = False
    right: bool = False
    optional: bool = False


def text(
    title: str, name: str | None = None, *, whole: bool = False, optional: bool = False
) -> Column:
    member = name or title.lower()
    return Column(title, lambda thing: thing.text(member), whole=whole, optional=optional)


def number(title: str, name: str | None = None) -> Column:
    member = name or title.lower()
    return Column(title, lambda thing: thing.text(member), whole=True, right=True)


def ago(title: str, name: str) -> Column:
    return Column(title, lambda thing: thing.ago(name), whole=True)


def print_list(
    client: Client,
    path: str,
    columns: Sequence[Column],
    *,
    query: Parameters | None = None,
    limit: int | None,
    as_json: bool,
    none: str,
    is_frozen: bool = False,
) -> None:
    """A list of the API as a table, or as JSON, a thing a line. `none` is said of an empty one;
    `is_frozen` as for `Client.things`."""
    print_things(
        client,
        lambda count: client.things(path, query or {}, count, is_frozen=is_frozen),
        columns,
        limit=limit,
        as_json=as_json,
        none=none,
    )


def print_things(
    client: Client,
    things: Callable[[int | None], Iterable[Raw]],
    columns: Sequence[Column],
    *,
    limit: int | None,
    as_json: bool,
    none: str,
) -> None:
    """The same of any things: `things` gives the first so many of them, or all."""
    if as_json:
        for raw in things(limit):
            print_line(raw)
        return
    shown = min(limit or ROWS, ROWS_MAX)
    found = [Thing(each, client.now_ms) for each in things(shown + 1)]
    if not found:
        click.echo(none)
        return
    print_table(found[:shown], columns)
    if len(found) > shown:
        click.echo(f"The first {shown}; there are more (--limit, --json).", err=True)


def print_table(things: Sequence[Thing], columns: Sequence[Column]) -> None:
    columns = [
        column
        for column in columns
        if not column.optional or any(column.show(thing) != NONE for thing in things)
    ]
    rows = [[cut(column.show(thing), CELL_MAX) for column in columns] for thing in things]
    widths = [
        max(cell_len(cell) for cell in (column.title, *(row[at] for row in rows)))
        for at, column in enumerate(columns)
    ]
    _fit(widths, columns)
    for row in ([column.title for column in columns], *rows):
        cells = (
            _cell(cell, width, right=column.right)
            for cell, width, column in zip(row, widths, columns, strict=True)
        )
        click.echo(GAP.join(cells).rstrip())


def print_details(lines: Iterable[tuple[str, str]]) -> None:
    """Names and values, a line each. What is empty is left out."""
    told = [(name, value) for name, value in lines if value not in ("", NONE)]
    width = max((len(name) for name, _ in told), default=0)
    for name, value in told:
        click.echo(f"{name:<{width}}{GAP}{cut(value, VALUE_MAX)}")


def print_json_value(thing: Thing, name: str) -> None:
    """A value that people gave, on lines of its own."""
    raw = thing.raw(name)
    if raw == b"null":
        return
    try:
        lines = msgspec.json.format(raw, indent=2).decode("utf-8", "replace")
    except msgspec.MsgspecError:
        lines = raw.decode("utf-8", "replace")
    click.echo(f"\n{name}")
    for line in cut(lines, VALUE_MAX).split("\n"):
        click.echo(f"  {escaped(line)}")


def print_answer(answer: Answered) -> None:
    """The body of an answer as it is."""
    if answer.body:
        print_line(answer.body)


def print_line(raw: bytes | Raw) -> None:
    """JSON on one line. To a terminal, characters that would do something there are escaped."""
    line = bytes(raw).strip()
    if b"\n" in line or b"\r" in line:
        try:
            line = msgspec.json.format(line, indent=-1)
        except msgspec.MsgspecError:
            raise Unreachable("what answers there is not Spooled: no JSON") from None
    if sys.stdout.isatty():
        click.echo(escaped_json(line.decode("utf-8", "replace")))
    else:
        click.echo(line)


def _cell(cell: str, width: int, *, right: bool) -> str:
    cell = cut(cell, width)
    blank = " " * (width - cell_len(cell))
    return blank + cell if right else cell + blank


def _fit(widths: list[int], columns: Sequence[Column]) -> None:
    """Narrow the widest columns until the table fits the terminal, as far as they may be cut."""
    if not sys.stdout.isatty():
        return
    over = sum(widths) + len(GAP) * (len(widths) - 1) - shutil.get_terminal_size().columns
    able = [at for at, column in enumerate(columns) if not column.whole]
    while over > 0 and able:
        widest = max(able, key=lambda at: widths[at])
        if widths[widest] <= CELL_MIN:
            return
        widths[widest] -= 1
        over -= 1
