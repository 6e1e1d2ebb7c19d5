"""What callers send about workflows, and the commands that core is given."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Self

from msgspec import Meta, Raw, Struct, field

from spooled_lite.core.jobs.records import (
    NULL,
    MaxRetries,
    NewJob,
    Priority,
    TimeoutSeconds,
    check_json_size,
    job_type_of,
    queue_of,
    strict_tags,
    with_job_type,
)
from spooled_lite.errors import RuleBroken, WrongShape
from spooled_lite.times import Time, parse_optional_ms

ENDED: Final = frozenset({"completed", "failed", "cancelled"})  # statuses; the others go on

STEPS_MAX: Final = 1_000
PARENTS_MAX: Final = 100  # of one step
NAME_CHARACTERS_MAX: Final = 255
KEY_CHARACTERS_MAX: Final = 100
TIMEOUT_MS_MAX: Final = 86_400_000

_NAME_MARKS: Final = frozenset(" -_.()")
_KEY_MARKS: Final = frozenset("-_")
_KEY_NAMES: Final = ("key", "id", "name", "step_name")

Mode = Literal["all", "any"]
Condition = Literal["success", "completion", "failure"]


class StepFields(Struct, kw_only=True):
    """An item of `jobs` as it arrives. Null means absent; of several spellings the first wins."""

    payload: Raw  # required, and null is a value; stored and returned byte for byte
    key: str | None = None
    id: str | None = None  # alias of key, as the two that follow
    name: str | None = None
    step_name: str | None = None
    queue_name: str | None = None
    queue: str | None = None  # alias of queue_name
    depends_on: list[str] | str | None = None
    dependencies: list[str] | str | None = None  # alias of depends_on
    dependency_mode: str | None = None
    dependency_type: str | None = None  # the condition; `all` and `any` are the mode
    priority: Priority | None = None
    max_retries: MaxRetries | None = None
    timeout_seconds: TimeoutSeconds | None = None
    timeout_ms: Annotated[int, Meta(ge=1, le=TIMEOUT_MS_MAX)] | None = None
    job_type: str | None = None
    metadata: Raw = NULL
    tags: Raw = NULL  # alias of metadata
    expires_at: Time | None = None
    expires_at_camel: Time | None = field(name="expiresAt", default=None)


class CreateWorkflow(Struct, kw_only=True):
    """Body of POST /workflows."""

    name: str
    jobs: list[StepFields]
    description: Annotated[str, Meta(max_length=1_000)] | None = None
    metadata: Raw = NULL


class CancelWorkflow(Struct, frozen=True):
    """Body of POST /workflows/{id}/cancel."""

    reason: Annotated[str, Meta(max_length=500)] | None = None
    stop_running: bool | None = None  # else running jobs run to their end


class NewStep(Struct, frozen=True, kw_only=True):
    """One job of a new workflow, and what it waits for."""

    key: str
    job: NewJob
    depends_on: Sequence[str] = ()
    mode: Mode = "all"
    condition: Condition = "success"

    @classmethod
    def from_wire(cls, body: StepFields, *, payload_bytes_max: int, at: str) -> Self:
        """`at` is where the names of its fields begin, as `jobs[3].`.

        Raises: as `NewWorkflow.from_wire`.
        """
        payload = with_job_type(bytes(body.payload), body.job_type)
        check_json_size(payload, payload_bytes_max, f"{at}payload")
        mode, condition = _conditions(body, at)
        has_metadata = bytes(body.metadata) != b"null"
        return cls(
            key=_key(body, at),
            job=NewJob(
                queue_name=queue_of(body.queue_name, body.queue, at=at),
                payload=payload,
                priority=body.priority or 0,
                job_type=job_type_of(payload),
                max_retries=body.max_retries,
                timeout_seconds=_timeout_seconds(body),
                expires_at_ms=_expires_at_ms(body, at),
                tags=strict_tags(
                    body.metadata if has_metadata else body.tags,
                    f"{at}metadata" if has_metadata else f"{at}tags",
                ),
            ),
            depends_on=_depends_on(body, at),
            mode=mode,
            condition=condition,
        )


class NewWorkflow(Struct, frozen=True, kw_only=True):
    """What core is asked to store: one name per thing."""

    name: str
    steps: Sequence[NewStep]
    description: str | None = None
    metadata: bytes | None = None

    @classmethod
    def from_wire(cls, body: CreateWorkflow, *, payload_bytes_max: int) -> Self:
        """Merge aliases and defaults.

        Raises:
            WrongShape: no spelling of a required field is there, or a time is none.
            RuleBroken: a name, a number or a size breaks its rule; it names `jobs[i].field`.
            PayloadTooLarge: a payload is over `payload_bytes_max`.
        """
        _check_name(body.name)
        if not 1 <= len(body.jobs) <= STEPS_MAX:
            raise RuleBroken.of(
                "jobs", f"Field `jobs` must contain 1 to {STEPS_MAX} jobs", "length"
            )
        metadata = bytes(body.metadata)
        check_json_size(metadata, payload_bytes_max, "metadata")
        return cls(
            name=body.name,
            description=body.description,
            metadata=None if metadata == b"null" else metadata,
            steps=[
                NewStep.from_wire(item, payload_bytes_max=payload_bytes_max, at=f"jobs[{index}].")
                for index, item in enumerate(body.jobs)
            ],
        )


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


def _key(body: StepFields, at: str) -> str:
    for spelling in _KEY_NAMES:
        given: str | None = getattr(body, spelling)
        if given is not None:
            return _checked_key(given, f"{at}{spelling}")
    raise WrongShape.missing(f"{at}key")


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


def _depends_on(body: StepFields, at: str) -> Sequence[str]:
    spelling = "dependencies" if body.depends_on is None else "depends_on"
    given: Any = getattr(body, spelling)
    keys = [given] if isinstance(given, str) else given or []
    if len(keys) > PARENTS_MAX:
        raise RuleBroken.of(
            f"{at}{spelling}",
            f"Field `{at}{spelling}` may name at most {PARENTS_MAX} jobs",
            "length",
        )
    return tuple(dict.fromkeys(keys))


def _conditions(body: StepFields, at: str) -> tuple[Mode, Condition]:
    mode, condition = body.dependency_mode, body.dependency_type
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
    return mode or "all", condition or "success"  # type: ignore[return-value]  # looked at above


def _timeout_seconds(body: StepFields) -> int | None:
    if body.timeout_seconds is None and body.timeout_ms is not None:
        return -(-body.timeout_ms // 1000)
    return body.timeout_seconds


def _expires_at_ms(body: StepFields, at: str) -> int | None:
    if body.expires_at is not None:
        return parse_optional_ms(body.expires_at, f"{at}expires_at")
    return parse_optional_ms(body.expires_at_camel, f"{at}expiresAt")
