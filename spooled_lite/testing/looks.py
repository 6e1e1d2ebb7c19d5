"""How an expectation stands now: how many count, and what came nearest."""

from collections.abc import Iterator, Mapping, Sequence
from heapq import nsmallest
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from spooled_lite.core.jobs import bodies
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.kinds import RULES
from spooled_lite.core.messages.peek import state_of_message
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.queues.ensure import find_queue
from spooled_lite.errors import BodyDamaged
from spooled_lite.storage.transaction import Reading
from spooled_lite.testing import statements
from spooled_lite.testing.durations import parse_duration_ms
from spooled_lite.testing.expect_shapes import (
    NEAREST_MAX,
    JobsExpected,
    MessagesExpected,
    NearMiss,
    WantedCount,
    WebhookExpected,
)
from spooled_lite.testing.matching import differences
from spooled_lite.testing.refusals import Stopped
from spooled_lite.times import format_ms, parse_ms

ROWS_MAX: Final = 10_000  # that one expectation looks at
PAGE_ROWS: Final = 200  # with their payloads


class Look(Struct, frozen=True):
    """What was found."""

    passed: bool
    actual: Any
    nearest: Sequence[NearMiss] = ()


def counted(wanted: WantedCount, misses: Iterator[NearMiss]) -> Look:
    """How many differ in nothing; and those that differ in the least."""
    actual, missed = 0, list[NearMiss]()
    for each in misses:
        if not each.differs:
            actual += 1
            continue
        missed.append(each)
        if len(missed) > PAGE_ROWS:
            missed = _nearest(missed)
    passed = is_within(wanted, actual)
    return Look(passed, actual, () if passed else _nearest(missed))


def is_within(wanted: WantedCount, actual: int) -> bool:
    if isinstance(wanted, int):
        return actual == wanted
    least, most = wanted.at_least, wanted.at_most
    return (least is None or actual >= least) and (most is None or actual <= most)


def may_hold_early(wanted: WantedCount) -> bool:
    """Whether it still holds once it has: more of them change nothing."""
    return not isinstance(wanted, int) and wanted.at_most is None


def look_for_jobs(tx: Reading, org: int, wanted: JobsExpected) -> Look:
    """Raises Stopped: there are more than ROWS_MAX to look at."""
    fields = {
        name: msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value
        for name in ("status", "job_type", "payload", "result", "error", "retry_count")
        if (value := getattr(wanted, name)) is not UNSET
    }
    rows = _jobs(tx, org, wanted)
    if wanted.at is UNSET:
        return counted(wanted.count, (_miss(fields, row) for row in rows))
    first = next((row for row in rows if not _miss(fields, row).differs), None)
    if first is None:
        return Look(False, [])
    times = tx.values(statements.ATTEMPTS_BEGAN, {"job": first["seq"], "limit": ROWS_MAX})
    actual = [format_ms(each) for each in times]
    if list(times) == attempt_times(wanted.at, times[0] if times else 0):
        return Look(True, actual)
    return Look(False, actual, [NearMiss(job_id=first["id"], differs={"at": actual})])


def attempt_times(wanted: Sequence[str], first_ms: int, field: str = "at") -> list[int]:
    """Raises BadDuration, WrongShape: one of them is neither a duration nor a time."""
    return [
        first_ms + parse_duration_ms(each[1:], f"{field}[{number}]")
        if each.startswith("+")
        else parse_ms(each, f"{field}[{number}]")
        for number, each in enumerate(wanted)
    ]


def look_for_messages(tx: Reading, org: int, wanted: MessagesExpected) -> Look:
    """Those that are in the queue. Raises Stopped: there are more than ROWS_MAX to look at."""
    fields = {
        name: msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value
        for name in ("body", "headers", "topic", "concurrency_key", "state", "deliveries")
        if (value := getattr(wanted, name)) is not UNSET
    }
    queue = find_queue(tx, org, wanted.messages)
    rows = () if queue is None else _paged(tx, org, queue)
    messages = (row for row in rows if row["kind"] == "message")
    return counted(wanted.count, (_missed(fields, row, tx.now_ms) for row in messages))


