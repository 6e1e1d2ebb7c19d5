"""Flows that are there, without the calls that define them."""

from spooled_lite.core.workflows.document import FlowDocument, StepDocument, store_document
from spooled_lite.storage.transaction import Tx
from tests.core.workflows.runs import a_document

_KEEP = """
INSERT INTO flows (org, name, document, revision, created_at_ms, updated_at_ms)
VALUES (:org, :name, :document, 1, 0, 0) ON CONFLICT (org, name) DO UPDATE SET document = :document
"""


def keep_flow(tx: Tx, org: int, name: str, *steps: StepDocument) -> FlowDocument:
    """Store a flow with these steps, or put them in the place of those it has."""
    document = a_document(*steps)
    tx.execute(_KEEP, {"org": org, "name": name, "document": store_document(tx, org, document)})
    return document
