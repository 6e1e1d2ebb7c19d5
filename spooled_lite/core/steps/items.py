"""The items of steps that have some: stored in passes, released by a window, closed and reopened.

Of the items of a step only some are open, which means that they may be claimed or that somebody has
them. So a step with ten thousand items can be closed in one transaction: the others were never
handed out, and a loop closes them. Contract: catbird-capabilities, section 8.4.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, cast

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.bodies import insert_job
from spooled_lite.core.jobs.columns import BLANK, JobRow
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.queues.ensure import ensure_queue
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.steps import item_statements as statements
from spooled_lite.core.steps.columns import NumberedRow, ResolvedStepRow
from spooled_lite.core.steps.item_sources import STORED_AT_ONCE, NotAnArray, Portion, next_portion
from spooled_lite.core.steps.item_statements import ItemsRow, OpenItemRow
from spooled_lite.core.steps.looked import LOOKED
from spooled_lite.core.workflows.columns import WaitingStepRow, WorkflowRow
from spooled_lite.core.workflows.document import FlowDocument, StepDocument
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Own, Tx

# Open items of one run, all steps together: closing so many takes some tens of milliseconds.
OPEN_MAX: Final = 1_000
ITEMS_MAX: Final = 1_000_000  # of one step: a gigabyte or so of rows
WINDOW_MIN: Final = 10  # of a step, however many others of its run have items
RELEASES: Final = 20  # a window is filled up when a twentieth of it is free
LOOKED_AT_MAX: Final = 250  # items that one operation looks at to release some, and changes
# Maps that one operation completes since they have no items: 80 ms of the writing thread.
EMPTY_AT_ONCE: Final = 250
# An item is counted, and no plan stops a run that was accepted.
NO_CAPS: Final = Admission()
FAILED_WITH_STEP: Final = "failed"  # the state of what is closed because its step has failed


Begun = Literal["claimable", "items", "empty"]


class _Stored:
    """How many items one operation has stored, and how many maps had none to store."""

    count = 0
    empty_maps = 0


_STORED: Final = Own(_Stored)


def begin_items(
    tx: Tx, workflow: WorkflowRow, step: ResolvedStepRow, document: FlowDocument
) -> Begun:
    """A step is activated, and its items if it has some: whether it can be claimed now.

    A mapper cannot: its items can. Neither can a generator that comes back, when only items of it
    had failed. The first items are stored and released at once, as many as one operation may. A
    mapper that gets none at all is "empty": the caller completes it. Contract: F34.
    """
    about = document.steps[step["step_position"]]
    if not about.has_items:
        return "claimable"
    window = max(WINDOW_MIN, OPEN_MAX // document.fan_out_count)
    named = {"step": step["seq"], "org": step["org"], "gives_input": int(about.gives_input)}
    items = tx.row(statements.BEGIN, {**named, "window": window})
    assert items is not None, "INSERT ... RETURNING always yields a row"
    is_claimed = about.type == "generator" and not items["is_produced"]
    row = tx.row(statements.STEP, {"step": step["seq"]}) if is_claimed else _expand(tx, step)
    assert row is not None, "the step was looked at in this operation"
    if items["items_stored"] or items["is_produced"]:  # it comes back
        is_short = about.type == "mapper" and not items["is_produced"]
        items = release(tx, changed(items, work="store" if is_short else None))
        if not items["items_open"] and items["work"] is None:
            keep(tx, items, work="reopen")  # none came back: the loop ends the step
    elif about.type == "mapper":
        portion = _first_portion(tx, workflow, document, about)
        if portion is None:
            keep(tx, items, work="store")
        elif not portion.items:
            tx.own(_STORED).empty_maps += 1
            keep(tx, items, is_produced=1, items_total=0, work=None)
            return "empty"
        else:
            store_portion(tx, row, about, items, portion)
    return "claimable" if is_claimed else "items"


def store_portion(
    tx: Tx, step: JobRow, about: StepDocument, items: ItemsRow, portion: Portion
) -> None:
    """Store some items of a map, and release what may be; a loop does what is left."""
    items = store_items(tx, step, about, items, portion.items)
    stored = items["items_stored"]
    items = changed(
        items,
        source_offset=portion.offset,
        is_produced=int(portion.is_last),
        items_total=stored if portion.is_last else None,
        work=None if portion.is_last else "store",
    )
    release(tx, items)


def store_items(
    tx: Tx, step: JobRow, about: StepDocument, items: ItemsRow, payloads: Sequence[bytes]
) -> ItemsRow:
    """Store items after those that are there. The caller keeps what it returns."""
    tx.own(_STORED).count += len(payloads)
    queue = _queue_of_items(tx, step, about)
    first = items["items_stored"]
    begun = _begun(tx, step, queue)
    for index, payload in enumerate(payloads, first):
        row: JobRow = {**begun, "id": tx.new_id(), "item_index": index, "payload": payload}
        row["seq"] = insert_job(tx, statements.INSERT, row)
        tx.emit("job.created", step["org"], row=row)
    if begun["run_at_ms"] is not None and payloads:
        tx.due(Deadline.PROMOTION, begun["run_at_ms"])
    return changed(items, items_stored=first + len(payloads))


def release(tx: Tx, items: ItemsRow) -> ItemsRow:
    """Let as many items be claimed as the window has room for, and keep how far the step is.

    What has failed, and was cancelled for that, comes back when the window gets there: that is how
    the items of a step are retried. The loop goes on where this has looked at LOOKED_AT_MAX.
    """
    items = _filled(tx, items)
    keep(tx, items)
    return items


def fill_up(tx: Tx, items: ItemsRow) -> None:
    """As `release`, when an item has ended and enough of the window is free."""
    free = items["items_window"] - items["items_open"]
    is_through = items["items_released"] >= items["items_stored"]
    if is_through or items["work"] == "close" or free < max(1, items["items_window"] // RELEASES):
        return
    release(tx, items)


def _filled(tx: Tx, items: ItemsRow) -> ItemsRow:
    left = LOOKED_AT_MAX
    while True:
        first = items["items_released"]
        count = min(items["items_window"] - items["items_open"], items["items_stored"] - first)
        if count <= 0:
            return changed(items, work=None) if items["work"] == "reopen" else items
        if not left:
            return changed(items, work=items["work"] or "reopen")
        count = min(count, left)
        left -= count
        asked = {"step": items["job"], "first": first, "end": first + count, "now_ms": tx.now_ms}
        opened = tx.rows(statements.RELEASE, asked)
        back = _brought_back(tx, asked) if len(opened) < count else []
        for row in (*opened[:1], *back[:1]):  # they all have one queue
            tx.feed((row["org"], row["queue_name"]))
        items = changed(
            items,
            items_released=first + count,
            items_open=items["items_open"] + len(opened) + len(back),
            items_done=items["items_done"] - len(back),
            items_failed=items["items_failed"] - len(back),
        )


def _brought_back(tx: Tx, asked: Mapping[str, int]) -> list[JobRow]:
    ended = tx.rows(statements.TO_BRING_BACK, asked)
    if not ended:
        return []
    was = {item["seq"]: item["status"] for item in ended}
    rows = tx.rows(statements.BRING_BACK, {"items": _numbers(list(was)), "now_ms": tx.now_ms})
    for row in rows:
        tx.emit("job.retried", row["org"], row=row, was=was[row["seq"]])
    return rows


class Closing(Struct, frozen=True):
    """How items are closed."""

    state: str | None
    reason: str | None  # what whoever has one is told
    error: str | None
    comes_back: bool  # when the workflow is retried


def close_items(tx: Tx, step: NumberedRow, *, state: str, reason: str, error: str | None) -> None:
    """The step was closed while it was open: its open items are closed, too, none is handed out.

    Those that were never released are closed by the loop.
    """
    items = tx.row(statements.STANDING, {"step": step["seq"]})
    if items is None or not items["items_stored"]:
        return
    closing = Closing(state, reason, error, comes_back=state == FAILED_WITH_STEP)
    close_open(tx, items, closing)


def close_open(tx: Tx, items: ItemsRow, closing: Closing) -> None:
    """Close the open items of a step now, and the others by the loop."""
    closed = _close(tx, tx.rows(statements.OPEN, {"step": items["job"]}), closing)
    is_left = items["items_released"] < items["items_stored"]
    items = changed(
        items,
        items_open=items["items_open"] - closed,
        items_done=items["items_done"] + closed,
        items_failed=items["items_failed"] + closed,
    )
    keep(tx, items, work="close" if is_left else None)


def stop_items(tx: Tx, step: NumberedRow, reason: str, *, tells_workers: bool) -> None:
    """The workflow of an open step was cancelled: no item of it begins. Whoever has one is told to
    stop, or may go on to its end. The step ends with the last of these: `item_ends.settle_step`.
    """
    items = tx.row(statements.STANDING, {"step": step["seq"]})
    if items is None:
        return
    rows = tx.rows(statements.OPEN, {"step": step["seq"]})
    held = [row for row in rows if row["status"] == "processing"]
    closing = Closing(None, reason, None, comes_back=False)
    closed = _close(tx, [row for row in rows if row["status"] != "processing"], closing)
    if tells_workers:
        asked = {"items": _of_rows(held), "reason": reason, "now_ms": tx.now_ms}
        for row in tx.rows(statements.TELL_TO_STOP, asked):
            told = {"reason": reason}
            tx.emit("job.stop_requested", row["org"], row=row, was="processing", facts=told)
    is_left = items["items_released"] < items["items_stored"]
    items = changed(
        items,
        items_open=items["items_open"] - closed,
        items_done=items["items_done"] + closed,
        items_failed=items["items_failed"] + closed,
    )
    keep(tx, items, work="close" if is_left else None)


def expand_if_held(tx: Tx, step: WaitingStepRow) -> bool:
    """Let its items stand for a generator whose producer waits for another attempt, if somebody has
    one of them; whether that is so."""
    open_items = tx.rows(statements.OPEN, {"step": step["seq"]})
    if not any(item["status"] == "processing" for item in open_items):
        return False
    return _expand(tx, step) is not None


def close_portion(tx: Tx, items: ItemsRow, closing: Closing) -> ItemsRow:
    """Close some of the items that were never released: one pass of the loop."""
    first = items["items_released"]
    end = min(first + STORED_AT_ONCE, items["items_stored"])
    asked = {"step": items["job"], "first": first, "end": end}
    closed = _close(tx, tx.rows(statements.UNRELEASED, asked), closing)
    items = changed(
        items,
        items_released=end,
        items_done=items["items_done"] + closed,
        items_failed=items["items_failed"] + closed,
    )
    items = changed(items, work="close" if end < items["items_stored"] else None)
    keep(tx, items)
    return items


def reopen_items(tx: Tx, step: NumberedRow, *, from_start: bool) -> None:
    """The step comes back, before it is activated again. `from_start`: it had no items, and is to
    be made anew; one that had some never is.

    Nothing changes yet for its items: they come back as they are released anew.
    """
    items = tx.row(statements.STANDING, {"step": step["seq"]})
    if items is None:
        return
    if items["items_stored"]:
        keep(tx, changed(items, items_released=0), work=None)
    elif from_start:
        keep(tx, items, items_total=None, is_produced=0, source_offset=0, work=None)


def keep(tx: Tx, items: ItemsRow, **columns: object) -> None:
    """Store how far a step is, with some columns changed; the loop is told of what it has to do."""
    row = cast(ItemsRow, {**items, **columns})
    tx.execute(statements.KEEP, row)
    if row["work"] is not None:
        tx.due(Deadline.ITEMS, tx.now_ms)


def changed(items: ItemsRow, **columns: object) -> ItemsRow:
    """A copy of how far a step is, with other values in some columns."""
    return cast(ItemsRow, {**items, **columns})


def _first_portion(
    tx: Tx, workflow: WorkflowRow, document: FlowDocument, about: StepDocument
) -> Portion | None:
    """None: the loop has to store it, or to fail the step since its source is no array."""
    looked = tx.own(LOOKED)
    stored = tx.own(_STORED)
    if looked.is_enough or stored.empty_maps >= EMPTY_AT_ONCE:
        return None
    limit = STORED_AT_ONCE - stored.count
    try:
        portion = next_portion(
            tx, workflow, document, about, limit=max(1, limit), looked=looked.count
        )
    except NotAnArray:
        return None
    return None if portion.items and limit <= 0 else portion


def _close(tx: Tx, rows: Sequence[OpenItemRow], closing: Closing) -> int:
    if not rows:
        return 0
    before = {row["seq"]: row for row in rows}
    asked = {
        "items": _of_rows(rows),
        "state": closing.state,
        "comes_back": int(closing.comes_back),
        "reason": closing.reason,
        "error": closing.error,
        "now_ms": tx.now_ms,
    }
    for row in tx.rows(statements.CLOSE, asked):
        was = before[row["seq"]]
        facts = {"reason": closing.reason}
        if was["status"] == "processing":
            facts["worker_id"] = was["assigned_worker_id"]
            tx.emit("job.stop_requested", row["org"], row=row, was=was["status"], facts=facts)
            tx.feed((row["org"], row["queue_name"]))  # a queue with a limit has room now
        tx.emit("job.cancelled", row["org"], row=row, was=was["status"], facts=facts)
    return len(rows)


def _expand(tx: Tx, step: ResolvedStepRow | WaitingStepRow) -> JobRow | None:
    row = tx.row(statements.EXPAND, {"step": step["seq"], "now_ms": tx.now_ms})
    if row is not None:
        tx.emit("job.expanded", row["org"], row=row, was=step["status"])
    return row


def _queue_of_items(tx: Tx, step: JobRow, about: StepDocument) -> QueueRow:
    return ensure_queue(tx, step["org"], about.item_queue_name or step["queue_name"], NO_CAPS)


def _begun(tx: Tx, step: JobRow, queue: QueueRow) -> JobRow:
    """What the items of a step have in common. Delayed are those of a step that was."""
    at_ms = step["scheduled_at_ms"]
    is_delayed = at_ms is not None and at_ms > tx.now_ms
    inherited = (
        *("org", "priority", "max_retries", "timeout_seconds", "timeout_ms", "expires_at_ms"),
        *("policy", "headers", "flow_name", "step_key", "guard"),
    )
    return {
        **BLANK,
        **{name: step[name] for name in inherited},  # type: ignore[literal-required, typeddict-item]
        "queue": queue["seq"],
        "queue_name": queue["queue_name"],
        "kind": "item",
        "phase": "item",
        "status": "scheduled" if is_delayed else "pending",
        "claimable": 0,
        "dependencies_met": 0,
        "scheduled_at_ms": at_ms if is_delayed else None,
        "run_at_ms": at_ms if is_delayed else None,
        "step_job": step["seq"],
        "created_at_ms": tx.now_ms,
        "updated_at_ms": tx.now_ms,
    }


def _of_rows(rows: Sequence[OpenItemRow]) -> str:
    return _numbers([row["seq"] for row in rows])


def _numbers(items: Sequence[int]) -> str:
    return msgspec.json.encode(items).decode()
