"""What the items of a map are made from: an array that stands as a text, or other items."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.core.jobs.bodies import is_intact
from spooled_lite.core.jobs.passes import fitting
from spooled_lite.core.steps import activate_statements, item_statements
from spooled_lite.core.steps.outputs import output_of_step
from spooled_lite.core.workflows import statements as workflow_statements
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.document import FlowDocument, StepDocument
from spooled_lite.core.workflows.flow_names import INPUT
from spooled_lite.storage.transaction import Reading

# Rows of one transaction, and their bytes: some ten milliseconds of the writing thread.
STORED_AT_ONCE: Final = 250
STORED_BYTES_MAX: Final = 1024 * 1024

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_SCAN: Final = json.JSONDecoder().raw_decode  # finds where a value ends; what it makes is let go


class NotAnArray(Exception):
    """The source was skipped, is damaged, or is no array. Contract: catbird-capabilities, F31."""


class Portion(Struct, frozen=True):
    """Some elements of a source, each as it stands there."""

    items: Sequence[bytes]
    offset: int  # of a text: where the next one begins
    is_last: bool


def next_portion(
    tx: Reading,
    workflow: WorkflowRow,
    document: FlowDocument,
    step: StepDocument,
    *,
    stored: int = 0,
    offset: int = 0,
    limit: int = STORED_AT_ONCE,
    looked: Callable[[int], None] = lambda size_bytes: None,
) -> Portion:
    """The elements of the source of a map after the first `stored` ones: at most `limit`, and
    STORED_BYTES_MAX together unless one alone is larger. `looked` is told how many bytes
    were gone through for them.

    Raises: NotAnArray.
    """
    source = step.source
    assert source is not None, "a map has a source"
    if source == INPUT:
        asked = {"workflow": workflow["seq"], "which": "input"}
        return _of_body(tx.value(workflow_statements.BODY, asked), offset, limit, looked)
    position = document.positions[source]
    at = {"workflow_id": workflow["id"], "position": position}
    number = tx.value(activate_statements.STEP_AT, at)
    if number is None:
        raise NotAnArray
    above = document.steps[position]
    if above.has_items:
        portion = _of_items(tx, number, stored, limit)
        looked(sum(map(len, portion.items)))
        return portion
    return _of_body(output_of_step(tx, {"seq": number}, above), offset, limit, looked)


def _of_body(body: bytes | None, offset: int, limit: int, looked: Callable[[int], None]) -> Portion:
    looked(len(body or b""))
    return of_text(body, offset, limit)


def of_text(body: bytes | None, offset: int, limit: int) -> Portion:
    """The elements of a JSON array from a place in it on; 0: from its beginning.

    Raises: NotAnArray.
    """
    # What is no UTF-8 goes through unchanged, and no element ends within it.
    text = "" if body is None else body.decode("utf-8", "surrogateescape")
    if not offset:
        offset = _after_space(text, 0)
        if text[offset : offset + 1] != "[":
            raise NotAnArray
        offset = _after_space(text, offset + 1)
    items: list[bytes] = []
    left = STORED_BYTES_MAX
    while text[offset] != "]":
        if len(items) == limit:
            return Portion(items, offset, is_last=False)
        _, end = _SCAN(text, offset)
        item = text[offset:end].encode("utf-8", "surrogateescape")
        left -= len(item)
        if left < 0 and items:
            return Portion(items, offset, is_last=False)
        items.append(item)
        offset = _after_space(text, end)
        if text[offset] == ",":
            offset = _after_space(text, offset + 1)
    return Portion(items, offset, is_last=True)


def _after_space(text: str, offset: int) -> int:
    found = _SPACE.match(text, offset)
    assert found is not None, "it matches no space, too"
    return found.end()


def _of_items(tx: Reading, source: int, first: int, limit: int) -> Portion:
    above = tx.row(item_statements.STANDING, {"step": source})
    total = 0 if above is None else above["items_stored"]
    asked = {"source": source, "first": first, "limit": limit}
    sizes = tx.values(item_statements.SOURCE_SIZES, asked)
    count = fitting(sizes, STORED_BYTES_MAX)
    rows = tx.rows(item_statements.SOURCE_ITEMS, {**asked, "limit": count})
    are_there = [row["item_index"] for row in rows] == list(range(first, first + count))
    if not are_there or not all(is_intact(row["result"], row["checksum"]) for row in rows):
        raise NotAnArray
    items = [b"null" if row["result"] is None else row["result"] for row in rows]
    return Portion(items, 0, is_last=first + count >= total)
