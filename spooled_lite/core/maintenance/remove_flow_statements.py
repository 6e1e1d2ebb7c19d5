"""Every statement that finds runs of flows to delete, with what belongs to them."""

from typing import Final

from spooled_lite.core.maintenance.statements import REMOVED, RemovedRow
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.storage.statement import Statement

# What runs still is not over, though it has been cancelled.
_HAS_ENDED: Final = "NOT (status = 'cancelled' AND processing_jobs > 0)"

# Index workflows_of_flow, up to a moment: what is made meanwhile stays.
OF_FLOW: Final = Statement(
    WorkflowRow,
    """
SELECT * FROM workflows
 WHERE org = :org AND flow_name = :flow_name AND created_at_ms <= :created_until_ms
 ORDER BY created_at_ms, seq LIMIT 1
""",
)

# Index workflows_of_flow_ended.
ENDED_OF_FLOW: Final = Statement(
    WorkflowRow,
    f"""
SELECT * FROM workflows
 WHERE org = :org AND flow_name = :flow_name
   AND completed_at_ms IS NOT NULL AND completed_at_ms < :completed_before_ms AND {_HAS_ENDED}
 ORDER BY completed_at_ms, seq LIMIT 1
""",
)

# Index workflows_of_flow_ended, once for each flow that says how long its runs are kept.
OLD_OF_FLOWS: Final = Statement(
    WorkflowRow,
    f"""
SELECT workflows.*
  FROM flows CROSS JOIN workflows ON workflows.org = flows.org AND flow_name = flows.name
 WHERE flows.org = :org AND retention_ms IS NOT NULL
   AND completed_at_ms IS NOT NULL AND completed_at_ms < :now_ms - retention_ms AND {_HAS_ENDED}
 LIMIT 1
""",
)

# Index jobs_of_workflow.
STEPS_OF_RUN: Final = Statement(
    RemovedRow,
    f"SELECT {REMOVED} FROM jobs WHERE workflow_id = :workflow_id LIMIT :limit",
)

# Indexes flow_documents_by_digest, flows_of_document and workflows_of_document.
UNUSED_DOCUMENTS: Final = """
DELETE FROM flow_documents WHERE seq IN (
       SELECT seq FROM flow_documents
        WHERE org = :org
          AND NOT EXISTS (SELECT 1 FROM flows WHERE document = flow_documents.seq)
          AND NOT EXISTS (SELECT 1 FROM workflows WHERE document = flow_documents.seq)
        LIMIT :limit)
"""