def look_for_deliveries(tx: Reading, org: int, wanted: WebhookExpected) -> Look:
    asked = {"org": org, "name": wanted.webhook, "limit": ROWS_MAX + 1}
    rows = tx.rows(statements.DELIVERIES_OF_NAME, asked)
    _check_rows(len(rows))
    fields = {"status": "success"}
    if wanted.event is not UNSET:
        fields["event"] = wanted.event
    return counted(
        wanted.delivered,
        (
            NearMiss(
                delivery_id=row["id"],
                differs=differences(fields, {"status": row["status"], "event": row["event"]}),
            )
            for row in rows
        ),
    )


def _jobs(tx: Reading, org: int, wanted: JobsExpected) -> Iterator[JobRow]:
    """Those that lists of jobs show; one that is named by its id, whatever it is."""
    queue = None
    if wanted.queue is not UNSET:
        queue = find_queue(tx, org, wanted.queue)
        if queue is None:
            return
    if wanted.job_id is UNSET:
        yield from (row for row in _paged(tx, org, queue) if RULES[row["kind"]].is_listed)
        return
    for row in _whole(tx, tx.rows(statements.JOB_WANTED, {"org": org, "id": wanted.job_id})):
        if queue is None or row["queue"] == queue["seq"]:
            yield row


def _paged(tx: Reading, org: int, queue: QueueRow | None) -> Iterator[JobRow]:
    """All rows of a queue, or of all queues. Raises Stopped: there are more than ROWS_MAX."""
    looked_at = after = 0
    while True:
        asked = {"org": org, "after": after, "limit": PAGE_ROWS}
        if queue is None:
            rows = tx.rows(statements.JOBS_OF_ORG, asked)
        else:
            rows = tx.rows(statements.JOBS_OF_QUEUE, {**asked, "queue": queue["seq"]})
        looked_at += len(rows)
        _check_rows(looked_at)
        yield from _whole(tx, rows)
        if len(rows) < PAGE_ROWS:
            return
        after = rows[-1]["seq"]


def _whole(tx: Reading, rows: Sequence[JobRow]) -> Iterator[JobRow]:
    for row in bodies.all_whole(tx, rows):
        if row is not None and not isinstance(row, BodyDamaged):
            yield row


def _miss(fields: Mapping[str, Any], row: JobRow) -> NearMiss:
    found: dict[str, Any] = {
        "status": row["status"],
        "job_type": row["job_type"],
        "error": row["last_error"],
        "retry_count": row["retry_count"],
    }
    for name, body in (("payload", row["payload"]), ("result", row["result"])):
        if name in fields:
            found[name] = None if body is None else msgspec.json.decode(body)
    return NearMiss(job_id=row["id"], differs=differences(fields, found))


def _missed(fields: Mapping[str, Any], row: JobRow, now_ms: int) -> NearMiss:
    found: dict[str, Any] = {
        "topic": row["topic"],
        "concurrency_key": row["concurrency_key"],
        "state": state_of_message(row, now_ms),
        "deliveries": row["claims"],
    }
    for name, value in (("body", row["payload"]), ("headers", row["headers"])):
        if name in fields:
            found[name] = None if value is None else msgspec.json.decode(value)
    return NearMiss(message_id=row["id"], differs=differences(fields, found))


def _nearest(misses: list[NearMiss]) -> list[NearMiss]:
    return nsmallest(NEAREST_MAX, misses, key=lambda each: len(each.differs))


def _check_rows(count: int) -> None:
    if count > ROWS_MAX:
        raise Stopped(
            "budget",
            f"An expectation looks at {ROWS_MAX} rows at most, and there are more of the kind that"
            " it names; name a queue or a webhook that has fewer, or a `job_id`",
        )
