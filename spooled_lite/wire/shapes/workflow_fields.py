"""The fields of workflows with their descriptions."""

from typing import Annotated, Final

from msgspec import Raw

from spooled_lite.core.workflows.records import (
    KEY_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX,
    PARENTS_MAX,
    WORKFLOW_STATUSES,
)
from spooled_lite.core.workflows.states import WORKFLOW_STATES
from spooled_lite.times import Time
from spooled_lite.wire.shapes.about import a_count, a_time, about, one_of
from spooled_lite.wire.shapes.common import AN_ID

_KEY_RULES: Final = {"minLength": 1, "maxLength": KEY_CHARACTERS_MAX}

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
# In bodies only.
NameGiven = Annotated[str, about(f"1 to {NAME_CHARACTERS_MAX} letters, digits, spaces, `-`, `_`, `.`, `(` and `)`", "onboarding", minLength=1, maxLength=NAME_CHARACTERS_MAX)]
KeyGiven = Annotated[str, about("Its name in the workflow: letters, digits, `-` and `_`", "welcome", **_KEY_RULES)]
SameKeyGiven = Annotated[str, about("The same as `key`", "welcome", **_KEY_RULES)]
DependsOnGiven = Annotated[list[str] | str | None, about(f"The keys of the jobs it waits for, at most {PARENTS_MAX}; a text is one of them", ["account"])]
SameDependsOnGiven = Annotated[list[str] | str | None, about("The same as `depends_on`", ["account"])]
ModeGiven = Annotated[str, one_of("Does it wait for `all` or for `any` of them?", "all", "any")]
ConditionGiven = Annotated[str, about("The outcome its dependencies require: `success`, `completion` or `failure`; `all` and `any` count as `dependency_mode`", "success")]
JobTypeGiven = Annotated[str, about("Stored as `job_type` in a payload that is an object without one", "welcome_mail")]
TagsGiven = Annotated[Raw, about("The tags of the job: an object or a list", {})]
SameTagsGiven = Annotated[Raw, about("The same as `metadata`", {})]
ExpiresAtGiven = Annotated[Time | None, about("The job is cancelled if it still waits at this time", "2026-10-02T09:00:00.000Z")]
SameExpiresAtGiven = Annotated[Time | None, about("The same as `expires_at`")]
Reason = Annotated[str, about("Why, up to 500 characters", "Order withdrawn")]
StopRunning = Annotated[bool, about("Tell the jobs that run to stop. Default: true for a run of a flow, else false", True)]
FromGiven = Annotated[str | list[str], about("The key of the job to begin with, or of several", "account")]
DryRun = Annotated[bool, about("Only name what would run again. Default: false", True)]
# In bodies and answers.
Description = Annotated[str, about("A description for people", "What a new account needs")]
Metadata = Annotated[Raw, about("Any JSON value, for callers", {})]
TimeoutMs = Annotated[int, about("The same as `timeout_seconds`, in milliseconds; 0: without end", 300_000)]
# In answers only.
Name = Annotated[str, about("The name", "onboarding")]
Status = Annotated[str, one_of("The status of the workflow", *WORKFLOW_STATUSES)]
State = Annotated[str, one_of("The state of the workflow, more precise than `status`", *WORKFLOW_STATES)]
CancelReasonSaid = Annotated[str, about("What was said when it was cancelled", "Order withdrawn")]
CancelAskedAt = Annotated[str, a_time("When it was asked to be cancelled")]
WasCancelApplied = Annotated[bool, about("False: it was cancelled before, and nothing of it ran any more", True)]
FlowName = Annotated[str, about("The flow it is a run of; null: of none", "order_flow")]
RunGiven = Annotated[Raw, about("What it was given: any JSON value", {"order_id": 7})]
RunHeadersGiven = Annotated[Raw, about("What came with it: an object, or null", {"trace_id": "t-9"})]
RunGives = Annotated[Raw, about("What it gives, once it is completed", {"ok": True})]
IsOutputOmitted = Annotated[bool, about("True when that is too large for this answer: its step has it", False)]
OutputChoices = Annotated[list[str], about("The steps whose output it may give, the first choice first", ["publish", "rejected"])]
WhyFailed = Annotated[str, about("Why it failed", "boom")]
FailedAtStep = Annotated[str, about("The key of the step that failed", "publish")]
RunPriorityShown = Annotated[int, about("That of each step which has none of its own", 0)]
RunKeyShown = Annotated[str, about("No other unfinished run of the flow has it", "order-7")]
WhyCompleted = Annotated[str, about("Why it was completed early", "known customer")]
WasCanceledAt = Annotated[str, a_time("When the last of its workers had let go")]
HasFailedAt = Annotated[str, a_time("When it failed")]
HasExpiredAt = Annotated[str, a_time("When its time was over")]
IsOverAt = Annotated[str, a_time("It is over at this time, finished or not", "2026-10-02T09:00:00.000Z")]
TotalJobs = Annotated[int, a_count("How many jobs it has", 2)]
CompletedJobs = Annotated[int, a_count("How many of them are completed", 1)]
FailedJobs = Annotated[int, a_count("How many of them are dead letters")]
ProgressPercent = Annotated[float, about("Completed jobs, in percent of all", 50.0)]
StartedAt = Annotated[str, a_time("When the first of its jobs was claimed or cancelled")]
CompletedAt = Annotated[str, a_time("When it ended")]
MetadataOmitted = Annotated[bool, about("True when they are left out because the list would be too large", False)]
EstimatedCompletion = Annotated[str, about("Always null")]
WorkflowId = Annotated[str, about("The same as `id`", AN_ID)]
Key = Annotated[str, about("The name of the job in the workflow", "welcome")]
# fmt: on
