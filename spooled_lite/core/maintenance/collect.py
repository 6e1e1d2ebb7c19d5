"""What a caller may have done now that the loops do by themselves: remove what has expired.

Contract: catbird-capabilities, G1, G5 and G6.
"""

from msgspec import Struct

from spooled_lite.core.inbox.forget import delete_expired_notifications
from spooled_lite.core.lifecycle.cancel import expire_jobs_of
from spooled_lite.core.maintenance import statements as removal_statements
from spooled_lite.core.maintenance.remove import delete_expired_queues_of
from spooled_lite.core.maintenance.remove_flow import purge_old_flow_runs
from spooled_lite.core.maintenance.remove_task import prune_task_runs
from spooled_lite.core.steps.expire import expire_runs_of
from spooled_lite.core.workers.sweep import forget_old_workers
from spooled_lite.storage.transaction import Reading, Tx


class Collected(Struct, frozen=True, kw_only=True):
    """What one pass did, and whether it found anything to do."""

    queues: int = 0
    messages: int = 0
    task_runs: int = 0
    flow_runs: int = 0
    workers: int = 0
    notifications: int = 0
    purged_runs: int = 0
    purged_flow_runs: int = 0
    is_through: bool = False


def every_organization(tx: Reading) -> list[int]:
    return [row["seq"] for row in tx.rows(removal_statements.ORGANIZATIONS)]


def collect_pass(tx: Tx, org: int, may_prune: bool) -> Collected:
    """One pass over what is over in an organization; call again until it is through.

    In this order: queues, jobs and runs of flows that have expired, and, if old rows may be
    deleted, notifications that have expired, workers that have been silent for a week and runs that
    their task or their flow keeps no longer.
    """
    if queues := delete_expired_queues_of(tx, org):
        return Collected(queues=queues)
    if expired := expire_jobs_of(tx, org):
        return Collected(messages=expired["message"], task_runs=expired["task_run"])
    if runs := expire_runs_of(tx, org):
        return Collected(flow_runs=runs)
    if may_prune:
        if notifications := delete_expired_notifications(tx, org):
            return Collected(notifications=notifications)
        if workers := forget_old_workers(tx, org):
            return Collected(workers=workers)
        if purged := prune_task_runs(tx, org):
            return Collected(purged_runs=purged)
        flow_runs = purge_old_flow_runs(tx, org)
        if flow_runs.count or not flow_runs.is_through:
            return Collected(purged_flow_runs=flow_runs.count)
    return Collected(is_through=True)
