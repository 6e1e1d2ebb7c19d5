"""Bodies that define flows. Null means absent; of several spellings of a field the first wins.

Contract: catbird-capabilities, sections 8.1 and 19.5.
"""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw, Struct

from spooled_lite.core.flows.records import FlowDefinition
from spooled_lite.core.jobs.policy import TIMEOUT_MS_MAX, USUAL_BACKOFFS
from spooled_lite.core.jobs.records import NULL, RETRIES, check_json_size, strict_tags
from spooled_lite.core.queues.names import checked_step_queue_name
from spooled_lite.core.tasks.records import RETRIES_USUAL, TIMEOUT_MS_USUAL
from spooled_lite.core.workflows.document import FlowDocument, StepDocument, terminal_steps
from spooled_lite.core.workflows.document_checks import DocumentPlace, check_document
from spooled_lite.core.workflows.records import DOCUMENT_BYTES_MAX, STEPS_MAX
from spooled_lite.wire.shapes import step_fields as step
from spooled_lite.wire.shapes import workflow_fields as workflow
from spooled_lite.wire.shapes.about import about
from spooled_lite.wire.shapes.on_fail_bodies import OnFailBody, in_ms
from spooled_lite.wire.shapes.step_bodies import STEP_KEY_NAMES, StepBody, usual
from spooled_lite.wire.shapes.tasks import DESCRIPTION, RetentionGiven, TaskDescription

STEP_ON_FAIL: Final = about("The job that follows when a run has failed; null: none")
_SecondsGiven = Annotated[
    float,
    Meta(ge=0, le=TIMEOUT_MS_MAX / 1000),
    about("How long an attempt may take, in seconds; default 30", 20),
]


class FlowStep(StepBody, kw_only=True):
    """A step of a flow."""

    key: step.StepName | None = None
    id: step.SameStepName | None = None
    name: step.SameStepName | None = None
    step_name: step.SameStepName | None = None
    queue_name: step.StepQueue | None = None
    queue: step.SameStepQueue | None = None
    payload: step.StepPayload = NULL
    priority: step.StepPriority | None = None
    max_retries: Annotated[step.StepRetries, RETRIES] | None = None
    timeout_seconds: _SecondsGiven | None = None
    timeout_ms: Annotated[step.StepTimeoutMs, Meta(ge=0, le=TIMEOUT_MS_MAX)] | None = None
    metadata: workflow.TagsGiven = NULL
    tags: workflow.SameTagsGiven = NULL

    def document(self, flow: DocumentPlace, flow_name: str, index: int) -> StepDocument:
        """With the defaults of flows. Raises RuleBroken."""
        given = (getattr(self, spelling) for spelling in STEP_KEY_NAMES)
        key: str | None = next((each for each in given if each is not None), None)
        if not key:
            field = f"{flow.steps_field}[{index}].key"
            raise flow.broken(field, f"step {index + 1} has no name (`key`)", "missing_name")
        place = flow.step(index, key)
        at = f"{place.at}."
        mode, condition = self.conditions(at)
        fields = self.document_fields(place)
        has_metadata = bytes(self.metadata) != b"null"
        tags = strict_tags(
            self.metadata if has_metadata else self.tags,
            f"{at}metadata" if has_metadata else f"{at}tags",
        )
        return StepDocument(
            key=key,
            queue_name=self._queue(at) or flow_name,
            payload=None if bytes(self.payload) == b"null" else self.payload,
            payload_mode=usual(self.payload_mode or "envelope"),
            depends_on=tuple(self.parents(at)),
            dependency_mode=mode,
            dependency_condition=condition,
            priority=self.priority,
            max_retries=RETRIES_USUAL if self.max_retries is None else self.max_retries,
            timeout_ms=self._timeout_ms(),
            tags=None if tags is None else Raw(tags),
            **{**fields, "backoff": fields["backoff"] or USUAL_BACKOFFS["full_jitter"]},
        )

    def _queue(self, at: str) -> str | None:
        if self.queue_name is not None:
            return checked_step_queue_name(self.queue_name, f"{at}queue_name")
        return None if self.queue is None else checked_step_queue_name(self.queue, f"{at}queue")

    def _timeout_ms(self) -> int:
        if self.timeout_ms is not None:
            return self.timeout_ms
        seconds = self.timeout_seconds
        return TIMEOUT_MS_USUAL if seconds is None else in_ms(seconds)


FlowSteps = Annotated[
    list[FlowStep], about(f"1 to {STEPS_MAX} steps", minItems=1, maxItems=STEPS_MAX)
]


class ReplaceFlow(Struct, kw_only=True):
    """Body of PUT /flows/{name}. What is left out or null gets its default; the name is that of
    the path."""

    steps: FlowSteps
    description: Annotated[TaskDescription, DESCRIPTION] | None = None
    output_priority: step.OutputPriority | None = None
    output: step.OutputStep | None = None
    failure_policy: step.FailurePolicyGiven | None = None
    on_fail: Annotated[OnFailBody | None, STEP_ON_FAIL] = None
    retention_seconds: RetentionGiven | None = None

    def definition(self, name: str) -> FlowDefinition:
        """What is said of the flow of this name. Not for the loop when the body is large.

        Raises:
            RuleBroken: it cannot be run; the message names the flow and the step.
            PayloadTooLarge: it is too large as a whole.
        """
        place = DocumentPlace(f'flow "{name}"')
        if not 1 <= len(self.steps) <= STEPS_MAX:
            what = f"must have 1 to {STEPS_MAX} steps, not {len(self.steps)}"
            raise place.broken("steps", what, "length")
        steps = tuple(each.document(place, name, n) for n, each in enumerate(self.steps))
        document = FlowDocument(
            steps=steps,
            output_priority=output_priority_of(self.output_priority, self.output, steps, place),
            failure_policy=usual(self.failure_policy or "fail_fast"),
            on_fail=None if self.on_fail is None else self.on_fail.checked(),
        )
        check_document(document, place)
        check_json_size(msgspec.json.encode(document), DOCUMENT_BYTES_MAX, "steps")
        retention = self.retention_seconds
        return FlowDefinition(
            document=document,
            description=self.description,
            retention_ms=None if retention is None else round(retention * 1000),
        )


class CreateFlow(ReplaceFlow, kw_only=True):
    """Body of POST /flows."""

    name: step.FlowName


def output_priority_of(
    given: list[str] | None,
    output: str | None,
    steps: Sequence[StepDocument],
    place: DocumentPlace,
) -> tuple[str, ...]:
    """Raises RuleBroken: two of them are said. Contract: catbird-capabilities, F5."""
    if given is not None and output is not None and given != [output]:
        what = "`output` says otherwise than `output_priority`"
        raise place.broken("output", what, "invalid_value")
    if given is None:
        return terminal_steps(steps) if output is None else (output,)
    return tuple(given)
