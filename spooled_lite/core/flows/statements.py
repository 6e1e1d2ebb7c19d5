"""Every statement about flows."""

from typing import Final

from spooled_lite.core.flows.columns import FlowRow, ListedFlowRow
from spooled_lite.storage.statement import Statement, Value

# Index flows_by_name. One whose runs are still being deleted has its name until then.
FIND: Final = Statement(
    FlowRow, "SELECT * FROM flows WHERE org = :org AND name = :name AND deleted_at_ms IS NULL"
)

IS_LEAVING: Final = Value(
    int, "SELECT seq FROM flows WHERE org = :org AND name = :name AND deleted_at_ms IS NOT NULL"
)

COUNT: Final = Value(int, "SELECT count(*) FROM flows WHERE org = :org")

INSERT: Final = Statement(
    FlowRow,
    """
INSERT INTO flows (org, name, description, document, retention_ms, revision, created_at_ms,
                   updated_at_ms)
VALUES (:org, :name, :description, :document, :retention_ms, 1, :now_ms, :now_ms)
RETURNING *
""",
)

REPLACE: Final = Statement(
    FlowRow,
    """
UPDATE flows
   SET description = :description, document = :document, retention_ms = :retention_ms,
       revision = revision + 1, updated_at_ms = :now_ms
 WHERE seq = :seq
RETURNING *
""",
)

# Index flows_by_name, from where the last page ended.
PAGE: Final = Statement(
    ListedFlowRow,
    """
SELECT flows.*, length(flow_documents.body) AS document_bytes
  FROM flows CROSS JOIN flow_documents ON flow_documents.seq = document
 WHERE flows.org = :org AND deleted_at_ms IS NULL AND name > :after
 ORDER BY name LIMIT :limit
""",
)

MARK_DELETED: Final = """
UPDATE flows SET deleted_at_ms = :now_ms, updated_at_ms = :now_ms WHERE seq = :seq
"""

# Index flows_deleted.
NEXT_DELETED: Final = Statement(
    FlowRow, "SELECT * FROM flows WHERE deleted_at_ms IS NOT NULL ORDER BY seq LIMIT 1"
)

DELETE: Final = "DELETE FROM flows WHERE seq = :seq"
