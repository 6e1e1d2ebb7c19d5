"""Lines of flows, and of the documents that workflows are run by."""

import hashlib
from typing import Final

from spooled_lite.core.export.fields import checked, json, number, of, organization, text, time
from spooled_lite.core.export.kind import LineKind, LineParams
from spooled_lite.core.workflows.document import FlowDocument
from spooled_lite.core.workflows.flow_names import checked_flow_name
from spooled_lite.storage.transaction import Tx


def _store(tx: Tx, statement: str, params: LineParams) -> None:
    tx.execute(statement, {**params, "digest": hashlib.sha256(params["body"]).digest()})


FLOW_DOCUMENT: Final = LineKind(
    name="flow_document",
    table="flow_documents",
    fields=(
        text("id"),
        organization(),
        json("body", FlowDocument),
        time("created_at"),
    ),
    follows={"digest": ":digest"},
    left_out={"seq": "a number in the file"},
    store=_store,
)

FLOW: Final = LineKind(
    name="flow",
    table="flows",
    fields=(
        organization(),
        checked("name", checked_flow_name),
        text("description", may_lack=True),
        of("document_id", "document", "flow_documents", "flow document"),
        number("retention_ms", may_lack=True),
        number("revision"),
        time("created_at"),
        time("updated_at"),
        # Its runs still have to be deleted.
        time("deleted_at", may_lack=True),
    ),
    left_out={"seq": "a number in the file"},
)
