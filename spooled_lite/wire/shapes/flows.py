"""Answers about flows. Contract: catbird-capabilities, F2 and section 19.8."""

from collections.abc import Sequence
from typing import Annotated, Final, Self

from msgspec import UNSET, Raw, Struct, UnsetType

from spooled_lite.core.flows.columns import FlowRow
from spooled_lite.core.jobs.policy import stored
from spooled_lite.core.workflows.document import FlowDocument, StepDocument
from spooled_lite.times import format_ms
from spooled_lite.wire.shapes import step_fields as step
from spooled_lite.wire.shapes import workflow_fields as workflow
from spooled_lite.wire.shapes.about import about, one_of
from spooled_lite.wire.shapes.common import CreatedAt, UpdatedAt
from spooled_lite.wire.shapes.flow_bodies import STEP_ON_FAIL
from spooled_lite.wire.shapes.on_fail_bodies import OnFailView, in_seconds
from spooled_lite.wire.shapes.policy_bodies import BackoffView, CircuitBreakerView
from spooled_lite.wire.shapes.step_bodies import (
    MAP,
    REDUCE,
    STEP_BACKOFF,
    STEP_BREAKER,
    MapBody,
    ReduceBody,
)
from spooled_lite.wire.shapes.tasks import (
    IsChanged,
    Retention,
    Revision,
    TaskDescription,
    Warnings,
)

_NULL: Final = Raw(b"null")

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
StepKeys = Annotated[list[str], about("The keys of the steps it waits for", ["validate"])]
StepModeShown = Annotated[str, one_of("Does it wait for `all` or for `any` of them?", "all", "any")]
StepOutcomeShown = Annotated[str, one_of("The outcome its dependencies require", "success", "completion", "failure")]
StepsOmitted = Annotated[bool, about("True when the steps are left out because the list would be too large", False)]
# fmt: on


class FlowStepView(Struct):
    """A step of a flow, as it is defined."""

    key: step.StepName
    name: step.SameStepName
    type: step.TypeShown
    description: step.StepDescription | None
    queue_name: step.StepQueue
    payload: step.StepPayload
    payload_mode: step.PayloadModeShown
    depends_on: StepKeys
    dependency_mode: StepModeShown
    dependency_type: StepOutcomeShown
    optional_deps: step.OptionalDeps
    ignore_output: step.IgnoreOutput
    condition: step.StepCondition | None
    signal: step.HasSignal
    map: Annotated[MapBody | None, MAP]
    generate: step.Generates
    reduce: Annotated[ReduceBody | None, REDUCE]
    item_queue_name: step.ItemQueue | None
    needs_input: step.NeedsInput
    priority: step.StepPriority | None
    max_retries: step.StepRetries | None
    timeout_seconds: step.StepSeconds
    timeout_ms: step.StepTimeoutMs | None
    backoff: Annotated[BackoffView | None, STEP_BACKOFF]
    circuit_breaker: Annotated[CircuitBreakerView | None, STEP_BREAKER]
    max_concurrency: step.StepConcurrency | None
    tags: workflow.TagsGiven

    @classmethod
    def of(cls, it: StepDocument) -> Self:
        breaker, timeout_ms = stored(it.circuit_breaker), it.timeout_ms
        reduce = ReduceBody(source=it.source, initial=_json(it.initial))
        return cls(
            key=it.key,
            name=it.key,
            type=it.type,
            description=it.description,
            queue_name=it.queue_name,
            payload=_json(it.payload),
            payload_mode=it.payload_mode,
            depends_on=list(it.depends_on),
            dependency_mode=it.dependency_mode,
            dependency_type=it.dependency_condition,
            optional_deps=list(it.optional_deps),
            ignore_output=list(it.ignore_output),
            condition=it.condition,
            signal=it.signal,
            map=MapBody(source=it.source) if it.type == "mapper" else None,
            generate=it.type == "generator",
            reduce=reduce if it.type == "reducer" else None,
            item_queue_name=it.item_queue_name,
            needs_input=it.gives_input,
            priority=it.priority,
            max_retries=it.max_retries,
            timeout_seconds=None if timeout_ms is None else in_seconds(timeout_ms),
            timeout_ms=timeout_ms,
            backoff=None if it.backoff is None else BackoffView.showing(it.backoff),
            circuit_breaker=None if breaker is None else CircuitBreakerView.of(breaker),
            max_concurrency=it.max_concurrency,
            tags=_json(it.tags),
        )


class FlowView(Struct):
    """A flow: its steps and what is said of all of them."""

    name: step.FlowName
    description: TaskDescription | None
    steps: Annotated[list[FlowStepView], about("The steps, in the order they were given in")]
    output_priority: step.OutputPriority
    failure_policy: step.FailurePolicyShown | None
    on_fail: Annotated[OnFailView | None, STEP_ON_FAIL]
    retention_seconds: Retention
    revision: Revision
    created_at: CreatedAt
    updated_at: UpdatedAt
    changed: IsChanged | UnsetType = UNSET  # of a call that defines it
    warnings: Warnings | UnsetType = UNSET  # likewise
    steps_omitted: StepsOmitted | UnsetType = UNSET

    @classmethod
    def of(cls, row: FlowRow, document: FlowDocument | None) -> Self:
        """Without its document where a list has no room for it."""
        on_fail = None if document is None else stored(document.on_fail)
        steps: Sequence[StepDocument] = () if document is None else document.steps
        retention_ms = row["retention_ms"]
        return cls(
            name=row["name"],
            description=row["description"],
            steps=[FlowStepView.of(each) for each in steps],
            output_priority=[] if document is None else list(document.output_priority),
            failure_policy=None if document is None else document.failure_policy,
            on_fail=None if on_fail is None else OnFailView.of(on_fail),
            retention_seconds=None if retention_ms is None else in_seconds(retention_ms),
            revision=row["revision"],
            created_at=format_ms(row["created_at_ms"]),
            updated_at=format_ms(row["updated_at_ms"]),
            steps_omitted=True if document is None else UNSET,
        )


def _json(value: Raw | None) -> Raw:
    return _NULL if value is None else value
