"""Turning an incoming webhook that was let in into a job."""

from spooled_lite.core.ingest import statements
from spooled_lite.core.ingest.columns import IngestStatus
from spooled_lite.core.ingest.records import Delivery
from spooled_lite.core.jobs.enqueue import Enqueued, enqueue
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.orgs.create import get_organization
from spooled_lite.core.queues.records import Admission
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx


@in_lane(Lane.CREATE)
def receive(tx: Tx, org: int, delivery: Delivery, admission: Admission, scope: Scope) -> Enqueued:
    """Store the job and a line of the log, both or neither.

    A repeated delivery stores the line alone, and gives the job of the first one. A provider that
    got no answer because of a crash sends again; if its delivery has an id, that makes one job,
    whether the crash came before the commit or after it.

    Raises:
        NotFound: the organization was deleted since it was looked up.
        AccessDenied: the queue, or that of the first job, is outside the key's queues.
        QuotaExceeded: a cap would be passed.

    Contract: schedules-workflows-webhooks, section 4.
    """
    get_organization(tx, org)
    scope.check(delivery.job.queue_name)
    stored = enqueue(tx, org, delivery.job, admission, scope)
    tx.execute(
        statements.ADD,
        {
            "id": tx.new_id(),
            "org": org,
            "provider": delivery.provider,
            "event_type": delivery.event_type,
            "matched_queue": delivery.job.queue_name,
            "job_id": stored.row["id"],
            "status": outcome_of(stored),
            "now_ms": tx.now_ms,
        },
    )
    return stored


def outcome_of(stored: Enqueued) -> IngestStatus:
    return "created" if stored.created else "duplicate"
