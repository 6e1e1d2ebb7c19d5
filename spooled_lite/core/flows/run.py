"""Running a flow: storing one run of the document that it has now."""

from typing import Final

import msgspec

from spooled_lite.core.flows.columns import FlowRow
from spooled_lite.core.flows.query import check_flow_scope, find_flow
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.steps.start import StartedRun, start_run
from spooled_lite.core.workflows.document import FlowDocument, known_document
from spooled_lite.core.workflows.records import RunOptions
from spooled_lite.core.workflows.store_run import NewRun
from spooled_lite.errors import NotFound, RuleBroken
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Own, Tx

FLOW_JOBS_MAX: Final = 1_000  # steps of the runs of one call: as many as one run may have


class _MadeSteps:
    """How many steps the runs of one operation have; a batch may make several."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


_MADE_STEPS: Final = Own(_MadeSteps)


@in_lane(Lane.CREATE)
def run_flow(
    tx: Tx, org: int, flow_name: str, options: RunOptions, admission: Admission, scope: Scope
) -> StartedRun:
    """Store a run of a flow by the document it has now, which later changes leave alone.

    Raises:
        NotFound: there is no such flow.
        AccessDenied: the key may not use all its queues.
        QuotaExceeded: a cap would be passed.

    Contract: catbird-capabilities, F7-F9.
    """
    row = find_flow(tx, org, flow_name)
    if row is None:
        raise NotFound.thing("Flow", resource="flow")
    document = known_document(tx, row["document"])
    check_flow_scope(flow_name, document, scope)
    return run_known_flow(tx, row, document, options, admission)


def run_known_flow(
    tx: Tx, flow: FlowRow, document: FlowDocument, options: RunOptions, admission: Admission
) -> StartedRun:
    """As `run_flow`, for a flow that was found in this operation."""
    run = NewRun(
        name=flow["name"],
        document=document,
        stored_as=flow["document"],
        options=msgspec.structs.replace(options, flow_name=flow["name"]),
    )
    return start_run(tx, flow["org"], run, admission)


def count_flow_jobs(tx: Tx, more: int, field: str) -> None:
    """For a call that makes several runs, before each, which has so many steps.

    Raises RuleBroken: those of one call would have more than FLOW_JOBS_MAX.
    """
    made = tx.own(_MADE_STEPS)
    made.count += more
    if made.count > FLOW_JOBS_MAX:
        raise RuleBroken.of(
            field,
            f"Field `{field}` makes runs of flows with {made.count} steps;"
            f" one call may make {FLOW_JOBS_MAX}",
            "too_many_steps",
        )
