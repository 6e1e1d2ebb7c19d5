"""Storing jobs: one, or many at once."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.core.jobs import statements
from spooled_lite.core.jobs.bodies import insert_job
from spooled_lite.core.jobs.columns import JobRow, NewJob, begun
from spooled_lite.core.jobs.concurrency import holder_of_key
from spooled_lite.core.jobs.kinds import RULES
from spooled_lite.core.jobs.states import TERMINAL, S
from spooled_lite.core.jobs.times import announce_times
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.orgs.usage import check_room_for_jobs
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.queues.ensure import ensure_queue, known_queue
from spooled_lite.core.queues.records import Admission
from spooled_lite.errors import RuleBroken
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx

PARENT_FAILED: Final = "Parent job failed or was deadlettered"  # contract README, section 5


class Enqueued(Struct, frozen=True):
    row: JobRow  # the whole row; of a job found by its idempotency key, without large bodies
    created: bool  # False when another has its idempotency key or its concurrency key


class Parent(Struct, frozen=True):
    """The job a new one waits for."""

    seq: int
    status: str


@in_lane(Lane.CREATE)
def enqueue(tx: Tx, org: int, job: NewJob, admission: Admission, scope: Scope) -> Enqueued:
    """Store one job and announce it.

    A repeated idempotency key, unique within the organization, returns the first job, announces
    nothing and counts against no cap. So does a concurrency key that another job or message of the
    queue has, which is not at its end. A job with a parent waits until the parent is completed;
    it is cancelled at once when the parent never can be.

    Raises:
        RuleBroken: the parent is no job of the organization, or outside the key's queues.
        AccessDenied: the job that has the idempotency key is outside the key's queues.
        QuotaExceeded: a cap would be passed.

    Contract: jobs, J1.
    """
    repeated = find_repeated(tx, org, job.idempotency_key)
    if repeated is not None:
        scope.check(repeated["queue_name"])
        return Enqueued(repeated, created=False)
    if job.labels is not None and (held := _held(tx, org, job)) is not None:
        return Enqueued(held, created=False)
    if admission.caps is not None:
        check_room_for_jobs(tx, org, admission.caps, more=1)
    parent = _find_parent(tx, org, job.parent_job_id, scope)
    queue = ensure_queue(tx, org, job.queue_name, admission)
    return Enqueued(_store(tx, org, job, queue, parent), created=True)


@in_lane(Lane.CREATE)
def enqueue_bulk(
    tx: Tx, org: int, jobs: Sequence[NewJob], admission: Admission, scope: Scope
) -> list[Enqueued | RuleBroken]:
    """Store up to a hundred jobs in their order; one that breaks a rule is left out alone.

    Raises:
        AccessDenied: as `enqueue`; nothing is stored.
        QuotaExceeded: a cap would be passed by the whole call; nothing is stored.

    Contract: jobs, J10.
    """
    if admission.caps is not None:
        check_room_for_jobs(tx, org, admission.caps, more=_new_ones(tx, org, jobs))
    queues: dict[str, QueueRow] = {}
    return [_enqueue_item(tx, org, job, queues, admission, scope) for job in jobs]


def _new_ones(tx: Tx, org: int, jobs: Sequence[NewJob]) -> int:
    """How many of these would be stored. Of two that share a key, the second is not."""
    idempotency_keys: set[str] = set()
    concurrency_keys: set[tuple[str, str]] = set()
    count = 0
    for job in jobs:
        if find_repeated(tx, org, job.idempotency_key) is not None or _held(tx, org, job):
            continue
        key, of_queue = job.idempotency_key, _concurrency_key(job)
        is_second = key in idempotency_keys or of_queue in concurrency_keys
        count += not is_second
        if key:
            idempotency_keys.add(key)
        if of_queue:
            concurrency_keys.add(of_queue)
    return count


def _concurrency_key(job: NewJob) -> tuple[str, str] | None:
    if job.labels is None or job.labels.concurrency_key is None:
        return None
    return job.queue_name, job.labels.concurrency_key


def _held(tx: Tx, org: int, job: NewJob) -> JobRow | None:
    """What has the concurrency key of the job in its queue."""
    if job.labels is None or job.labels.concurrency_key is None:
        return None
    queue = known_queue(tx, org, job.queue_name)
    return None if queue is None else holder_of_key(tx, queue["seq"], job.labels.concurrency_key)


def find_repeated(tx: Tx, org: int, idempotency_key: str | None) -> JobRow | None:
    """The job that has this key, its time touched; a key of a deleted queue is set free."""
    if idempotency_key is None:
        return None
    key = {"org": org, "idempotency_key": idempotency_key, "now_ms": tx.now_ms}
    found = tx.row(statements.REPEATED, key)
    if found is None:
        tx.execute(statements.FREE_KEY, key)
    return found


def _enqueue_item(
    tx: Tx,
    org: int,
    job: NewJob,
    queues: dict[str, QueueRow],
    admission: Admission,
    scope: Scope,
) -> Enqueued | RuleBroken:
    """`queues` are those that earlier items have named; an item that stores nothing makes none."""
    repeated = find_repeated(tx, org, job.idempotency_key)
    if repeated is not None:
        scope.check(repeated["queue_name"])
        return Enqueued(repeated, created=False)
    if job.labels is not None and (held := _held(tx, org, job)) is not None:
        return Enqueued(held, created=False)
    try:
        parent = _find_parent(tx, org, job.parent_job_id, scope)
    except RuleBroken as error:
        return error
    queue = queues.get(job.queue_name)
    if queue is None:
        queue = queues[job.queue_name] = ensure_queue(tx, org, job.queue_name, admission)
    return Enqueued(_store(tx, org, job, queue, parent), created=True)


def _store(tx: Tx, org: int, job: NewJob, queue: QueueRow, parent: Parent | None) -> JobRow:
    row = new_row(tx, org, job, queue)
    if parent is not None:
        is_met = int(parent.status == "completed")
        row["dependencies_met"] = is_met
        row["claimable"] &= is_met
        if parent.status in TERMINAL - {S.COMPLETED}:
            return _store_cancelled(tx, row, parent)
    is_usual = row["policy"] is None and row["timeout_ms"] is None and job.labels is None
    statement = statements.INSERT if is_usual else statements.INSERT_IN_FULL
    row["seq"] = insert_job(tx, statement, row)
    tx.emit("job.created", org, row=row)
    announce_times(tx, row)
    if parent is not None:
        tx.execute(statements.LINK_TO_PARENT, {"job": row["seq"], "parent": parent.seq})
    return row


def _store_cancelled(tx: Tx, row: JobRow, parent: Parent) -> JobRow:
    """Store a job whose parent can never be completed, as if that had come about just now.

    Retrying the parent brings it back. Other jobs that wait for the parent are not looked at: the
    cost of a create does not grow with their number. Contract: amendments, 15.
    """
    cancelled: JobRow = {
        **row,
        "status": "cancelled",
        "claimable": 0,
        "run_at_ms": None,
        "completed_at_ms": tx.now_ms,
        "cancelled_by_parent": 1,
        "last_error": PARENT_FAILED,
    }
    seq = insert_job(tx, statements.INSERT_CANCELLED, cancelled)
    row["seq"] = cancelled["seq"] = seq
    tx.execute(statements.LINK_TO_PARENT, {"job": seq, "parent": parent.seq})
    tx.emit("job.created", row["org"], row=row)
    facts = {"reason": PARENT_FAILED}
    tx.emit("job.cancelled", row["org"], row=cancelled, was=row["status"], facts=facts)
    return cancelled


def new_row(tx: Tx, org: int, job: NewJob, queue: QueueRow) -> JobRow:
    """Every column of a job that is about to be stored, but its number.

    Every value is known, so the row is not read back: that costs a fifth of an insert.
    """
    scheduled_at_ms = job.scheduled_at_ms
    if job.delay_ms is not None:
        scheduled_at_ms = tx.now_ms + job.delay_ms
    is_delayed = scheduled_at_ms is not None and scheduled_at_ms > tx.now_ms
    row = begun(job)
    row["id"] = tx.new_id()
    row["org"] = org
    row["queue"] = queue["seq"]
    row["status"] = "scheduled" if is_delayed else "pending"
    row["claimable"] = int(not is_delayed)
    row["max_retries"] = queue["max_retries"] if job.max_retries is None else job.max_retries
    row["timeout_seconds"] = (
        queue["default_timeout"] if job.timeout_seconds is None else job.timeout_seconds
    )
    row["created_at_ms"] = row["updated_at_ms"] = tx.now_ms
    row["scheduled_at_ms"] = scheduled_at_ms
    row["run_at_ms"] = scheduled_at_ms if is_delayed else None
    row["delay_ms"] = job.delay_ms if is_delayed else None
    if job.expires_in_ms is not None:
        row["expires_at_ms"] = tx.now_ms + job.expires_in_ms
    if job.labels is not None:
        row["concurrency_key"] = job.labels.concurrency_key
        row["topic"] = job.labels.topic
        row["headers"] = job.labels.headers
    return row


def _find_parent(tx: Tx, org: int, parent_job_id: str | None, scope: Scope) -> Parent | None:
    if parent_job_id is None:
        return None
    found = tx.row(statements.BY_ID, {"id": parent_job_id, "org": org})
    is_one = found is not None and RULES[found["kind"]].has_dependents
    if found is None or not is_one or not scope.allows(found["queue_name"]):
        raise RuleBroken.of(
            "parent_job_id", "Field `parent_job_id` names no job that exists", "invalid_value"
        )
    return Parent(found["seq"], found["status"])
