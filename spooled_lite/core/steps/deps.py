"""What the steps before a step have made, read for all steps of a claim at once."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.bodies import is_intact
from spooled_lite.core.steps import given_statements as statements
from spooled_lite.core.steps.given_statements import DependencyRow
from spooled_lite.core.steps.item_outputs import array_of_items
from spooled_lite.storage.transaction import Reading

_NULL: Final = b"null"
# Between two results of items, and in the place of one that is missing.
_COMMA_AND_NULL: Final = 5


class GivenParent(Struct, frozen=True):
    """A step that another one waited for."""

    job: int
    key: str
    is_skipped: bool
    size_bytes: int  # of its output
    items_total: int | None = None  # None: it has no items, and its result is its output


def parents_of(
    tx: Reading, steps: Iterable[int], with_items: Mapping[int, Collection[str]]
) -> dict[int, list[GivenParent]]:
    """The parents of each step that are steps of the same workflow, as they were stored.

    `with_items` names for a step those of its parents whose output is a list.
    """
    rows = tx.rows(statements.DEPENDENCIES, {"steps": _json(steps)})
    lists = [row["parent"] for row in rows if row["step_key"] in with_items.get(row["step"], ())]
    sizes = {}
    if lists:
        found = tx.rows(statements.OUTPUTS, {"steps": _json(set(lists))})
        sizes = {row["job"]: (row["items_total"], row["output_bytes"]) for row in found}
    parents: dict[int, list[GivenParent]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["parent"]):
        parents[row["step"]].append(_parent(row, sizes.get(row["parent"])))
    return parents


def _parent(row: DependencyRow, items: tuple[int, int] | None) -> GivenParent:
    is_skipped = row["status"] == "completed" and row["state"] == "skipped"
    if items is None or is_skipped or row["status"] != "completed":
        return GivenParent(row["parent"], row["step_key"], is_skipped, row["size_bytes"])
    count, size_bytes = items
    size_bytes += count * _COMMA_AND_NULL
    return GivenParent(row["parent"], row["step_key"], is_skipped, size_bytes, items_total=count)


def outputs_of(tx: Reading, parents: Collection[GivenParent]) -> dict[int, bytes]:
    """The output of each by the number of its job; none of one that is damaged in the file.

    Contract: catbird-capabilities, F12 and F36.
    """
    found: dict[int, bytes] = {}
    plain = {parent.job for parent in parents if parent.items_total is None}
    if plain:
        for row in tx.rows(statements.RESULTS, {"jobs": _json(plain)}):
            if is_intact(row["result"], row["checksum"]):
                found[row["job"]] = _NULL if row["result"] is None else row["result"]
    for job in {parent.job for parent in parents if parent.items_total is not None}:
        array = array_of_items(tx, {"seq": job})
        if array is not None:
            found[job] = array
    return found


def _json(numbers: Iterable[int]) -> str:
    return msgspec.json.encode(sorted(numbers)).decode()
