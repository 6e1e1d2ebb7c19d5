"""What rows of workflows, and of which job waits for which, hold. Times are milliseconds."""

from typing import TypedDict

from spooled_lite.core.jobs.columns import StepPhase


class WorkflowRow(TypedDict):
    """A whole row of `workflows`, which is without its metadata."""

    seq: int
    id: str
    org: int
    name: str
    description: str | None
    status: str
    total_jobs: int
    waiting_jobs: int
    processing_jobs: int
    completed_jobs: int
    failed_jobs: int
    cancelled_jobs: int
    created_at_ms: int
    updated_at_ms: int
    started_at_ms: int | None
    completed_at_ms: int | None
    cancel_requested_at_ms: int | None
    cancel_reason: str | None
    document: int | None  # None: its jobs say all there is
    flow_name: str | None
    priority: int
    concurrency_key: str | None
    expires_at_ms: int | None
    ended_as: str | None  # completed, failed or expired, where that does not follow from counters
    completion_reason: str | None
    error_message: str | None
    failed_step: str | None


class ShownWorkflowRow(WorkflowRow):
    metadata: bytes | None


class ListedWorkflowRow(ShownWorkflowRow):
    """A workflow in a list, where its metadata are filled in as long as there is room."""

    size_bytes: int | None  # of the metadata; None: it has none


class WorkflowOfAnyOrgRow(ListedWorkflowRow):
    org_id: str


class OldWorkflowRow(TypedDict):
    """A workflow that ended long enough ago to be deleted."""

    seq: int
    completed_at_ms: int
    size_bytes: int
    is_needed: int  # 1: it still has jobs


class CountedWorkflowRow(WorkflowRow):
    """A workflow with the numbers of its steps that are there, by status."""

    waiting_found: int
    processing_found: int
    completed_found: int
    failed_found: int
    cancelled_found: int


# -- steps -----------------------------------------------------------------------------------


class StepStatusRow(TypedDict):
    seq: int
    id: str
    step_key: str
    status: str
    retry_count: int
    last_error: str | None


class FailedStepRow(TypedDict):
    step_key: str
    last_error: str | None


class WaitingStepRow(TypedDict):
    seq: int
    id: str
    org: int
    status: str
    phase: str | None
    is_needed_elsewhere: int  # 1: a job outside the workflow waits for it


class SettledStepRow(TypedDict):
    seq: int
    status: str
    phase: StepPhase | None


class CancelledStepRow(TypedDict):
    seq: int
    dependency_mode: str | None
    phase: StepPhase | None


# -- edges: a job that waits, and its parent -------------------------------------------------


class StandingRow(TypedDict):
    """What decides whether one dependency of a job is satisfied."""

    is_link: int  # 1: by `parent_job_id` of the job
    condition: str  # success, completion or failure
    status: str  # of the parent, or `skipped`


class EdgeRow(StandingRow):
    job: int
    parent: int


class JobStandingRow(StandingRow):
    job: int


class ParentStandingRow(StandingRow):
    parent: int


class ParentRow(TypedDict):
    id: str
    queue_name: str
    status: str
    condition: str


class ChildRow(ParentRow):
    dependency_mode: str | None


class FoundJobRow(TypedDict):
    seq: int
    id: str
    queue_name: str


class ReachRow(TypedDict):
    seen: int
    found: int


class ShownEdgeRow(TypedDict):
    job: int  # the step that waits
    condition: str
    parent_id: str
    parent_key: str | None  # None: the parent is not a step of the workflow


class OrphanedEdgeRow(TypedDict):
    job: int
    parent: int
