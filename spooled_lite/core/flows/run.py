"""Running a flow: storing one run of the document that it has now."""

import msgspec

from spooled_lite.core.flows.columns import FlowRow
from spooled_lite.core.flows.query import check_flow_scope, find_flow
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.steps.start import StartedRun, start_run
from spooled_lite.core.workflows.document import FlowDocument, known_document
from spooled_lite.core.workflows.records import RunOptions
from spooled_lite.core.workflows.store_run import NewRun
from spooled_lite.errors import NotFound
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx


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
