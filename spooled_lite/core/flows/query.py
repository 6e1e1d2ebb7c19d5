"""Reading one definition of a flow, or a page of them."""

from typing import Final

from msgspec import Struct

from spooled_lite.core.flows import statements
from spooled_lite.core.flows.columns import FlowRow
from spooled_lite.core.jobs.bodies import PAGE_BYTES_MAX
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.queues.names import on_fail_queue
from spooled_lite.core.workflows.document import FlowDocument, document_of
from spooled_lite.errors import AccessDenied, NotFound
from spooled_lite.storage.transaction import Reading

FLOWS_LISTED: Final = 100


class FoundFlow(Struct, frozen=True):
    """A flow and its document; None: a page had no room for it."""

    row: FlowRow
    document: FlowDocument | None


def find_flow(tx: Reading, org: int, name: str) -> FlowRow | None:
    return tx.row(statements.FIND, {"org": org, "name": name})


def queues_of_flow(name: str, document: FlowDocument) -> set[str]:
    """Every queue that a run of the flow stores jobs in."""
    queues = {step.queue_name for step in document.steps}
    queues |= {step.item_queue_name for step in document.steps if step.item_queue_name is not None}
    if document.on_fail is not None:
        queues.add(document.on_fail.queue_name or on_fail_queue(name))
    return queues


def check_flow_scope(name: str, document: FlowDocument, scope: Scope) -> None:
    """Raises AccessDenied: the key may not use all queues of the flow."""
    if not scope.is_unrestricted and not all(map(scope.allows, queues_of_flow(name, document))):
        raise AccessDenied("This key may not use a queue of this flow")


def get_flow(tx: Reading, org: int, name: str, scope: Scope) -> FoundFlow:
    """One flow.

    Raises:
        NotFound: there is no such flow.
        AccessDenied: as `check_flow_scope`.

    Contract: catbird-capabilities, F2.
    """
    row = find_flow(tx, org, name)
    if row is None:
        raise NotFound.thing("Flow", resource="flow")
    document = document_of(tx, row["document"])
    check_flow_scope(name, document, scope)
    return FoundFlow(row, document)


def list_flows(tx: Reading, org: int, scope: Scope, *, limit: int, offset: int) -> list[FoundFlow]:
    """A page of the flows all of whose queues are in the scope, by name.

    Once their documents reach PAGE_BYTES_MAX, the remaining ones come without.
    """
    listed: list[FoundFlow] = []
    left, skipped, after = PAGE_BYTES_MAX, 0, ""  # before every name
    while True:
        page = tx.rows(statements.PAGE, {"org": org, "after": after, "limit": FLOWS_LISTED})
        for row in page:
            if not _is_inside(tx, row, scope):
                continue
            if skipped < offset:
                skipped += 1
                continue
            has_room = row["document_bytes"] <= left
            left -= row["document_bytes"] if has_room else 0
            listed.append(FoundFlow(row, document_of(tx, row["document"]) if has_room else None))
            if len(listed) >= limit:
                return listed
        if len(page) < FLOWS_LISTED:
            return listed
        after = page[-1]["name"]


def _is_inside(tx: Reading, row: FlowRow, scope: Scope) -> bool:
    if scope.is_unrestricted:
        return True
    document = document_of(tx, row["document"])
    return all(map(scope.allows, queues_of_flow(row["name"], document)))
