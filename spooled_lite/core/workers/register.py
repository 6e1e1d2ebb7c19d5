"""Register and deregister workers."""

from spooled_lite.core.keys.records import Scope
from spooled_lite.core.orgs.usage import check_room
from spooled_lite.core.queues.ensure import ensure_queue
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.workers import statements
from spooled_lite.core.workers.columns import WorkerRow
from spooled_lite.core.workers.query import get_worker
from spooled_lite.core.workers.records import SILENCE_MS, NewWorker, json_list
from spooled_lite.errors import WorkerIdTaken
from spooled_lite.events import Deadline
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx


def register(tx: Tx, org: int, worker: NewWorker, admission: Admission) -> WorkerRow:
    """Store a worker as healthy, and create the queues it names.

    An id that the organization already has is the same worker: its fields are replaced, its counts
    and the time of its first registration stay, and it counts once against the cap.

    Raises:
        WorkerIdTaken: the id belongs to another organization.
        QuotaExceeded: it would be one worker, or one queue, too many.

    Contract: jobs, W2.
    """
    worker_id = worker.worker_id or tx.new_id()
    steps = [step.handler for step in worker.step_handlers]
    known = tx.row(statements.BY_ID, {"id": worker_id, "org": org})
    if admission.caps is not None:
        check_room(tx, org, admission.caps, "workers", more=0 if known else 1)
    for queue_name in worker.queue_names:
        ensure_queue(tx, org, queue_name, admission)
    row = tx.row(
        statements.UPSERT,
        {
            "id": worker_id,
            "org": org,
            "queue_name": worker.queue_names[0],
            "queue_names": json_list(worker.queue_names),
            "hostname": worker.hostname,
            "worker_type": worker.worker_type,
            "version": worker.version,
            "task_handlers": json_list(worker.task_handlers) if worker.task_handlers else None,
            "step_handlers": json_list(steps) if steps else None,
            "max_concurrency": worker.max_concurrency,
            "metadata": worker.metadata,
            "now_ms": tx.now_ms,
        },
    )
    if row is None:
        raise WorkerIdTaken
    was = None if known is None else known["status"]
    tx.emit("worker.registered", org, row=row, was=was)
    tx.due(Deadline.WORKER_SILENCE, tx.now_ms + SILENCE_MS)
    return row


@in_lane(Lane.SETTLE)
def deregister(tx: Tx, org: int, worker_id: str, scope: Scope) -> None:
    """Mark a worker offline. Its row stays, and so do the leases it holds.

    Doing it again changes and announces nothing.

    Raises:
        NotFound: no such worker in this organization and scope.

    Contract: jobs, W5 and W6.
    """
    get_worker(tx, org, worker_id, scope)
    row = tx.row(statements.DEREGISTER, {"id": worker_id, "org": org, "now_ms": tx.now_ms})
    if row is not None:
        tx.emit("worker.deregistered", org, row=row)
