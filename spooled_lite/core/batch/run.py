"""Several operations of one caller in one transaction: all of them, or none."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from msgspec import Struct

from spooled_lite.core.flows.run import count_flow_jobs, run_flow
from spooled_lite.core.tasks.run import check_compared, run_task
from spooled_lite.errors import SpooledError
from spooled_lite.storage.transaction import Tx

E = TypeVar("E", bound=SpooledError)

OPERATIONS_MAX: Final = 100  # in one call


class BatchStep(Struct, frozen=True):
    """An operation, what it is to be run with, and where the caller has written it."""

    place: str  # such as `jobs[3]`
    operation: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    index: int | None = None  # its number, for a caller that asks for it by that


def all_or_nothing(tx: Tx, steps: Sequence[BatchStep]) -> list[Any]:
    """Run the steps as one operation; their results, in their order.

    A step finds what those before it have stored. What they announce leaves the operation as that
    of a single one does: after the commit, or never.

    Raises:
        What the first step that is refused raises, with the place of the step. Nothing of any step
        is left.
    """
    return [_run(tx, step) for step in steps]


def _run(tx: Tx, step: BatchStep) -> Any:
    try:
        if step.operation is run_task:
            check_compared(tx, "input")
        result = step.operation(tx, *step.arguments)
        if step.operation is run_flow and result.created:
            count_flow_jobs(tx, len(result.steps), "flow_name")
        return result
    except SpooledError as error:
        placed = error.placed(step.place)
        raise placed if step.index is None else numbered(placed, step.index) from None


def numbered(error: E, index: int) -> E:
    """The error of a part of a batch, with the number of that part in its details."""
    facts = {"problems": error.details} if isinstance(error.details, list) else error.details
    error.details = {"index": index, **(facts or {})}
    return error
