"""Taking due work by the names of what runs it: tasks, and steps of flows."""

import msgspec

from spooled_lite.core.auth.revoke import check_not_revoked
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.keys.verify import is_in_process, valid_scope
from spooled_lite.core.lifecycle import claim_statements as statements
from spooled_lite.core.lifecycle.claim import in_claim_order, note_in_process
from spooled_lite.core.lifecycle.due_work import DueWork
from spooled_lite.core.lifecycle.handlers import HandlerClaim, StepName
from spooled_lite.core.lifecycle.named_leases import LeaseIdSpent, held_under, keep_name
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx


def claim_for_handlers(tx: Tx, org: int, wanted: HandlerClaim, scope: Scope) -> list[JobRow]:
    """Take up to `limit` due runs of the tasks, and steps and items of the flows, under one new
    lease: those of all handlers and queues in one order, by priority, then by age.

    What a queue, a task or a step may not hand out is left out (`DueWork.take`). Fewer when they
    are large, and made again, as `claim`.

    Raises:
        LeaseIdSpent: a claim with this lease id was made before, and holds nothing here.

    Contract: catbird-capabilities, T7; amendments, G9.
    """
    if wanted.lease_id is not None:
        held = held_under(tx, org, wanted.lease_id, wanted.worker_id)
        if held is not None:
            return _asked_for(held, wanted, scope)
    due = DueWork(tx, org, wanted, scope)
    seqs = due.take()
    if not seqs:
        return []
    lease_id, ends_at_ms = wanted.lease_id or tx.new_id(), tx.now_ms + wanted.lease_ms
    rows = tx.rows(
        statements.CLAIM_THESE,
        {
            "seqs": msgspec.json.encode(seqs).decode(),
            "worker_id": wanted.worker_id,
            "lease_id": lease_id,
            "lease_expires_at_ms": ends_at_ms,
            "now_ms": tx.now_ms,
        },
    )
    in_claim_order(rows)
    due.count(rows)
    for row in rows:
        tx.emit("job.claimed", org, row=row, was="pending")
    tx.due(Deadline.LEASE_END, ends_at_ms)
    if wanted.lease_id is not None:
        keep_name(tx, org, lease_id, wanted.worker_id, rows)
    return rows


def claim_for_handlers_if_still_allowed(
    tx: Tx, org: int, wanted: HandlerClaim, key: int, secret_id: str, token_id: str | None = None
) -> list[JobRow]:
    """As `claim_for_handlers`, for a caller let in a while ago: its secret or token may be good no
    longer.

    Raises:
        Unauthorized: it is not.
        AccessDenied: the key does not open the queue that was named any more.
    """
    scope = valid_scope(tx, key, secret_id)
    if wanted.queue_name is not None:
        scope.check(wanted.queue_name)
    if token_id is not None:
        check_not_revoked(tx, token_id)
    rows = claim_for_handlers(tx, org, wanted, scope)
    if rows and is_in_process(key):
        note_in_process(tx, org, wanted.worker_id)
    return rows


def _asked_for(held: list[JobRow], wanted: HandlerClaim, scope: Scope) -> list[JobRow]:
    """Raises LeaseIdSpent: the claim was for other handlers, or about another queue."""
    rows = [
        row
        for row in held
        if _is_for(row, wanted)
        and wanted.queue_name in (None, row["queue_name"])
        and scope.allows(row["queue_name"])
    ]
    if not rows:
        raise LeaseIdSpent
    return rows


def _is_for(row: JobRow, wanted: HandlerClaim) -> bool:
    if row["task_name"] is not None:
        return row["task_name"] in wanted.task_names
    if row["flow_name"] is None or wanted.phase not in (None, row["phase"]):
        return False
    return StepName(row["flow_name"], row["step_key"] or "") in wanted.steps
