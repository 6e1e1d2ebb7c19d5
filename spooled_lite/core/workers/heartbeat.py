"""Take the heartbeat of a worker: its status, and how many jobs it is doing."""

from spooled_lite.core.keys.records import Scope
from spooled_lite.core.workers import statements
from spooled_lite.core.workers.columns import WorkerRow
from spooled_lite.core.workers.query import visible
from spooled_lite.core.workers.records import SILENCE_MS, SignOfLife
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx


def heartbeat(tx: Tx, org: int, worker_id: str, sign: SignOfLife, scope: Scope) -> WorkerRow:
    """Store what a worker reports. A worker that was offline is online again.

    A draining worker that says it is healthy goes on draining, until it registers again.

    Raises:
        NotFound: no such worker in this organization and scope.

    Contract: jobs, W4.
    """
    row = tx.row(
        statements.HEARTBEAT,
        {
            "id": worker_id,
            "org": org,
            "status": sign.status,
            "current_jobs": sign.current_jobs,
            "metadata": sign.metadata,
            "now_ms": tx.now_ms,
        },
    )
    row = visible(row, scope)  # a refusal takes the change back
    tx.emit("worker.heartbeat", org, row=row)
    tx.due(Deadline.WORKER_SILENCE, tx.now_ms + SILENCE_MS)
    return row
