"""Adds up what became of the jobs here, and looks for each moved one there."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final

from msgspec import Struct

from spooled_lite.cli.answer import Unreachable
from spooled_lite.cli.escaped import escaped
from spooled_lite.cli.moving.config import Config, label, queues_of
from spooled_lite.cli.moving.ledger import Ledger
from spooled_lite.cli.moving.side import ShownThing, Side
from spooled_lite.cli.things import time_ms
from spooled_lite.times import format_ms

NAMED_MAX: Final = 20  # of what is left, by id
IDS_AT_ONCE: Final = 100  # of one question for statuses
TRIES_MAX: Final = 20  # for figures of one moment: jobs may be created between two questions
SPAN_MS: Final = 6 * 3_600_000  # the counters of jobs created are told in parts of that at most
_WAITING: Final = ("pending", "scheduled", "processing")
_SETTLED: Final = ("completed", "cancelled", "deadletter")
_LEFT: Final = ("processing", "pending", "scheduled", "deadletter")


class MoveVerdict(Struct):
    lines: list[str] = []
    problems: list[str] = []


def note_baseline(here: Side, ledger: Ledger) -> None:
    """Write down how many jobs are where, once: all that comes later is counted from it."""
    if ledger.baseline is not None:
        return
    names = [each.text("queue_name") for each in queues_of(here)]
    since_ms = _server_ms(here) // SPAN_MS * SPAN_MS
    queues = {name: _standing(here, name, since_ms) for name in names}
    ledger.write("baseline", since=format_ms(since_ms), queues=queues)


def verify(config: Config, here: Side, there: Side, ledger: Ledger) -> MoveVerdict:
    """Raises: as Side."""
    verified = MoveVerdict()
    _add_up(here, ledger, verified)
    verified.problems += _on_the_way(ledger)
    verified.problems += _lost(there, ledger)
    verified.problems += _left(here)
    for pair in config.schedules:
        if pair.here.value("is_active"):
            verified.problems.append(f"schedule {label(pair.here)} still fires here")
    verified.lines.append(f"moved          {len(ledger.moved):,} jobs, looked for there by id")
    return verified


def _add_up(here: Side, ledger: Ledger, verified: MoveVerdict) -> None:
    """waiting before + created since = settled here + moved + waiting still, for each queue."""
    baseline = ledger.baseline
    if baseline is None:
        verified.problems.append(
            "nothing was copied by this ledger: there is nothing to compare with"
        )
        return
    since_ms = round(datetime.fromisoformat(baseline["since"]).timestamp() * 1000)
    before: Mapping[str, Mapping[str, int]] = baseline["queues"]
    moved, moved_dead = _moved_by_queue(ledger)
    for name in sorted({each.text("queue_name") for each in queues_of(here)} | set(before)):
        now = _standing(here, name, since_ms)
        was = before.get(name, {})
        created = now["created"] - was.get("created", 0)
        waiting_before = sum(was.get(each, 0) for each in _WAITING)
        waiting = sum(now[each] for each in _WAITING)
        gone = moved.get(name, 0)
        settled = sum(now[each] - was.get(each, 0) for each in _SETTLED)
        settled += moved_dead.get(name, 0) - gone  # the first are deleted, the second cancelled
        if not (waiting_before or created or settled or gone or waiting):
            continue
        told = (
            f"{waiting_before:,} waiting before + {created:,} created since"
            f" = {settled:,} settled here + {gone:,} moved + {waiting:,} waiting"
        )
        missing = waiting_before + created - settled - gone - waiting
        verified.lines.append(f"{escaped(name)}: {told}{'' if missing else '  ok'}")
        if missing:
            verified.problems.append(
                f"queue {escaped(name)} does not add up, by {missing:,}: was it purged or deleted,"
                " or were jobs deleted after their retention time?"
            )


def _moved_by_queue(ledger: Ledger) -> tuple[dict[str, int], dict[str, int]]:
    """Delayed jobs by their queue, and dead letters by the queue that they had here."""
    delayed: dict[str, int] = {}
    dead: dict[str, int] = {}
    for line in ledger.moved.values():
        counts = dead if line.get("dead") else delayed
        name = str(line.get("was") or line["queue"])
        counts[name] = counts.get(name, 0) + 1
    return delayed, dead


def _standing(here: Side, queue_name: str, since_ms: int) -> dict[str, int]:
    """The jobs of a queue by status, and how many were created since, all of one moment."""
    created = _created(here, queue_name, since_ms)
    for _ in range(TRIES_MAX):
        stats = here.thing("queues", queue_name, "stats")
        after = _created(here, queue_name, since_ms)
        if after == created:
            break
        created = after
    counts = {name: _whole(stats, name) for name in (*_WAITING, *_SETTLED)}
    return {**counts, "created": created}


def _whole(stats: ShownThing | None, name: str) -> int:
    value = None if stats is None else stats.value(name)
    return value if isinstance(value, int) else 0


def _created(here: Side, queue_name: str, since_ms: int) -> int:
    query = {"queue": queue_name, "from": format_ms(since_ms)}
    return sum(here.get("/dashboard/series", query).read(_Series).created)


class _Series(Struct):
    created: list[int]
    to: str = ""


def _server_ms(here: Side) -> int:
    to_ms = time_ms(here.get("/dashboard/series").read(_Series).to)
    if to_ms is None:
        raise Unreachable(f"{here.url} does not say what time it is as Spooled does")
    return to_ms


def _on_the_way(ledger: Ledger) -> Iterator[str]:
    for job_id in islice(ledger.leaving, NAMED_MAX):
        yield f"job {escaped(job_id)} is between the two: run --move again"


def _lost(there: Side, ledger: Ledger) -> Iterator[str]:
    wanted = [str(line["to"]) for line in ledger.moved.values()]
    found: set[str] = set()
    for begin in range(0, len(wanted), IDS_AT_ONCE):
        ids = wanted[begin : begin + IDS_AT_ONCE]
        answer = there.get("/jobs/status", {"ids": ",".join(ids)})
        found |= {each["id"] for each in answer.read(list[dict[str, Any]]) if "id" in each}
    lost = [each for each in wanted if each not in found]
    for job_id in lost[:NAMED_MAX]:
        yield f"job {escaped(job_id)} was moved, and is not found there"
    if len(lost) > NAMED_MAX:
        yield f"and {len(lost) - NAMED_MAX:,} more that are not found there"


def _left(here: Side) -> Iterator[str]:
    for status in _LEFT:
        jobs: Sequence[ShownThing] = list(
            islice(here.things("/jobs", {"status": status}), NAMED_MAX + 1)
        )
        for job in jobs[:NAMED_MAX]:
            name = escaped(job.text("queue_name"))
            yield f"job {escaped(job.text('id'))} of {name} is still here: {status}"
        if len(jobs) > NAMED_MAX:
            yield f"and more that are still here: {status}"
