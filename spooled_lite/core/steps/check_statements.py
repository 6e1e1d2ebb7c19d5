"""Every statement by which `spooled-lite check` looks at runs of documents: at all their rows."""

from typing import Final, TypedDict

from spooled_lite.core.steps.statements import STATUS_OF_PARENT
from spooled_lite.core.workflows.columns import JobStandingRow
from spooled_lite.storage.statement import Statement


class WaitingStepOfRunRow(TypedDict):
    seq: int
    id: str
    state: str | None
    dependency_mode: str | None
    is_signalled: int


class EndedRunRow(TypedDict):
    id: str
    status: str
    open_jobs: int


# Steps that wait for something before they can be claimed. Those are left out that a loop has yet
# to decide about, or whose parents have not told it of their end.
WAITING: Final = Statement(
    WaitingStepOfRunRow,
    """
SELECT jobs.seq, jobs.id, state, dependency_mode, coalesce(is_signalled, 0) AS is_signalled
  FROM jobs LEFT JOIN step_states ON step_states.job = jobs.seq
 WHERE kind = 'step' AND phase IS NOT NULL AND status IN ('pending', 'scheduled')
   AND dependencies_met = 0 AND work IS NOT 'decide'
   AND NOT EXISTS (SELECT 1 FROM job_dependencies AS edges
                            JOIN job_cascades ON job_cascades.job = edges.parent
                    WHERE edges.job = jobs.seq)
""",
)

STANDINGS: Final = Statement(
    JobStandingRow,
    f"""
SELECT DISTINCT edges.job, edges.is_link, edges.condition, {STATUS_OF_PARENT} AS status
  FROM jobs CROSS JOIN job_dependencies AS edges ON edges.job = jobs.seq
            CROSS JOIN jobs AS parents ON parents.seq = edges.parent
 WHERE jobs.kind = 'step' AND jobs.phase IS NOT NULL AND jobs.status IN ('pending', 'scheduled')
   AND jobs.dependencies_met = 0
""",
)

# Runs that were ended, and have steps that are open.
NOT_CLOSED: Final = Statement(
    EndedRunRow,
    """
SELECT id, status, waiting_jobs + processing_jobs AS open_jobs FROM workflows
 WHERE (ended_as IS NOT NULL OR failed_step IS NOT NULL) AND waiting_jobs + processing_jobs > 0
""",
)
