"""Storing which steps of a new workflow wait for which."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

import msgspec

from spooled_lite.core.workflows import edge_statements
from spooled_lite.core.workflows.graph import Graph
from spooled_lite.core.workflows.records import Condition
from spooled_lite.storage.transaction import Tx

_NO_EDGES: Final = (0, "success", "[]")  # fills up the last statement: no parents, so no rows


def store_edges(
    tx: Tx, conditions: Sequence[Condition], graph: Graph, numbers: Sequence[int]
) -> None:
    """Store the edges between the steps with these numbers, each step with its condition."""
    waiting = [
        (number, condition, _as_json([numbers[parent] for parent in parents]))
        for number, condition, parents in zip(numbers, conditions, graph, strict=True)
        if parents
    ]
    if not waiting:
        return
    waiting += [_NO_EDGES] * (-len(waiting) % edge_statements.STEPS_AT_ONCE)
    tx.execute_many(
        edge_statements.INSERT_EDGES,
        [
            list(chain.from_iterable(waiting[start : start + edge_statements.STEPS_AT_ONCE]))
            for start in range(0, len(waiting), edge_statements.STEPS_AT_ONCE)
        ],
    )


def _as_json(numbers: Sequence[int]) -> str:
    return msgspec.json.encode(numbers).decode()
