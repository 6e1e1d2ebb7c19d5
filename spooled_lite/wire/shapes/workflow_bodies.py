"""Bodies about workflows. Null means absent; of several spellings of a field the first one wins."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw, Struct, field

from spooled_lite.core.jobs.columns import NewJob
from spooled_lite.core.jobs.records import (
    NULL,
    PRIORITIES,
    RETRIES,
    SHORT,
    TIMEOUT_SECONDS,
    check_json_size,
    job_type_of,
    queue_of,
    strict_tags,
    with_job_type,
)
from spooled_lite.core.lifecycle.held_by import HeldJob
from spooled_lite.core.queues.names import checked_step_queue_name
from spooled_lite.core.workflows.document import FlowDocument, StepDocument
from spooled_lite.core.workflows.document_checks import DocumentPlace, check_document
from spooled_lite.core.workflows.graph import graph_of
from spooled_lite.core.workflows.records import (
    DOCUMENT_BYTES_MAX,
    KEY_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX,
    STEPS_MAX,
    NewStep,
    NewWorkflow,
)
from spooled_lite.core.workflows.store_run import NewRun
from spooled_lite.errors import RuleBroken, WrongShape
from spooled_lite.times import parse_optional_ms
from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes import workflow_fields as workflow
from spooled_lite.wire.shapes.about import about
from spooled_lite.wire.shapes.common import QueueName, SameQueueName
from spooled_lite.wire.shapes.flow_bodies import output_priority_of
from spooled_lite.wire.shapes.run_ends import ByJob, held_job
from spooled_lite.wire.shapes.step_bodies import STEP_KEY_NAMES, StepBody, StepFeatures, usual
from spooled_lite.wire.shapes.step_fields import STEP_PAYLOAD_MISSING
from spooled_lite.wire.shapes.workflow_extensions import (
    RunFeatures,
    WorkflowExtensions,
    together,
)

TIMEOUT_MS_MAX: Final = 86_400_000  # a day, the same bound as that of `timeout_seconds`

_NAME_MARKS: Final = frozenset(" -_.()")
_KEY_MARKS: Final = frozenset("-_")

_TimeoutMsGiven = Annotated[workflow.TimeoutMs, Meta(ge=0, le=TIMEOUT_MS_MAX)]


class StepFields(StepBody, kw_only=True):
    """An item of `jobs` as it arrives."""

    # Required unless more is said of the step, and null is a value; stored and returned byte for
    # byte.
    payload: job.Payload = STEP_PAYLOAD_MISSING
    key: workflow.KeyGiven | None = None
    id: workflow.SameKeyGiven | None = None
    name: workflow.SameKeyGiven | None = None
    step_name: workflow.SameKeyGiven | None = None
    queue_name: QueueName | None = None
    queue: SameQueueName | None = None
    priority: Annotated[job.Priority, PRIORITIES] | None = None
    max_retries: Annotated[job.MaxRetries, RETRIES] | None = None
    timeout_seconds: Annotated[job.TimeoutSeconds, TIMEOUT_SECONDS] | None = None
    timeout_ms: _TimeoutMsGiven | None = None
    job_type: workflow.JobTypeGiven | None = None
    metadata: workflow.TagsGiven = NULL
    tags: workflow.SameTagsGiven = NULL
    expires_at: workflow.ExpiresAtGiven = None
    expires_at_camel: workflow.SameExpiresAtGiven = field(name="expiresAt", default=None)

    @property
    def says_more(self) -> bool:
        """Also that an attempt may take any time."""
        return super().says_more or self.timeout_ms == 0

    def new_step(self, *, payload_bytes_max: int, at: str) -> NewStep:
        """Merge the spellings of fields and the defaults.

        `at` goes in front of the names of fields in errors, such as `jobs[3].`.

        Raises: as `CreateWorkflow.new_workflow`.
        """
        if not bytes(self.payload):
            raise WrongShape.missing(f"{at}payload")
        payload = with_job_type(bytes(self.payload), self.job_type)
        check_json_size(payload, payload_bytes_max, f"{at}payload")
        mode, condition = self.conditions(at)
        return NewStep(
            key=self.given_key(at),
            job=NewJob(
                queue_name=queue_of(self.queue_name, self.queue, at=at),
                payload=payload,
                priority=self.priority or 0,
                job_type=job_type_of(payload),
                max_retries=self.max_retries,
                timeout_seconds=self._timeout_seconds(),
                expires_at_ms=self._expires_at_ms(at),
                tags=self._tags(at),
            ),
            depends_on=tuple(dict.fromkeys(self.parents(at))),
            mode=mode,
            condition=condition,
        )

    def document(
        self, whose: DocumentPlace, index: int, said: StepFeatures, *, payload_bytes_max: int
    ) -> StepDocument:
        """As a step of a document. `said` is what is said of it in any place.

        Raises: as `CreateWorkflow.new_run`.
        """
        at = f"{whose.steps_field}[{index}]."
        key = self.given_key(at)
        payload = with_job_type(bytes(self.payload), self.job_type)
        check_json_size(payload, payload_bytes_max, f"{at}payload")
        mode, condition = self.conditions(at)
        timeout_ms, tags = self.timeout_ms, self._tags(at)
        if self.timeout_seconds is not None:
            timeout_ms = self.timeout_seconds * 1000
        return StepDocument(
            key=key,
            queue_name=self._step_queue(at),
            payload=Raw(payload) if payload else None,
            payload_mode=usual(said.payload_mode or "static"),
            depends_on=tuple(dict.fromkeys(self.parents(at))),
            dependency_mode=mode,
            dependency_condition=condition,
            priority=self.priority,
            max_retries=self.max_retries,
            timeout_ms=timeout_ms,
            tags=None if tags is None else Raw(tags),
            expires_at_ms=self._expires_at_ms(at),
            **said.document_fields(whose.step(index, key)),
        )

    def given_key(self, at: str) -> str:
        """Raises WrongShape: there is none; RuleBroken: it breaks its rule."""
        for spelling in STEP_KEY_NAMES:
            given: str | None = getattr(self, spelling)
            if given is not None:
                return _checked_key(given, f"{at}{spelling}")
        raise WrongShape.missing(f"{at}key")

    def _tags(self, at: str) -> bytes | None:
        has_metadata = bytes(self.metadata) != b"null"
        return strict_tags(
            self.metadata if has_metadata else self.tags,
            f"{at}metadata" if has_metadata else f"{at}tags",
        )

    def _step_queue(self, at: str) -> str:
        for spelling in ("queue_name", "queue"):
            given: str | None = getattr(self, spelling)
            if given is not None:
                return checked_step_queue_name(given, f"{at}{spelling}")
        raise WrongShape.missing(f"{at}queue_name")

    def _timeout_seconds(self) -> int | None:
        if self.timeout_seconds is None and self.timeout_ms is not None:
            return -(-self.timeout_ms // 1000)
        return self.timeout_seconds

    def _expires_at_ms(self, at: str) -> int | None:
        if self.expires_at is not None:
            return parse_optional_ms(self.expires_at, f"{at}expires_at")
        return parse_optional_ms(self.expires_at_camel, f"{at}expiresAt")


Steps = Annotated[list[StepFields], about(f"1 to {STEPS_MAX} jobs", minItems=1, maxItems=STEPS_MAX)]


class CreateWorkflow(RunFeatures, kw_only=True):
    """Body of POST /workflows."""

    name: workflow.NameGiven
    jobs: Steps
    description: Annotated[workflow.Description, Meta(max_length=1_000)] | None = None
    metadata: workflow.Metadata = NULL

    def new_workflow(self, *, payload_bytes_max: int) -> NewWorkflow:
        """Merge the spellings of fields and the defaults.

        Raises:
            WrongShape: a required field is missing in all its spellings, or a time is not valid.
            RuleBroken: a name, a number or a size breaks its rule; it names `jobs[i].field`.
            PayloadTooLarge: a payload is over `payload_bytes_max`.
        """
        metadata = self._checked_metadata(payload_bytes_max)
        return NewWorkflow(
            name=self.name,
            description=self.description,
            metadata=metadata,
            steps=[
                item.new_step(payload_bytes_max=payload_bytes_max, at=f"jobs[{index}].")
                for index, item in enumerate(self.jobs)
            ],
        )

    def new_run(self, said: WorkflowExtensions, *, payload_bytes_max: int) -> NewRun:
        """As a run of a document, for what uses more than jobs that wait for each other. `said`
        has all of that, wherever it stands.

        Raises: as `new_workflow`; RuleBroken and BadRequest: it cannot be run.
        """
        metadata = self._checked_metadata(payload_bytes_max)
        place = DocumentPlace(f'workflow "{self.name}"', steps_field="jobs", is_flow=False)
        keys = [item.given_key(f"jobs[{index}].") for index, item in enumerate(self.jobs)]
        for key in said.steps or ():
            if key not in keys:
                what = f'`metadata.ext.steps` names unknown step "{key[:KEY_CHARACTERS_MAX]}"'
                raise place.broken("metadata.ext.steps", what, "unknown_step")
        steps = tuple(
            item.document(
                place,
                index,
                together(item, (said.steps or {}).get(key)),
                payload_bytes_max=payload_bytes_max,
            )
            for index, (key, item) in enumerate(zip(keys, self.jobs, strict=True))
        )
        graph_of(steps)  # says of the graph what clients search for
        document = FlowDocument(
            steps=steps,
            output_priority=output_priority_of(said.output_priority, said.output, steps, place),
            failure_policy=usual(said.failure_policy or "continue"),
            on_fail=said.checked_on_fail(),
        )
        check_document(document, place)
        check_json_size(msgspec.json.encode(document), DOCUMENT_BYTES_MAX, "jobs")
        return NewRun(
            name=self.name,
            document=document,
            description=self.description,
            metadata=metadata,
            options=said.new_options(input_bytes_max=payload_bytes_max),
        )

    def _checked_metadata(self, bytes_max: int) -> bytes | None:
        """Also the name and how many jobs there are, which come first."""
        _check_name(self.name)
        if not 1 <= len(self.jobs) <= STEPS_MAX:
            raise RuleBroken.of(
                "jobs", f"Field `jobs` must contain 1 to {STEPS_MAX} jobs", "length"
            )
        metadata = bytes(self.metadata)
        check_json_size(metadata, bytes_max, "metadata")
        return None if metadata == b"null" else metadata


class CancelWorkflow(Struct, frozen=True):
    """Body of POST /workflows/{id}/cancel."""

    reason: Annotated[workflow.Reason, Meta(max_length=500)] | None = None
    stop_running: workflow.StopRunning | None = None  # False: running jobs go on until they end
    job_id: ByJob | None = None
    worker_id: Annotated[job.WorkerId, SHORT] | None = None
    lease_id: Annotated[job.LeaseId, SHORT] | None = None

    def by(self) -> HeldJob | None:
        return held_job(self.job_id, self.worker_id, self.lease_id)


class RerunWorkflow(Struct, frozen=True):
    """Body of POST /workflows/{id}/rerun."""

    from_: workflow.FromGiven = field(name="from")
    dry_run: workflow.DryRun | None = None

    def keys(self) -> list[str]:
        """The keys of the steps. Raises RuleBroken when there are none or too many."""
        keys = [self.from_] if isinstance(self.from_, str) else self.from_
        if not 1 <= len(keys) <= STEPS_MAX:
            raise RuleBroken.of("from", f"Field `from` must name 1 to {STEPS_MAX} jobs", "length")
        return list(dict.fromkeys(keys))


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX:
        raise RuleBroken.of(
            "name", f"Field `name` must have 1 to {NAME_CHARACTERS_MAX} characters", "length"
        )
    if not all(each.isalnum() or each in _NAME_MARKS for each in name):
        raise RuleBroken.of(
            "name",
            "Field `name` may contain letters, digits, spaces, `-`, `_`, `.`, `(` and `)` only",
            "invalid_name",
        )


def _checked_key(key: str, named: str) -> str:
    if not 1 <= len(key) <= KEY_CHARACTERS_MAX:
        raise RuleBroken.of(
            named, f"Field `{named}` must have 1 to {KEY_CHARACTERS_MAX} characters", "length"
        )
    if not all(each.isalnum() or each in _KEY_MARKS for each in key):
        raise RuleBroken.of(
            named, f"Field `{named}` may contain letters, digits, `-` and `_` only", "invalid_key"
        )
    return key
