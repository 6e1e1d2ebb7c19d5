"""The screen of `top`: a line about the server, its queues, and beside them what happened last."""

from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from spooled_lite.cli.escaped import cut, escaped
from spooled_lite.cli.things import duration
from spooled_lite.cli.watch.event_lines import ToldEvent
from spooled_lite.cli.watch.look import Figure, QueueSeen, ServerLook, ServerSeen

MIB: Final = 1024 * 1024
QUEUE_WIDTH: Final = 24
HEAD_LINES: Final = 4  # above the rows: two about the server, a blank one, the titles
EVENTS_FROM_COLUMNS: Final = 116  # of the terminal; a narrower one shows no events
ID_CHARS: Final = 8
_NONE: Final = "-"
_TITLES: Final = ("WAITING", "RUNNING", "DEAD", "DONE/s", "FAIL/s", "OLDEST", "WORKERS")
_EVENT_TITLES: Final = ("UTC", "EVENT", "QUEUE", "ABOUT", "")


def screen(look: ServerLook, *, columns: int, lines: int, trouble: str = "") -> RenderableType:
    """As many rows as fit. `trouble` stands in place of what happens when nobody answers."""
    rows = max(1, lines - HEAD_LINES)
    second = (
        Text(escaped(trouble), style="bold red") if trouble else Text(_second_line(look), "dim")
    )
    head = [Text(_first_line(look.server)), second]
    for line in head:
        line.no_wrap, line.overflow = True, "ellipsis"
    shown = Table.grid(padding=(0, 3), expand=False)
    shown.add_column(no_wrap=True)
    cells: list[RenderableType] = [_queues(look.queues, rows)]
    if columns >= EVENTS_FROM_COLUMNS:
        shown.add_column(no_wrap=True, overflow="ellipsis")
        cells.append(_events(look.events[-rows:]))
    shown.add_row(*cells)
    return Group(*head, Text(""), shown)


def _first_line(server: ServerSeen) -> str:
    up = (
        ""
        if server.uptime_seconds is None
        else f"  up {duration(int(server.uptime_seconds * 1000))}"
    )
    return (
        f"spooled-lite {escaped(server.version or '')}{up}"
        f"  {_rate(server.created_per_second)}/s in"
        f"  {_rate(server.completed_per_second)}/s done"
        f"  {_rate(server.failed_per_second)}/s failed"
    )


def _second_line(look: ServerLook) -> str:
    server = look.server
    parts = []
    if server.writer_p99_ms is not None:
        parts.append(f"writer p99 {server.writer_p99_ms:.1f} ms")
    if server.wal_bytes is not None:
        parts.append(f"log {server.wal_bytes / MIB:,.1f} MiB")
    if server.file_bytes is not None:
        parts.append(f"file {server.file_bytes / MIB:,.1f} MiB")
    if server.backup_age_seconds is not None:
        parts.append(f"last backup {duration(int(server.backup_age_seconds * 1000))} ago")
    return "  ".join(parts) or "no figures of the server: /metrics is closed to this key"


def _queues(queues: Sequence[QueueSeen], rows: int) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    for _ in _TITLES:
        table.add_column(justify="right", no_wrap=True)
    table.add_row(Text("QUEUE", style="bold"), *(Text(each, style="bold") for each in _TITLES))
    # The last line says how many more there are.
    shown = queues if len(queues) <= rows else queues[: rows - 1]
    for each in shown:
        name = cut(escaped(each.queue_name), QUEUE_WIDTH)
        table.add_row(
            Text(f"{name} (paused)" if each.paused else name, style="dim" if each.paused else ""),
            _count(each.waiting),
            _count(each.processing),
            _count(each.deadletter, style="red"),
            Text(_rate(each.completed_per_second)),
            Text(_rate(each.failed_per_second)),
            Text(
                _NONE if each.oldest_seconds is None else duration(int(each.oldest_seconds * 1000))
            ),
            _count(each.workers),
        )
    if len(shown) < len(queues):
        table.add_row(Text(f"and {len(queues) - len(shown)} more", style="dim"))
    if not queues:
        table.add_row(Text("no queues yet", style="dim"))
    return table


def _events(events: Sequence[ToldEvent]) -> Table:
    table = Table.grid(padding=(0, 2))
    for _ in _EVENT_TITLES:
        table.add_column(no_wrap=True, overflow="ellipsis")
    table.add_row(*(Text(each, style="bold") for each in _EVENT_TITLES))
    for each in events:
        table.add_row(
            Text(each.clock, style="dim"),
            Text(cut(escaped(each.kind), QUEUE_WIDTH)),
            Text(cut(each.queue, QUEUE_WIDTH)),
            Text(each.subject[:ID_CHARS], style="dim"),
            Text(each.detail),
        )
    return table


def _count(value: Figure, *, style: str = "") -> Text:
    if value is None:
        return Text(_NONE, style="dim")
    return Text(f"{value:,.0f}", style=style if value else "")


def _rate(value: Figure) -> str:
    if value is None:
        return _NONE
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
