"""Answers about the steps of workflows, by their keys. Contract: catbird-capabilities, F20-F22."""

from typing import Annotated, Final, get_args

from msgspec import UNSET, Raw, Struct, UnsetType

from spooled_lite.core.jobs.bodies import is_omitted
from spooled_lite.core.jobs.states import FAILED, state_of
from spooled_lite.core.steps.item_outputs import ItemCounts
from spooled_lite.core.steps.shown import ShownStep
from spooled_lite.core.workflows.document import StepType
from spooled_lite.times import format_ms, format_optional_ms
from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes import workflow_fields as workflow
from spooled_lite.wire.shapes.about import a_count, a_time, about, one_of
from spooled_lite.wire.shapes.common import CreatedAt, Id, QueueName
from spooled_lite.wire.shapes.outcomes import JobState

STEP_TYPES: Final = get_args(StepType)

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
StepTypeShown = Annotated[str, one_of("What kind of step it is", *STEP_TYPES)]
SameKey = Annotated[str, about("The same as `key`", "welcome")]
StepAttempts = Annotated[int, a_count("How often it was handed out", 1)]
StepParents = Annotated[list[str], about("The keys of the steps it waits for", ["account"])]
WaitsForSignal = Annotated[bool, about("Whether it waits for a signal", False)]
IsSignalled = Annotated[bool, about("Whether its signal has come", False)]
StepOutput = Annotated[Raw, about("What it gives, once it is completed; of a step with items an array", {"message_id": "m-1"})]
StepOutputOmitted = Annotated[bool, about("`true` when the output is too large for this answer. In a list: `GET …/steps/{key}` has it, and for a step with items its items", True)]
VisibleAt = Annotated[str, a_time("It is not handed out before this time")]
SkippedAt = Annotated[str, a_time("When it was skipped, because its condition was not met")]
FailedAtStep = Annotated[str, a_time("When it failed, or another step did and ended it")]
ErrorOfStep = Annotated[str, about("Why it failed, or which failure ended it", "boom")]
ItemsTotal = Annotated[int, a_count("How many there will be; null: not known yet", 3)]
# fmt: on


class ItemCountsShown(Struct):
    """How many items a step has."""

    total: ItemsTotal | None
    stored: Annotated[int, a_count("How many there are", 3)]
    open: Annotated[int, a_count("How many may be claimed, or are being processed")]
    completed: Annotated[int, a_count("How many are completed", 3)]
    failed: Annotated[int, a_count("How many have failed or were cancelled")]


ItemCountsOfStep = Annotated[ItemCountsShown, about("Of a step with items, how many there are")]


class WorkflowStep(Struct, kw_only=True):
    """A step of a workflow. A time that has not come is null."""

    id: Id
    key: workflow.Key
    step_name: SameKey
    step_type: StepTypeShown
    queue_name: QueueName
    status: job.Status
    state: JobState
    priority: job.Priority
    attempts: StepAttempts
    max_retries: job.MaxRetries
    depends_on: StepParents
    signal: WaitsForSignal
    is_signalled: IsSignalled
    error_message: ErrorOfStep | None
    created_at: CreatedAt
    visible_at: VisibleAt | None
    started_at: job.StartedAt | None
    completed_at: job.CompletedAt | None
    failed_at: FailedAtStep | None
    skipped_at: SkippedAt | None
    canceled_at: job.CanceledAt | None
    expired_at: job.ExpiredAt | None
    output: StepOutput | UnsetType = UNSET
    output_omitted: StepOutputOmitted | UnsetType = UNSET
    item_counts: ItemCountsOfStep | UnsetType = UNSET


def workflow_step(step: ShownStep, *, is_alone: bool) -> WorkflowStep:
    """Alone, it comes with its output whole; in a list with what its row has of that."""
    row, document = step.row, step.document
    key, state = row["step_key"] or "", state_of(row)
    ended_at = format_optional_ms(row["completed_at_ms"])
    shown = WorkflowStep(
        id=row["id"],
        key=key,
        step_name=key,
        step_type="normal" if document is None else document.type,
        queue_name=row["queue_name"],
        status=row["status"],
        state=state,
        priority=row["priority"],
        attempts=row["claims"],
        max_retries=row["max_retries"],
        depends_on=[edge["parent_key"] for edge in step.edges if edge["parent_key"] is not None],
        signal=document is not None and document.signal,
        is_signalled=step.is_signalled,
        error_message=row["last_error"],
        created_at=format_ms(row["created_at_ms"]),
        visible_at=format_optional_ms(row["scheduled_at_ms"]),
        started_at=format_optional_ms(row["started_at_ms"]),
        completed_at=ended_at if state == "completed" else None,
        failed_at=ended_at if state == "failed" or row["status"] in FAILED else None,
        skipped_at=ended_at if state == "skipped" else None,
        canceled_at=ended_at if state == "canceled" else None,
        expired_at=ended_at if state == "expired" else None,
    )
    if step.items is not None:
        shown.item_counts = counts_shown(step.items)
    if state == "completed":
        _add_output(shown, step, is_alone=is_alone)
    return shown


def counts_shown(items: ItemCounts) -> ItemCountsShown:
    return ItemCountsShown(**items)


def _add_output(shown: WorkflowStep, step: ShownStep, *, is_alone: bool) -> None:
    row = step.row
    output = step.output
    if not is_alone and not (step.document is not None and step.document.has_items):
        is_there = not is_omitted(row["result"], row["result_bytes"])
        output = (row["result"] or b"null") if is_there else None
    if output is None:
        shown.output_omitted = True
    else:
        shown.output = Raw(output)
