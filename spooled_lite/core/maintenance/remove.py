"""Delete dead letters, the jobs of a queue, or a queue as a whole: always in passes."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.core.breakers import statements as breaker_statements
from spooled_lite.core.jobs import error_statements
from spooled_lite.core.jobs.dead_letters import DeadLetters, find_dead_letters
from spooled_lite.core.jobs.passes import Pass, first_of
from spooled_lite.core.jobs.states import ACTIVE
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.maintenance import statements as removal_statements
from spooled_lite.core.queues import statements as queue_statements
from spooled_lite.core.queues.ensure import find_queue
from spooled_lite.core.steps import item_statements
from spooled_lite.core.steps.dependents import let_go, look_again
from spooled_lite.core.steps.item_ends import item_lost
from spooled_lite.core.topics.bind import unbind_all
from spooled_lite.core.workflows import edge_statements
from spooled_lite.errors import Conflict, NotFound
from spooled_lite.events import Deadline
from spooled_lite.storage.texts import array_of
from spooled_lite.storage.transaction import Tx

# Each job takes its history with it, some rows each: with them a pass stays within 500 rows or so.
REMOVE_MAX: Final = 100
# Edges that go with them, or are looked at: a thousand jobs may have a hundred thousand. More than
# REMOVE_MAX, so that a pass always comes further.
EDGES_MAX: Final = 5_000
COUNTS_MAX: Final = 5_000  # small rows: some milliseconds
FROM_START: Final = (-1, -1)  # before the first job, by time and number

Position = tuple[int, int]


class Purged(Struct, frozen=True):
    """What one pass removed; None for `after` when it was the last."""

    count: int
    after: Position | None


def purge_dead_letters_pass(tx: Tx, org: int, wanted: DeadLetters, scope: Scope) -> Purged:
    """Delete some of the chosen dead letters; call again, with the rest of the limit, for more.

    Contract: jobs, J22.
    """
    limit = min(wanted.limit, REMOVE_MAX)
    chosen = msgspec.structs.replace(wanted, limit=limit)
    rows = find_dead_letters(tx, org, chosen, scope)
    count = remove(tx, rows)
    is_last = count == len(rows) and (count < limit or limit == wanted.limit)
    return Purged(count, None if is_last else FROM_START)


class Removed(Struct, frozen=True):
    """What one pass removed, and whether nothing is left for another one."""

    count: int
    is_through: bool


def remove_finished(tx: Tx, org: int, job_ids: Sequence[str], scope: Scope) -> Removed:
    """Remove those of some jobs that are finished; call again until it is through."""
    found = tx.rows(removal_statements.FINISHED_NAMED, {"org": org, "ids": array_of(job_ids)})
    rows = [row for row in found if scope.allows(row["queue_name"])]
    count = remove(tx, rows)
    return Removed(count, is_through=count == len(rows))


def purge_queue_pass(tx: Tx, org: int, queue_name: str, after: Position = FROM_START) -> Purged:
    """Delete some of the jobs of a queue that are not being processed, from `after` on.

    Raises:
        NotFound: there is no such queue.

    Contract: jobs, Q10.
    """
    queue = find_queue(tx, org, queue_name)
    if queue is None:
        raise NotFound.thing("Queue")
    rows = tx.rows(
        removal_statements.IDLE_OF_QUEUE,
        {"queue": queue["seq"], "after_ms": after[0], "after_seq": after[1], "limit": REMOVE_MAX},
    )
    count = remove(tx, rows)
    if count == len(rows) < REMOVE_MAX:
        return Purged(count, None)
    last = rows[count - 1] if count else None
    return Purged(count, after if last is None else (last["created_at_ms"], last["seq"]))


def delete_queue(tx: Tx, org: int, queue_name: str, *, delete_jobs: bool) -> None:
    """Delete a queue. It and its jobs are hidden at once; a background loop deletes the rows.

    Raises:
        NotFound: there is no such queue.
        Conflict: jobs of it wait or run, and `delete_jobs` was not asked for.

    Contract: jobs, Q6.
    """
    queue = find_queue(tx, org, queue_name)
    if queue is None:
        raise NotFound.thing("Queue")
    counts = {str(each): tx.counted(queue["seq"], f"status.{each}") for each in ACTIVE}
    if not delete_jobs and (counts["pending"] or counts["processing"] or counts["scheduled"]):
        raise Conflict("The queue has waiting or running jobs; add delete_jobs=true to delete them")
    tx.execute(queue_statements.MARK_DELETED, {"queue": queue["seq"], "now_ms": tx.now_ms})
    tx.count_now(org, "active_jobs", -sum(counts.values()))
    unbind_all(tx, org, ("queue", queue_name))
    tx.execute(breaker_statements.CLOSE, {"scope": "queue", "target": queue["seq"]})
    tx.emit("queue.deleted", org, row=queue)
    tx.due(Deadline.DELETION, tx.now_ms)


def delete_expired_queues(tx: Tx) -> int:
    """Delete queues whose time has come, up to REMOVE_MAX in a pass; how many.

    Each is deleted as by `delete_queue` with all its jobs, whatever these are doing.

    Contract: catbird-capabilities, Q1 and G1.
    """
    rows = tx.rows(queue_statements.EXPIRED, {"now_ms": tx.now_ms, "limit": REMOVE_MAX})
    for row in rows:
        delete_queue(tx, row["org"], row["queue_name"], delete_jobs=True)
    return len(rows)


def delete_expired_queues_of(tx: Tx, org: int) -> int:
    """As `delete_expired_queues`, in one organization."""
    asked = {"org": org, "now_ms": tx.now_ms, "limit": REMOVE_MAX}
    names = tx.values(queue_statements.EXPIRED_OF_ORG, asked)
    for name in names:
        delete_queue(tx, org, name, delete_jobs=True)
    return len(names)


def remove_rows_of_deleted(tx: Tx) -> Pass:
    """One pass over the rows of deleted queues; the queue's own row goes last."""
    queue = tx.value(queue_statements.NEXT_DELETED)
    if queue is None:
        return Pass(0, None)
    rows = tx.rows(removal_statements.OF_QUEUE, {"queue": queue, "limit": REMOVE_MAX})
    remove(tx, rows, is_counted=False)
    if not rows:
        asked = {"queue": queue, "limit": COUNTS_MAX}
        if count := tx.execute(removal_statements.DELETE_HISTOGRAMS, asked):
            return Pass(count, tx.now_ms)
        tx.execute(queue_statements.DELETE_COUNTERS, {"queue": queue})
        tx.execute(removal_statements.DELETE_HOURS, {"queue": queue})
        tx.execute(error_statements.FORGET_QUEUE, {"queue": queue})
        tx.execute(queue_statements.DELETE, {"queue": queue})
    return Pass(len(rows) or 1, tx.now_ms)


