"""What callers do with the items of a step: its producer adds some, workers complete them.

Contract: catbird-capabilities, F37-F39.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.core.jobs import statements as job_statements
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle import statements
from spooled_lite.core.lifecycle.fence import guard, refusal, visible
from spooled_lite.core.lifecycle.settle import complete
from spooled_lite.core.orgs.usage import check_room_for_jobs
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.steps import item_statements
from spooled_lite.core.steps.find import StepOfRun, get_step_of_run
from spooled_lite.core.steps.items import ITEMS_MAX, release, store_items
from spooled_lite.errors import Conflict, LeaseExpired, NotFound, RuleBroken
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Reading, Tx

NOT_A_GENERATOR: Final = "Only the producer of a generator adds items, while it runs"
CANCELLED: Final = "The workflow was cancelled: it takes no more items"


class NewItems(Struct, frozen=True, kw_only=True):
    """Items that the producer of a step has made."""

    job_id: str
    lease_id: str
    items: Sequence[bytes]
    offset: int | None = None  # the index of the first; None: after those that are there


class ItemsAdded(Struct, frozen=True):
    accepted: int  # of these, those that were not there yet
    total: int


@in_lane(Lane.CREATE)
def add_items(
    tx: Tx,
    org: int,
    workflow_id: str,
    key: str,
    new: NewItems,
    admission: Admission,
    scope: Scope,
) -> ItemsAdded:
    """Store items of a generator; they can be claimed while its producer still runs.

    Those whose indexes are there already are passed over: a batch may be sent again.

    Raises:
        NotFound, AccessDenied: as `get_step_of_run`; or there is no such job.
        Conflict: the job is not the producer of this step, or does not run; or it was left to
            run to its end when its workflow was cancelled.
        LeaseExpired: its lease is another one, has ended, or it was told to stop.
        RuleBroken: the offset leaves a gap, or there would be too many.
        QuotaExceeded: a cap would be passed.

    Contract: catbird-capabilities, F38 and F39.
    """
    found = get_step_of_run(tx, org, workflow_id, key, scope)
    producer = visible(
        tx.row(job_statements.BY_ID, {"id": new.job_id, "org": org}),
        scope,
    )
    if producer["seq"] != found.row["seq"] or found.row["phase"] != "generate":
        raise Conflict(NOT_A_GENERATOR)
    claimant = Claimant(lease_id=new.lease_id)
    held = tx.row(statements.HELD, guard(tx, org, new.job_id, claimant))
    if held is None:
        raise refusal(tx, org, new.job_id, claimant, scope)
    if held["stop_reason"] is not None:
        raise LeaseExpired(reason=held["stop_reason"])
    if found.workflow["status"] == "cancelled":
        raise Conflict(CANCELLED)
    items = tx.row(item_statements.STANDING, {"step": held["seq"]})
    if items is None or found.document is None:
        raise Conflict(NOT_A_GENERATOR)
    stored = items["items_stored"]
    payloads = new.items if new.offset is None else new.items[_known(stored, new.offset) :]
    if stored + len(payloads) > ITEMS_MAX:
        raise RuleBroken.of("items", f"A step may have at most {ITEMS_MAX:,} items", "too_many")
    if not payloads:
        return ItemsAdded(0, stored)
    if admission.caps is not None:
        check_room_for_jobs(tx, org, admission.caps, more=len(payloads))
    release(tx, store_items(tx, found.row, found.document, items, payloads))
    return ItemsAdded(len(payloads), stored + len(payloads))


@in_lane(Lane.SETTLE)
def complete_item(
    tx: Tx,
    org: int,
    step: int,
    job_id: str,
    claimant: Claimant,
    result: bytes | None,
    scope: Scope,
) -> None:
    """As `complete`, of an item of this step. Raises: as `complete`; NotFound: it is none."""
    if tx.value(item_statements.STEP_OF_ITEM, {"id": job_id, "org": org}) != step:
        raise NotFound.thing("Item")
    complete(tx, org, job_id, claimant, result, scope)


def find_step_with_items(
    tx: Reading, org: int, workflow_id: str, key: str, scope: Scope
) -> StepOfRun:
    """A step with items whose items the caller may see.

    Raises:
        NotFound, AccessDenied: as `get_step_of_run`.
        Conflict: it is no step with items.
        AccessDenied: its items are in a queue outside of the scope.
    """
    found = get_step_of_run(tx, org, workflow_id, key, scope)
    if found.document is None or not found.document.has_items:
        raise Conflict(f"Step `{key}` has no items: it is neither a map nor a generator")
    scope.check(found.document.item_queue_name or found.row["queue_name"])
    return found


def _known(stored: int, offset: int) -> int:
    """How many from this offset on are there already."""
    if offset > stored:
        raise RuleBroken.of(
            "offset",
            f"Field `offset` must be at most {stored}: the items before it are missing",
            "gap",
        )
    return stored - offset
