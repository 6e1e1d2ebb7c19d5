"""Creating a flow and replacing what is said of it."""

from spooled_lite.core.flows import statements
from spooled_lite.core.flows.query import FoundFlow, check_flow_scope, find_flow
from spooled_lite.core.flows.records import FLOWS_MAX, FlowDefinition
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.schedules import statements as schedule_statements
from spooled_lite.core.tasks.revision import Defined, IfMatch
from spooled_lite.core.workflows.document import document_of, store_document
from spooled_lite.core.workflows.guards import limit_as_defined
from spooled_lite.errors import Conflict
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx


@in_lane(Lane.CREATE)
def create_flow(
    tx: Tx, org: int, name: str, wanted: FlowDefinition, scope: Scope
) -> Defined[FoundFlow]:
    """Store a flow; one that is there already stays as it is.

    Raises: as `define_flow`. Contract: catbird-capabilities, F1.
    """
    known = find_flow(tx, org, name)
    if known is None:
        return define_flow(tx, org, name, wanted, scope, None)
    document = document_of(tx, known["document"])
    check_flow_scope(name, document, scope)
    return Defined(FoundFlow(known, document), is_new=False, is_changed=False)


@in_lane(Lane.CREATE)
def define_flow(
    tx: Tx, org: int, name: str, wanted: FlowDefinition, scope: Scope, if_match: IfMatch | None
) -> Defined[FoundFlow]:
    """Store a flow, or replace everything that is said of one. Nothing new is no change.

    Its document has been checked. Runs that are there keep the document that they were made with.

    Raises:
        AccessDenied: a queue of the flow that is there is outside of the scope.
        PreconditionFailed: its revision is none of `if_match`.
        Conflict: the organization has as many flows as it may, or the runs of a deleted flow of
            this name are still being deleted.

    Contract: catbird-capabilities, F1; amendments, G18.
    """
    known = find_flow(tx, org, name)
    if known is not None:
        check_flow_scope(name, document_of(tx, known["document"]), scope)
    if if_match is not None:
        if_match.check(None if known is None else known["revision"], "flow")
    if known is None:
        _check_room(tx, org, name)
    columns = {
        "description": wanted.description,
        "document": store_document(tx, org, wanted.document),
        "retention_ms": wanted.retention_ms,
    }
    if known is None:
        row = tx.row(statements.INSERT, {**columns, "org": org, "name": name, "now_ms": tx.now_ms})
        assert row is not None, "INSERT ... RETURNING always yields a row"
        tx.emit("flow.created", org, row=row)
        return Defined(FoundFlow(row, wanted.document), is_new=True, is_changed=True)
    if all(known[column] == value for column, value in columns.items()):  # type: ignore[literal-required]
        return Defined(FoundFlow(known, wanted.document), is_new=False, is_changed=False)
    row = tx.row(statements.REPLACE, {**columns, "seq": known["seq"], "now_ms": tx.now_ms})
    assert row is not None, "the flow was found in this operation"
    limit_as_defined(tx, org, name, wanted.document)
    follow = {"org": org, "flow_name": name, "queue_name": wanted.document.steps[0].queue_name}
    tx.execute(schedule_statements.FOLLOW_FLOW, follow)
    return Defined(FoundFlow(row, wanted.document), is_new=False, is_changed=True)


def _check_room(tx: Tx, org: int, name: str) -> None:
    if tx.value(statements.IS_LEAVING, {"org": org, "name": name}) is not None:
        raise Conflict("The runs of the deleted flow of this name are still being deleted")
    if (tx.value(statements.COUNT, {"org": org}) or 0) >= FLOWS_MAX:
        raise Conflict(f"An organization may have at most {FLOWS_MAX} flows")
