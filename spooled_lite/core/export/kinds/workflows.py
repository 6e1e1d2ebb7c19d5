"""Lines of workflows; their steps are jobs, which name them."""

from typing import Final

from spooled_lite.core.export.fields import (
    Field,
    json,
    number,
    of,
    organization,
    text,
    time,
)
from spooled_lite.core.export.kind import LineKind, LineParams
from spooled_lite.core.export.statements import body_of_workflow
from spooled_lite.core.workflows.statements import ADD_BODY, ADD_METADATA
from spooled_lite.storage.transaction import Tx


def _store(tx: Tx, statement: str, params: LineParams) -> None:
    seq = tx.insert(statement, params)
    if params["metadata"] is not None:
        tx.execute(ADD_METADATA, {"workflow": seq, "metadata": params["metadata"]})
    for which in ("input", "headers", "output"):
        if params[which] is not None:
            tx.execute(ADD_BODY, {"workflow": seq, "which": which, "body": params[which]})


def _body(which: str) -> Field:
    return json(which, read=body_of_workflow(which), is_elsewhere=True, may_lack=True)


# Its counters are no recount: a step that was deleted stays counted where it ended.
WORKFLOW: Final = LineKind(
    name="workflow",
    table="workflows",
    tables=("workflow_metadata", "workflow_bodies"),
    fields=(
        text("id"),
        organization(),
        text("name"),
        text("description", may_lack=True),
        text("status"),
        number("total_jobs"),
        number("waiting_jobs"),
        number("processing_jobs"),
        number("completed_jobs"),
        number("failed_jobs"),
        number("cancelled_jobs"),
        time("created_at"),
        time("updated_at"),
        time("started_at", may_lack=True),
        time("completed_at", may_lack=True),
        time("cancel_requested_at", may_lack=True),
        text("cancel_reason", may_lack=True),
        of("document_id", "document", "flow_documents", "flow document", may_lack=True),
        text("flow_name", may_lack=True),
        number("priority"),
        text("concurrency_key", may_lack=True),
        time("expires_at", may_lack=True),
        text("ended_as", may_lack=True),
        text("completion_reason", may_lack=True),
        text("error_message", may_lack=True),
        text("failed_step", may_lack=True),
        json(
            "metadata",
            read="(SELECT metadata FROM workflow_metadata WHERE workflow = each.seq)",
            is_elsewhere=True,
            may_lack=True,
        ),
        _body("input"),
        _body("headers"),
        _body("output"),
    ),
    left_out={"seq": "a number in the file"},
    store=_store,
)
