"""One look at a server: its figures, its queues, and what happened last."""

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from spooled_lite.cli.answer import ServerRefused
from spooled_lite.cli.client import Client
from spooled_lite.cli.watch.event_lines import ToldEvent
from spooled_lite.cli.watch.scrape import Scrape

QUEUES_MAX: Final = 100  # the most that one answer lists; those with the worst problems come first
EVENTS_MAX: Final = 100
WRITER_SHARE: Final = 0.99
# A missing route, or a key that may not use it: the look has less in it.
_MISSING: Final = frozenset({401, 403, 404, 405})

Figure = float | int | None
T = TypeVar("T")


class ServerSeen(Struct, frozen=True, kw_only=True):
    """Of the whole server. None: it does not tell, or not this key."""

    version: str | None = None
    uptime_seconds: Figure = None
    created_per_second: Figure = None
    completed_per_second: Figure = None
    failed_per_second: Figure = None
    writer_p99_ms: Figure = None
    wal_bytes: Figure = None
    file_bytes: Figure = None
    backup_age_seconds: Figure = None


class QueueSeen(Struct, frozen=True, kw_only=True):
    queue_name: str
    paused: bool = False
    waiting: Figure = None
    processing: Figure = None
    completed_per_second: Figure = None
    failed_per_second: Figure = None
    oldest_seconds: Figure = None
    workers: Figure = None
    deadletter: Figure = None


class ServerLook(Struct, frozen=True, kw_only=True):
    at_ms: int
    server: ServerSeen
    queues: Sequence[QueueSeen]
    events: Sequence[ToldEvent]
    scrape: Scrape | None
    taken: float  # of the monotonic clock, in seconds


class _System(Struct):
    version: str | None = None
    uptime_seconds: Figure = None


class _OverviewQueue(Struct):
    name: str
    pending: Figure = None
    processing: Figure = None
    paused: bool = False


class _Overview(Struct):
    system: _System
    queues: list[_OverviewQueue] = []


class _BoardQueue(Struct):
    queue_name: str
    paused: bool = False
    waiting: Figure = None
    processing: Figure = None
    deadletter: Figure = None
    oldest_waiting_at: str | None = None
    created_per_min: Figure = None
    completed_per_min: Figure = None
    failed_per_min: Figure = None
    workers: Figure = None


def look_at(client: Client, before: ServerLook | None) -> ServerLook:
    """Ask the server. What only ours tells is left out of the look at another one.

    Raises:
        ServerRefused: the key is not accepted.
        Unreachable: there is no answer.
    """
    overview = client.get("/dashboard").read(_Overview)
    board = _optional(client, "/dashboard/queues", list[_BoardQueue], limit=QUEUES_MAX)
    listed = _optional(client, "/events/log", list[Raw], limit=EVENTS_MAX)
    scrape = _scrape(client)
    taken = time.monotonic()
    if board is None:
        queues = [
            QueueSeen(
                queue_name=each.name,
                paused=each.paused,
                waiting=each.pending,
                processing=each.processing,
            )
            for each in overview.queues
        ]
    else:
        queues = [_figures(each, client.now_ms) for each in board]
    return ServerLook(
        at_ms=client.now_ms,
        server=_server(overview.system, board or [], scrape, taken, before),
        queues=queues,
        events=[ToldEvent.listed(each) for each in reversed(listed or [])],
        scrape=scrape,
        taken=taken,
    )


def _figures(row: _BoardQueue, now_ms: int) -> QueueSeen:
    return QueueSeen(
        queue_name=row.queue_name,
        paused=row.paused,
        waiting=row.waiting,
        processing=row.processing,
        completed_per_second=_per_second(row.completed_per_min),
        failed_per_second=_per_second(row.failed_per_min),
        oldest_seconds=_age_seconds(row.oldest_waiting_at, now_ms),
        workers=row.workers,
        deadletter=row.deadletter,
    )


def _server(
    system: _System,
    board: Sequence[_BoardQueue],
    scrape: Scrape | None,
    taken: float,
    before: ServerLook | None,
) -> ServerSeen:
    figures = ServerSeen(
        version=system.version,
        uptime_seconds=system.uptime_seconds,
        created_per_second=_sum_per_second(each.created_per_min for each in board),
        completed_per_second=_sum_per_second(each.completed_per_min for each in board),
        failed_per_second=_sum_per_second(each.failed_per_min for each in board),
    )
    if scrape is None:
        return figures
    since = before.scrape if before is not None else None
    p99 = scrape.quantile("spooled_writer_wait_seconds", WRITER_SHARE, since)
    figures = msgspec.structs.replace(
        figures,
        writer_p99_ms=None if p99 is None else p99 * 1000,
        wal_bytes=scrape.value("spooled_wal_bytes"),
        file_bytes=scrape.value("spooled_file_bytes"),
        backup_age_seconds=scrape.value("spooled_backup_age_seconds"),
    )
    if before is None or since is None:
        return figures
    seconds = taken - before.taken

    def rate(name: str) -> Figure:
        now, then = scrape.value(name), since.value(name)
        # Counters begin again with the server.
        return None if now is None or then is None else max(0.0, now - then) / seconds

    return msgspec.structs.replace(
        figures,
        created_per_second=rate("spooled_jobs_enqueued_total"),
        completed_per_second=rate("spooled_jobs_completed_total"),
        failed_per_second=rate("spooled_jobs_failed_total"),
    )


def _optional(client: Client, path: str, kind: type[T], *, limit: int) -> T | None:
    try:
        return client.get(path, {"limit": limit}).read(kind)
    except ServerRefused as error:
        if error.status not in _MISSING:
            raise
        return None


def _scrape(client: Client) -> Scrape | None:
    try:
        answer = client.get(f"{client.url}/metrics")
    except ServerRefused as error:
        if error.status not in _MISSING:
            raise
        return None
    return Scrape.of(answer.body.decode("utf-8", "replace"))


def _per_second(per_minute: Figure) -> Figure:
    return None if per_minute is None else per_minute / 60


def _sum_per_second(per_minute: Iterable[Figure]) -> Figure:
    found = [each for each in per_minute if each is not None]
    return sum(found) / 60 if found else None


def _age_seconds(at: str | None, now_ms: int) -> Figure:
    try:
        return max(0.0, now_ms / 1000 - datetime.fromisoformat(at).timestamp()) if at else None
    except (ValueError, OverflowError):
        return None
