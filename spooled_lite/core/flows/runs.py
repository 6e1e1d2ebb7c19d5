"""Reading a page of the runs of a flow."""

from spooled_lite.core.flows import run_statements
from spooled_lite.core.flows.query import get_flow
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.states import WorkflowStateWord
from spooled_lite.storage.transaction import Reading


def list_flow_runs(
    tx: Reading,
    org: int,
    flow_name: str,
    state: WorkflowStateWord | None,
    scope: Scope,
    *,
    limit: int,
    offset: int,
) -> list[WorkflowRow]:
    """A page of the runs of a flow, newest first.

    Raises: as `get_flow`. Contract: catbird-capabilities, F20.
    """
    get_flow(tx, org, flow_name, scope)
    asked = {"org": org, "flow_name": flow_name, "limit": limit, "offset": offset}
    return tx.rows(run_statements.LISTS_OF_FLOW[state], asked)
