"""Lines of workflows; their steps are jobs, which name them."""

from typing import Final

from spooled_lite.core.export.fields import json, number, organization, text, time
from spooled_lite.core.export.kind import LineKind, LineParams
from spooled_lite.core.workflows.statements import ADD_METADATA
from spooled_lite.storage.transaction import Tx


def _store(tx: Tx, statement: str, params: LineParams) -> None:
    seq = tx.insert(statement, params)
    if params["metadata"] is not None:
        tx.execute(ADD_METADATA, {"workflow": seq, "metadata": params["metadata"]})


# Its counters are no recount: a step that was deleted stays counted where it ended.
WORKFLOW: Final = LineKind(
    name="workflow",
    table="workflows",
    tables=("workflow_metadata",),
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
        json(
            "metadata",
            read="(SELECT metadata FROM workflow_metadata WHERE workflow = each.seq)",
            is_elsewhere=True,
            may_lack=True,
        ),
    ),
    left_out={"seq": "a number in the file"},
    store=_store,
)
