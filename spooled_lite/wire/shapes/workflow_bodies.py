"""Bodies about workflows. Null means absent; of several spellings of a field the first one wins."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from msgspec import Meta, Struct, field

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
from spooled_lite.core.workflows.records import (
    KEY_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX,
    PARENTS_MAX,
    STEPS_MAX,
    Condition,
    Mode,
    NewStep,
    NewWorkflow,
)
from spooled_lite.errors import RuleBroken, WrongShape
from spooled_lite.times import parse_optional_ms
from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes import workflow_fields as workflow
from spooled_lite.wire.shapes.about import about
from spooled_lite.wire.shapes.common import QueueName, SameQueueName
from spooled_lite.wire.shapes.run_ends import ByJob, held_job

TIMEOUT_MS_MAX: Final = 86_400_000  # a day, the same bound as that of `timeout_seconds`

_NAME_MARKS: Final = frozenset(" -_.()")
_KEY_MARKS: Final = frozenset("-_")
_KEY_NAMES: Final = ("key", "id", "name", "step_name")

_TimeoutMsGiven = Annotated[workflow.TimeoutMs, Meta(ge=1, le=TIMEOUT_MS_MAX)]


class StepFields(Struct, kw_only=True):
    """An item of `jobs` as it arrives."""

    payload: job.Payload  # required, and null is a value; stored and returned byte for byte
    key: workflow.KeyGiven | None = None
    id: workflow.SameKeyGiven | None = None
    name: workflow.SameKeyGiven | None = None
    step_name: workflow.SameKeyGiven | None = None
    queue_name: QueueName | None = None
    queue: SameQueueName | None = None
    depends_on: workflow.DependsOnGiven = None
    dependencies: workflow.SameDependsOnGiven = None
    dependency_mode: workflow.ModeGiven | None = None
    dependency_type: workflow.ConditionGiven | None = None
    priority: Annotated[job.Priority, PRIORITIES] | None = None
    max_retries: Annotated[job.MaxRetries, RETRIES] | None = None
    timeout_seconds: Annotated[job.TimeoutSeconds, TIMEOUT_SECONDS] | None = None
    timeout_ms: _TimeoutMsGiven | None = None
    job_type: workflow.JobTypeGiven | None = None
    metadata: workflow.TagsGiven = NULL
    tags: workflow.SameTagsGiven = NULL
    expires_at: workflow.ExpiresAtGiven = None
    expires_at_camel: workflow.SameExpiresAtGiven = field(name="expiresAt", default=None)

    def new_step(self, *, payload_bytes_max: int, at: str) -> NewStep:
        """Merge the spellings of fields and the defaults.

        `at` goes in front of the names of fields in errors, such as `jobs[3].`.

        Raises: as `CreateWorkflow.new_workflow`.
        """
        payload = with_job_type(bytes(self.payload), self.job_type)
        check_json_size(payload, payload_bytes_max, f"{at}payload")
        mode, condition = self._conditions(at)
        has_metadata = bytes(self.metadata) != b"null"
        return NewStep(
            key=self._key(at),
            job=NewJob(
                queue_name=queue_of(self.queue_name, self.queue, at=at),
                payload=payload,
                priority=self.priority or 0,
                job_type=job_type_of(payload),
                max_retries=self.max_retries,
                timeout_seconds=self._timeout_seconds(),
                expires_at_ms=self._expires_at_ms(at),
                tags=strict_tags(
                    self.metadata if has_metadata else self.tags,
                    f"{at}metadata" if has_metadata else f"{at}tags",
                ),
            ),
            depends_on=self._depends_on(at),
            mode=mode,
            condition=condition,
        )

    def _key(self, at: str) -> str:
        for spelling in _KEY_NAMES:
            given: str | None = getattr(self, spelling)
            if given is not None:
                return _checked_key(given, f"{at}{spelling}")
        raise WrongShape.missing(f"{at}key")

    def _depends_on(self, at: str) -> Sequence[str]:
        spelling = "dependencies" if self.depends_on is None else "depends_on"
        given: Any = getattr(self, spelling)
        keys = [given] if isinstance(given, str) else given or []
        if len(keys) > PARENTS_MAX:
            raise RuleBroken.of(
                f"{at}{spelling}",
                f"Field `{at}{spelling}` may name at most {PARENTS_MAX} jobs",
                "length",
            )
        return tuple(dict.fromkeys(keys))

    def _conditions(self, at: str) -> tuple[Mode, Condition]:
        mode, condition = self.dependency_mode, self.dependency_type
        if condition in ("all", "any"):
            mode, condition = mode or condition, None
        if mode not in (None, "all", "any"):
            raise RuleBroken.of(
                f"{at}dependency_mode",
                f"Field `{at}dependency_mode` must be `all` or `any`",
                "invalid_value",
            )
        if condition not in (None, "success", "completion", "failure"):
            raise RuleBroken.of(
                f"{at}dependency_type",
                f"Field `{at}dependency_type` must be `success`, `completion` or `failure`",
                "invalid_value",
            )
        return mode or "all", condition or "success"  # type: ignore[return-value]  # checked above

    def _timeout_seconds(self) -> int | None:
        if self.timeout_seconds is None and self.timeout_ms is not None:
            return -(-self.timeout_ms // 1000)
        return self.timeout_seconds

    def _expires_at_ms(self, at: str) -> int | None:
        if self.expires_at is not None:
            return parse_optional_ms(self.expires_at, f"{at}expires_at")
        return parse_optional_ms(self.expires_at_camel, f"{at}expiresAt")


Steps = Annotated[list[StepFields], about(f"1 to {STEPS_MAX} jobs", minItems=1, maxItems=STEPS_MAX)]


class CreateWorkflow(Struct, kw_only=True):
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
        _check_name(self.name)
        if not 1 <= len(self.jobs) <= STEPS_MAX:
            raise RuleBroken.of(
                "jobs", f"Field `jobs` must contain 1 to {STEPS_MAX} jobs", "length"
            )
        metadata = bytes(self.metadata)
        check_json_size(metadata, payload_bytes_max, "metadata")
        return NewWorkflow(
            name=self.name,
            description=self.description,
            metadata=None if metadata == b"null" else metadata,
            steps=[
                item.new_step(payload_bytes_max=payload_bytes_max, at=f"jobs[{index}].")
                for index, item in enumerate(self.jobs)
            ],
        )


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
