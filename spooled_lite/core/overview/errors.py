"""What fails, by error: dead letters and failed attempts of the queues a key may see."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.dead_letters import queues_in_scope
from spooled_lite.core.jobs.error_groups import ERRORS
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.overview import error_statements as statements
from spooled_lite.core.overview.error_statements import GroupRow
from spooled_lite.storage.counters import HOUR_MINUTES, MINUTE_MS
from spooled_lite.storage.transaction import Reading

# Groups read, of all queues together. With more, the newest queues are left out.
GROUPS_READ_MAX: Final = 10_000
# Counts of failed attempts read, of all queues together, in some 100 ms. Any more are not added to
# the numbers of the hour. A storm of different errors leaves 60,000 in each of its queues.
FAILED_READ_MAX: Final = 100_000
QUEUES_SHOWN_MAX: Final = 20
JOB_TYPES_MAX: Final = 5
LOOKED_AT_MAX: Final = 100  # newest dead letters of a group that are read for their job types

DeadOrFailing = Literal["dead", "failing"]


class ErrorsWanted(Struct, frozen=True, kw_only=True):
    kind: DeadOrFailing = "dead"  # errors with dead letters, or with failures in the last hour
    queue_name: str | None = None
    since_ms: int | None = None  # only errors that happened at or after this time
    rows_max: int
    offset: int = 0


class ErrorGroup(Struct, frozen=True, kw_only=True):
    key: int
    title: str
    dead_count: int
    failed_1h: int
    first_at_ms: int
    last_at_ms: int
    queues: Mapping[str, int]  # dead letters or failed attempts per queue, the most first
    job_types: Sequence[str]
    sample_job_id: str | None
    retried: int
    completed_since: int


def error_groups(tx: Reading, org: int, scope: Scope, wanted: ErrorsWanted) -> list[ErrorGroup]:
    """A page of errors, those with the most dead letters or failed attempts first.

    It reads counters, and for each error shown up to LOOKED_AT_MAX dead letters.
    """
    queues = queues_in_scope(tx, org, scope, wanted.queue_name)
    failed = _failed_within_an_hour(tx, queues)
    rows: dict[int, list[GroupRow]] = defaultdict(list)
    for row in tx.rows(statements.GROUPS, {"queues": queues, "limit": GROUPS_READ_MAX}):
        if row["dead_count"] if wanted.kind == "dead" else failed.get(_place(row)):
            rows[row["error_key"]].append(row)
    groups = [_group_of(of_key, failed, wanted.kind) for of_key in rows.values()]
    since_ms = wanted.since_ms or 0
    groups = [group for group in groups if group.last_at_ms >= since_ms]
    groups.sort(key=lambda each: (-_size(each, wanted.kind), -each.last_at_ms, each.key))
    shown = groups[wanted.offset : wanted.offset + wanted.rows_max]
    return [_with_dead_letters(tx, org, queues, each) for each in shown]


_Place = tuple[int, int]  # queue and key


def _place(row: GroupRow) -> _Place:
    return row["queue"], row["error_key"]


def _size(group: ErrorGroup, kind: DeadOrFailing) -> int:
    return group.dead_count if kind == "dead" else group.failed_1h


def _failed_within_an_hour(tx: Reading, queues: str) -> Mapping[_Place, int]:
    minute = tx.now_ms // MINUTE_MS
    asked = {
        "queues": queues,
        "kind": ERRORS,
        "minute_from": minute - HOUR_MINUTES + 1,
        "minute": minute,
        "limit": FAILED_READ_MAX,
    }
    counts: dict[_Place, int] = defaultdict(int)
    for row in tx.rows(statements.FAILED_IN_MINUTES, asked):
        counts[row["queue"], row["error_key"]] += row["value"]
    return counts


def _group_of(
    rows: Sequence[GroupRow], failed: Mapping[_Place, int], kind: DeadOrFailing
) -> ErrorGroup:
    of_queue = {
        row["queue_name"]: row["dead_count"] if kind == "dead" else failed.get(_place(row), 0)
        for row in rows
    }
    most = sorted(of_queue, key=lambda name: (-of_queue[name], name))[:QUEUES_SHOWN_MAX]
    last = max(rows, key=lambda row: row["last_at_ms"])
    return ErrorGroup(
        key=last["error_key"],
        title=last["title"],
        dead_count=sum(row["dead_count"] for row in rows),
        failed_1h=sum(failed.get(_place(row), 0) for row in rows),
        first_at_ms=min(row["first_at_ms"] for row in rows),
        last_at_ms=last["last_at_ms"],
        queues={name: of_queue[name] for name in most},
        job_types=[last["last_job_type"]] if last["last_job_type"] else [],
        sample_job_id=last["last_job_id"],
        retried=sum(row["retried_count"] for row in rows),
        completed_since=sum(row["completed_count"] for row in rows),
    )


def _with_dead_letters(tx: Reading, org: int, queues: str, group: ErrorGroup) -> ErrorGroup:
    """The group with its newest dead letter as the sample, and the types of the newest ones."""
    asked = {"org": org, "error_key": group.key, "queues": queues, "limit": LOOKED_AT_MAX}
    newest = tx.rows(statements.NEWEST_DEAD, asked)
    if not newest:
        return group
    types = list(dict.fromkeys(row["job_type"] for row in newest if row["job_type"]))
    return msgspec.structs.replace(
        group, sample_job_id=newest[0]["id"], job_types=types[:JOB_TYPES_MAX]
    )
