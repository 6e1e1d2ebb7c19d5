"""Jobs, queues and workers of all organizations, for an administrator; each row has an `org_id`.

Contract: platform, section 17.
"""

from spooled_lite.core.jobs import statements as job_statements
from spooled_lite.core.jobs.statements import JobOfAnyOrgRow, ListedJobOfAnyOrgRow
from spooled_lite.core.queues import statements as queue_statements
from spooled_lite.core.queues.columns import QueueOfOrg
from spooled_lite.core.workers import statements as worker_statements
from spooled_lite.core.workers.columns import WorkerOfOrg
from spooled_lite.errors import NotFound
from spooled_lite.storage.transaction import Reading


def list_all_jobs(
    tx: Reading, *, limit: int, offset: int, status: str | None, queue_name: str | None
) -> list[ListedJobOfAnyOrgRow]:
    """All jobs, the newest first. A filter reads every job on its way, so set a time limit."""
    return tx.rows(
        job_statements.OF_ALL_ORGS,
        {"limit": limit, "offset": offset, "status": status, "queue_name": queue_name},
    )


def get_any_job(tx: Reading, job_id: str) -> JobOfAnyOrgRow:
    """Raises NotFound."""
    job = tx.row(job_statements.BY_ID_OF_ANY_ORG, {"id": job_id})
    if job is None:
        raise NotFound.thing("Job")
    return job


def list_all_queues(tx: Reading, *, limit: int, offset: int) -> list[QueueOfOrg]:
    """All queues, those of the oldest organization first, and then by name."""
    return tx.rows(queue_statements.OF_ALL_ORGS, {"limit": limit, "offset": offset})


def list_all_workers(tx: Reading, *, limit: int, offset: int) -> list[WorkerOfOrg]:
    """The newest first."""
    return tx.rows(worker_statements.OF_ALL_ORGS, {"limit": limit, "offset": offset})


def get_any_worker(tx: Reading, worker_id: str) -> WorkerOfOrg:
    """Raises NotFound."""
    worker = tx.row(worker_statements.BY_ID_OF_ANY_ORG, {"id": worker_id})
    if worker is None:
        raise NotFound.thing("Worker")
    return worker