def remove(
    tx: Tx, rows: Sequence[removal_statements.RemovedRow], *, is_counted: bool = True
) -> int:
    """Delete jobs with their history, the first ones first; how many.

    Fewer than asked for when they are large or have many edges: jobs that wait for a deleted one
    are told first that it will never be completed. Call again for the rest. Their idempotency keys
    are free again. `is_counted`: subtract them from the counters of their queue; False when these
    are deleted with the queue.
    """
    gone = {row["seq"] for row in rows}
    left, count = EDGES_MAX, 0
    for row in first_of(rows):
        if row["kind"] == "step" and _remove_items(tx, row, is_counted=is_counted):
            break  # the step goes in a later pass, after the last of them
        left -= let_go(tx, row["seq"], gone, left)
        if left <= 0:
            break
        count += 1
        left -= _edges_above(tx, row["seq"])
        if left <= 0:
            break
    _tell_those_left(tx, rows, count)
    removed = rows[:count]
    lost = [
        tx.row(item_statements.LOST_ITEM, {"item": row["seq"]})
        for row in removed
        if row["kind"] == "item" and row["status"] in ACTIVE
    ]
    _delete(tx, removed, is_counted=is_counted)
    for item in lost:
        if item is not None:
            item_lost(tx, item)
    return count


def _remove_items(tx: Tx, step: removal_statements.RemovedRow, *, is_counted: bool) -> int:
    """Delete some of the items of a step that is about to go; how many."""
    asked = {"step": step["seq"], "limit": REMOVE_MAX}
    items = first_of(tx.rows(removal_statements.ITEMS_OF_STEP, asked))
    for item in items:
        # Those of another queue are counted there, whatever becomes of that of the step.
        _delete(tx, [item], is_counted=is_counted or item["queue"] != step["queue"])
    return len(items)


def _tell_those_left(tx: Tx, rows: Sequence[removal_statements.RemovedRow], count: int) -> None:
    """Jobs that stay for now look at their parents again: the next pass may never come."""
    gone = {row["seq"] for row in rows[:count]}
    for row in rows[count:]:
        if row["status"] in ("pending", "scheduled"):
            look_again(tx, row["seq"], gone)


def _edges_above(tx: Tx, job: int) -> int:
    return tx.value(edge_statements.COUNT_EDGES, {"job": job}) or 0


def _delete(tx: Tx, rows: Sequence[removal_statements.RemovedRow], *, is_counted: bool) -> None:
    for row in rows:
        if is_counted:
            tx.count(row["queue"], f"status.{row['status']}", -1)
            tx.count(row["queue"], "removed", 1)
            if row["kind"] == "message":
                tx.count(row["queue"], f"message.{row['status']}", -1)
            if row["status"] in ACTIVE:
                tx.count_now(row["org"], "active_jobs", -1)
        tx.emit("job.deleted", row["org"], row=row, was=row["status"])
    seqs = msgspec.json.encode([row["seq"] for row in rows]).decode()
    tx.execute(removal_statements.DELETE_HISTORY, {"seqs": seqs})
    tx.execute(removal_statements.DELETE, {"seqs": seqs})
