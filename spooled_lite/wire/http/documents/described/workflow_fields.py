"""Every field of workflows by its name; `Type.name` where it means something else elsewhere."""

from typing import Final

from spooled_lite.core.workflows.records import (
    KEY_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX,
    PARENTS_MAX,
    STEPS_MAX,
)
from spooled_lite.wire.http.documents.described.field import (
    Field,
    count,
    in_each,
    length,
    one_of,
    time,
)

_SUMMARIES: Final = ("WorkflowSummary", "ListedWorkflow", "WorkflowDetail", "WorkflowCreated")
_KEY: Final = length(1, KEY_CHARACTERS_MAX)
_ID: Final = "7d444840-9dc0-41d1-b245-5ffdce74fad2"
_ERROR: Final = {"type": "JobError", "error_type": "JobError", "message": "boom", "stack": None}

# One line a field, however long.
# ruff: noqa: E501
# fmt: off
WORKFLOWS: Final = {
    "CreateWorkflow.name": Field(f"1 to {NAME_CHARACTERS_MAX} letters, digits, spaces, `-`, `_`, `.`, `(` and `)`", "onboarding", length(1, NAME_CHARACTERS_MAX)),
    "CreateWorkflow.jobs": Field(f"1 to {STEPS_MAX} jobs", None, {"minItems": 1, "maxItems": STEPS_MAX}),
    **in_each(("CreateWorkflow", *_SUMMARIES), "metadata", Field("Any JSON value, for callers", {})),
    **in_each(_SUMMARIES, "name", Field("The name", "onboarding")),
    **in_each(_SUMMARIES, "status", one_of("The status of the workflow", "pending", "running", "completed", "failed", "cancelled")),
    "StepFields.key": Field("Its name in the workflow: letters, digits, `-` and `_`", "welcome", _KEY),
    "StepFields.id": Field("The same as `key`", "welcome", _KEY),
    "StepFields.name": Field("The same as `key`", "welcome", _KEY),
    "StepFields.step_name": Field("The same as `key`", "welcome", _KEY),
    "StepFields.depends_on": Field(f"The keys of the jobs it waits for, at most {PARENTS_MAX}; a text is one of them", ["account"]),
    "StepFields.dependencies": Field("The same as `depends_on`", ["account"]),
    "StepFields.dependency_mode": one_of("Does it wait for `all` or for `any` of them?", "all", "any"),
    "StepFields.dependency_type": Field("The outcome its dependencies require: `success`, `completion` or `failure`; `all` and `any` count as `dependency_mode`", "success"),
    "timeout_ms": Field("The same as `timeout_seconds`, in milliseconds", 300_000),
    "StepFields.job_type": Field("Stored as `job_type` in a payload that is an object without one", "welcome_mail"),
    "StepFields.metadata": Field("The tags of the job: an object or a list", {}),
    "StepFields.tags": Field("The same as `metadata`", {}),
    "expiresAt": Field("The same as `expires_at`"),
    "CancelWorkflow.reason": Field("Why, up to 500 characters", "Order withdrawn"),
    "CancelWorkflow.stop_running": Field("Tell the jobs that run to stop. Default: false", True),
    "total_jobs": count("How many jobs it has", 2),
    "completed_jobs": count("How many are completed", 1),
    "failed_jobs": count("How many are dead letters"),
    "progress_percent": Field("Completed jobs, in percent of all", 50.0),
    "WorkflowCreated.job_ids": Field("The jobs in the order of the request"),
    "key": Field("Its name in the workflow", "welcome"),
    "WorkflowDetail.jobs": Field("The jobs in the order of the request"),
    "WorkflowDetail.dependencies": Field("The dependencies: which job waits for which"),
    "WorkflowDetail.progress": Field("Count jobs by status"),
    "estimated_completion": Field("Always null", None),
    "WorkflowEdge.dependency_type": one_of("The outcome this dependency requires", "success", "completion", "failure"),
    "WorkflowEdge.parent_job_id": Field("The job that is waited for", _ID),
    "child_job_id": Field("The job that waits", _ID),
    "WorkflowProgress.total": count("All jobs", 2),
    "WorkflowProgress.pending": count("Jobs that wait", 1),
    "WorkflowProgress.failed": count("Dead letters"),
    "WorkflowJob.job_type": Field("`payload.job_type` when that is a text, else `job`", "welcome_mail"),
    "WorkflowJob.error": Field("The last failure: in the detail of a workflow an object, by itself a text", _ERROR),
    "WorkflowJob.metadata": Field("Its tags", {}),
    "WorkflowJob.depends_on": Field("The ids of the jobs it waits for", []),
    "WorkflowJob.dependencies_met": Field("Whether the job no longer waits for other jobs", True),
    "depends_on_keys": Field("The keys of those of them that are in the workflow", ["account"]),
    "metadata_omitted": Field("True when they are left out because the list would be too large", False),
    "values_omitted": Field("True when payload and result are left out because the answer would be too large", False),
    "backoff_type": Field("Always `exponential`", "exponential"),
    "failed_at": time("When it became a dead letter"),
    "next_retry_at": time("When its next attempt begins"),
    "JobError.message": Field("The text of the last failure", "boom"),
    "JobError.type": Field("Always `JobError`", "JobError"),
    "error_type": Field("Always `JobError`", "JobError"),
    "stack": Field("Always null", None),
    "StepStatus.depends_on": Field("The keys of the jobs it waits for", ["account"]),
    "StepStatus.progress": Field("100 when it is completed, else 0", 100),
    "StepStatus.error": Field("The text of the last failure", None),
}
# fmt: on
