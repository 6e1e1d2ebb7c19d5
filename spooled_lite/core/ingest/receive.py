"""A webhook that was let in becomes a job."""

from spooled_lite.core.ingest import statements
from spooled_lite.core.ingest.records import Delivery, Received
from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.orgs.create import get_organization
from spooled_lite.core.queues.records import Admission
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx


@in_lane(Lane.CREATE)
def receive(tx: Tx, org: int, delivery: Delivery, admission: Admission, scope: Scope) -> Received:
    """Store the job and the line of the log, or neither of them.

    A delivery that was there before stores the line alone, and shows its job. After a crash
    before the commit the provider has no answer and sends again, after one behind it as well:
    with an id of the delivery that makes one job.

    Raises:
        NotFound: the organization was deleted since it was looked up.
        AccessDenied: the queue, or that of the job that is there, is outside the key's queues.
        QuotaExceeded: a cap would be passed.

    Contract: schedules-workflows-webhooks, section 4.
    """
    get_organization(tx, org)
    scope.check(delivery.job.queue_name)
    stored = enqueue(tx, org, delivery.job, admission, scope)
    received = Received.of(stored.row, created=stored.created)
    tx.execute(
        statements.ADD,
        {
            "id": tx.new_id(),
            "org": org,
            "provider": delivery.provider,
            "event_type": delivery.event_type,
            "matched_queue": delivery.job.queue_name,
            "job_id": received.job_id,
            "status": received.delivery_status,
            "now_ms": tx.now_ms,
        },
    )
    return received
