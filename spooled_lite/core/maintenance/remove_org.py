"""Delete an organization: hide it in one short transaction, then delete its rows in passes."""

from typing import Final

from spooled_lite.core.jobs.passes import PASS_MAX, Pass, delete_first
from spooled_lite.core.maintenance import remove_org_statements as removal_statements
from spooled_lite.core.maintenance.remove import (
    REMOVE_MAX,
    delete_expired_queues,
    delete_queue,
    remove_rows_of_deleted,
)
from spooled_lite.core.maintenance.remove_flow import remove_runs_of_deleted_flows
from spooled_lite.core.maintenance.remove_task import remove_runs_of_deleted_tasks
from spooled_lite.core.orgs import statements as org_statements
from spooled_lite.core.queues import statements as queue_statements
from spooled_lite.core.schedules import statements as schedule_statements
from spooled_lite.core.workers import statements as worker_statements
from spooled_lite.errors import Conflict, NotFound
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx

# Longer than any request takes that was admitted before the deletion: what such a request still
# stores refers to the organization, and is deleted with it.
ROW_KEPT_MS: Final = 10 * 60 * 1000
NO_ORG: Final = 0  # no organization has this number


def delete_organization(tx: Tx, org: int, *, even_if_busy: bool = False) -> None:
    """Delete an organization for good. It is hidden, its slug is free, and its keys stop at once.

    After a crash the passes that delete its rows go on at the next start.

    Raises:
        NotFound: there is no such organization any more.
        Conflict: unless `even_if_busy`, it has active jobs, workers or schedules, looked at in
            this order.

    Contract: platform, sections 8.3 and 11.
    """
    if not even_if_busy:
        _check_idle(tx, org)
    found = tx.row(org_statements.MARK_DELETED, {"org": org, "now_ms": tx.now_ms})
    if found is None:
        raise NotFound.thing("Organization")
    tx.emit("org.changed", org, row=found)
    tx.due(Deadline.DELETION, tx.now_ms)


def remove_deleted(tx: Tx) -> Pass:
    """One pass over what was deleted: rows of queues, of tasks, of flows, then of organizations.

    Before that, queues that have expired are deleted.
    """
    if expired := delete_expired_queues(tx):
        return Pass(expired, tx.now_ms)
    done = _remove_rows(tx)
    if done.done:
        return done
    times = (done.due_again_ms, tx.value(queue_statements.NEXT_EXPIRY_OF_QUEUE))
    return Pass(0, min((each for each in times if each is not None), default=None))


def _remove_rows(tx: Tx) -> Pass:
    done = remove_rows_of_deleted(tx)
    if not done.done:
        done = remove_runs_of_deleted_tasks(tx)
    if not done.done:
        done = remove_runs_of_deleted_flows(tx)
    return done if done.done else _remove_rows_of_organizations(tx)


def _check_idle(tx: Tx, org: int) -> None:
    if tx.used_now(org, "active_jobs") > 0:
        raise Conflict("The organization has waiting or running jobs; cancel them first")
    if tx.value(worker_statements.COUNT_PRESENT, {"org": org}):
        raise Conflict("The organization has workers; deregister them first")
    if tx.value(schedule_statements.COUNT_ACTIVE, {"org": org}):
        raise Conflict("The organization has active schedules; pause or delete them first")


def _remove_rows_of_organizations(tx: Tx) -> Pass:
    org = tx.value(org_statements.NEXT_TO_EMPTY)
    if org is not None:
        count = _remove_some(tx, org)
        if not count:
            tx.execute(org_statements.MARK_EMPTIED, {"org": org, "now_ms": tx.now_ms})
        return Pass(count or 1, tx.now_ms)
    org = tx.value(org_statements.NEXT_TO_DELETE, {"before_ms": tx.now_ms - ROW_KEPT_MS})
    if org is not None:
        count = _remove_some(tx, org)
        if not count:
            tx.execute(org_statements.DELETE, {"org": org})
        return Pass(count or 1, tx.now_ms)
    first_ms = tx.value(org_statements.FIRST_EMPTIED)
    return Pass(0, None if first_ms is None else first_ms + ROW_KEPT_MS)


def _remove_some(tx: Tx, org: int) -> int:
    """Delete up to PASS_MAX rows of an organization, of one table; returns how many.

    Queues are only marked as deleted: their own passes delete them with their jobs.
    """
    owed = _remove_large(tx, org, "deliveries")
    if owed:
        return (
            owed  # first of all, and again before every other table, so that nothing more is sent
        )
    queues = tx.rows(queue_statements.PAGE, {"org": org, "after": "", "limit": REMOVE_MAX})
    for queue in queues:
        delete_queue(tx, org, queue["queue_name"], delete_jobs=True)
    if queues:
        return len(queues)
    for table in removal_statements.TABLES_OF_ORG:
        if table in removal_statements.LARGE_OF_ORG:
            count = _remove_large(tx, org, table)
        else:
            count = tx.execute(
                removal_statements.DELETE_OF_ORG[table], {"org": org, "limit": PASS_MAX}
            )
        if count:
            return count
    # The newest row of the log stays, so that its number is not used again; it belongs to no
    # organization from now on, and the row that stayed before it can go.
    tx.execute(removal_statements.EMPTY_NEWEST_EVENT, {"org": org, "no_org": NO_ORG})
    tx.execute(removal_statements.DELETE_OF_ORG["event_log"], {"org": NO_ORG, "limit": PASS_MAX})
    return 0


def _remove_large(tx: Tx, org: int, table: str) -> int:
    find, delete = removal_statements.LARGE_OF_ORG[table], removal_statements.DELETE_LARGE[table]
    return delete_first(tx, find, delete, {"org": org})
