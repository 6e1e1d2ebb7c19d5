"""What callers send about jobs, and the commands that core is given."""

from typing import Annotated, Final, Self

import msgspec
from msgspec import Meta, Raw, Struct

from spooled_lite.core.queues.names import checked_queue_name
from spooled_lite.errors import PayloadTooLarge, RuleBroken, WrongShape
from spooled_lite.outbound.targets import is_web_address
from spooled_lite.times import Time, parse_optional_ms

# Of a lease and of a result, through whichever door they come.
LEASE_SECONDS_MIN: Final = 5
LEASE_SECONDS_MAX: Final = 3_600
RESULT_BYTES_MAX: Final = 1_048_576
TAGS_BYTES_MAX: Final = 65_536
JOB_TYPE_MAX: Final = 255  # a longer one is no type: it would be a megabyte in an index
ESCAPED_BYTES_MAX: Final = 12  # of one character in JSON
CENTURY_SECONDS: Final = 3_155_760_000  # a delay has to end in a year that can be written down
BULK_MAX: Final = 100
CLAIM_MAX: Final = 100
WAIT_MS_MAX: Final = 30_000
WEBHOOK_CHARACTERS_MAX: Final = 2_048

WHITE_SPACE: Final = b" \t\r\n"

NULL: Final = Raw(b"null")  # what stands in for a JSON value that was left out

Priority = Annotated[int, Meta(ge=-100, le=100)]
MaxRetries = Annotated[int, Meta(ge=0, le=100)]
TimeoutSeconds = Annotated[int, Meta(ge=1, le=86_400)]
DelaySeconds = Annotated[int, Meta(ge=0, le=CENTURY_SECONDS)]
IdempotencyKey = Annotated[str, Meta(max_length=255)]
Secret = Annotated[str, Meta(max_length=255)]
JobIdGiven = Annotated[str, Meta(max_length=255)]
WorkerIdGiven = Annotated[str, Meta(max_length=255)]


class JobFields(Struct, kw_only=True):
    """What a job and an item of a bulk call have in common. Null means absent."""

    payload: Raw  # required, and null is a value; stored and returned byte for byte
    queue_name: str | None = None
    queue: str | None = None  # alias of queue_name
    priority: Priority | None = None
    max_retries: MaxRetries | None = None
    timeout_seconds: TimeoutSeconds | None = None
    scheduled_at: Time | None = None
    scheduled_for: Time | None = None  # alias of scheduled_at
    delay_seconds: DelaySeconds | None = None  # another way to say scheduled_at
    expires_at: Time | None = None
    idempotency_key: IdempotencyKey | None = None
    tags: Raw = NULL
    parent_job_id: JobIdGiven | None = None
    completion_webhook: str | None = None
    completion_webhook_secret: Secret | None = None


class CreateJob(JobFields, kw_only=True):
    """Body of POST /jobs as it arrives. Unknown fields are ignored."""


class BulkJobs(Struct, kw_only=True):
    """Body of POST /jobs/bulk. Items are decoded one by one: a bad one fails alone."""

    jobs: list[Raw]  # of JobFields
    queue_name: str | None = None
    queue: str | None = None  # alias of queue_name
    default_priority: Priority | None = None
    default_max_retries: MaxRetries | None = None
    default_timeout_seconds: TimeoutSeconds | None = None

    def items(self) -> list[bytes]:
        """What stands in `jobs`. Raises RuleBroken: nothing, or too much."""
        if not 1 <= len(self.jobs) <= BULK_MAX:
            raise RuleBroken.of("jobs", f"Field `jobs` must contain 1 to {BULK_MAX} jobs", "length")
        return [bytes(each) for each in self.jobs]

    def shared_queue(self) -> str | None:
        """The queue of items that name none. Raises RuleBroken: it is not a queue name."""
        if self.queue_name is None and self.queue is None:
            return None
        return queue_of(self.queue_name, self.queue)


class NewJob(Struct, frozen=True, kw_only=True, gc=False):
    """What core is asked to store: one name per thing."""

    queue_name: str
    payload: bytes
    priority: int = 0
    job_type: str = ""
    max_retries: int | None = None  # None: the queue's value
    timeout_seconds: int | None = None  # None: the queue's value
    scheduled_at_ms: int | None = None
    delay_ms: int | None = None  # from the moment it is stored
    expires_at_ms: int | None = None
    idempotency_key: str | None = None
    tags: bytes | None = None
    parent_job_id: str | None = None
    completion_webhook: str | None = None
    completion_webhook_secret: str | None = None

    @classmethod
    def from_wire(
        cls,
        body: JobFields,
        *,
        payload_bytes_max: int,
        at: str = "",
        queue_name: str | None = None,
        priority: int = 0,
        max_retries: int | None = None,
        timeout_seconds: int | None = None,
    ) -> Self:
        """Merge aliases and the defaults of a bulk call; `at` is where its field names begin.

        Raises:
            WrongShape: no spelling of a required field is there, or a time is none.
            RuleBroken: a name, a size or an address breaks its rule.
            PayloadTooLarge: the payload is over `payload_bytes_max`.
        """
        payload = bytes(body.payload)
        check_json_size(payload, payload_bytes_max, f"{at}payload")
        scheduled_at = parse_optional_ms(body.scheduled_at, f"{at}scheduled_at")
        if scheduled_at is None:
            scheduled_at = parse_optional_ms(body.scheduled_for, f"{at}scheduled_for")
        delayed = scheduled_at is None and body.delay_seconds is not None
        return cls(
            queue_name=queue_of(body.queue_name, body.queue, queue_name, at=at),
            payload=payload,
            priority=priority if body.priority is None else body.priority,
            job_type=job_type_of(payload),
            max_retries=max_retries if body.max_retries is None else body.max_retries,
            timeout_seconds=(
                timeout_seconds if body.timeout_seconds is None else body.timeout_seconds
            ),
            scheduled_at_ms=scheduled_at,
            delay_ms=(body.delay_seconds or 0) * 1000 if delayed else None,
            expires_at_ms=parse_optional_ms(body.expires_at, f"{at}expires_at"),
            idempotency_key=body.idempotency_key or None,
            tags=checked_tags(body.tags, f"{at}tags"),
            parent_job_id=body.parent_job_id or None,
            completion_webhook=_web_address(body.completion_webhook, f"{at}completion_webhook"),
            completion_webhook_secret=body.completion_webhook_secret or None,
        )


class DequeueJob(Struct, frozen=True, kw_only=True):
    """Body of POST /jobs/dequeue."""

    queue_name: str | None = None
    queue: str | None = None  # alias of queue_name
    worker_id: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    lease_duration_secs: Annotated[int, Meta(ge=0, le=LEASE_SECONDS_MAX)] | None = None
    wait_ms: Annotated[int, Meta(ge=0, le=WAIT_MS_MAX)] | None = None

    def named_queue(self) -> str:
        return queue_of(self.queue_name, self.queue)


class ClaimJobs(DequeueJob, frozen=True, kw_only=True):
    """Body of POST /jobs/claim."""

    limit: Annotated[int, Meta(ge=1, le=CLAIM_MAX)] | None = None


class Claimant(Struct, frozen=True, kw_only=True):
    """Who says something about a job it holds, and under which lease."""

    worker_id: WorkerIdGiven | None = None
    lease_id: Annotated[str, Meta(max_length=255)] | None = None


class Complete(Claimant, frozen=True, kw_only=True):
    """Body of POST /jobs/{id}/complete."""

    result: Raw = NULL


class Fail(Claimant, frozen=True, kw_only=True):
    """Body of POST /jobs/{id}/fail."""

    error: str | None = None
    reason: str | None = None  # alias of error
    error_message: str | None = None  # alias of error
    no_retry: bool | None = None


class Renew(Claimant, frozen=True, kw_only=True):
    """Body of POST /jobs/{id}/heartbeat and /renew-lease; 0 seconds means the default."""

    lease_duration_secs: Annotated[int, Meta(ge=0, le=LEASE_SECONDS_MAX)] | None = None
    extension_secs: Annotated[int, Meta(ge=0, le=LEASE_SECONDS_MAX)] | None = None
    extension_seconds: Annotated[int, Meta(ge=0, le=LEASE_SECONDS_MAX)] | None = None


class Progress(Claimant, frozen=True, kw_only=True):
    """Body of POST /jobs/{id}/progress."""

    progress: Annotated[float, Meta(ge=0, le=100)]
    message: Annotated[str, Meta(max_length=2_048)] | None = None


class SetPriority(Struct, frozen=True):
    """Body of PUT /jobs/{id}/priority."""

    priority: Priority


class RetryDeadLetters(Struct, frozen=True, kw_only=True):
    """Body of POST /jobs/dlq/retry."""

    job_ids: Annotated[list[str], Meta(max_length=100)] | None = None
    queue_name: str | None = None
    queue: str | None = None  # alias of queue_name
    limit: Annotated[int, Meta(ge=1, le=100)] | None = None


class PurgeDeadLetters(Struct, frozen=True, kw_only=True):
    """Body of POST /jobs/dlq/purge."""

    confirm: Raw = NULL
    queue_name: str | None = None
    queue: str | None = None  # alias of queue_name
    older_than: Time | None = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] | None = None


class AddDependencies(Struct, frozen=True, kw_only=True):
    """Body of POST /jobs/{id}/dependencies."""

    depends_on: list[str] | None = None
    depends_on_job_ids: list[str] | None = None  # alias
    dependency_job_ids: list[str] | None = None  # alias
    dependency_mode: str | None = None
    dependency_type: str | None = None  # alias of dependency_mode when it is `all` or `any`


def check_json_size(value: bytes, bytes_max: int, field: str) -> None:
    """Raises PayloadTooLarge when a JSON value is over the limit even without its white space."""
    if len(value) <= bytes_max:
        return
    # Only what is mostly white space has to be read for that.
    if len(value) - sum(map(value.count, WHITE_SPACE)) > bytes_max or json_size(value) > bytes_max:
        raise PayloadTooLarge(f"Field `{field}` is larger than {bytes_max} bytes")


def json_size(value: bytes) -> int:
    """How long a JSON value is without its white space."""
    return len(msgspec.json.format(value, indent=-1))


class _Typed(Struct):
    job_type: Raw = Raw(b"")  # what stands in for one that is not there


_TYPED: Final = msgspec.json.Decoder(_Typed)


def job_type_of(payload: bytes) -> str:
    """`payload.job_type` when the payload is an object and the value a text, else an empty text."""
    # The name can also be spelled with escapes; nothing else in a payload can be the name.
    if payload[:1] != b"{" or (b'"job_type"' not in payload and b"\\u" not in payload):
        return ""
    raw = bytes(_TYPED.decode(payload).job_type)
    if raw[:1] != b'"' or len(raw) > JOB_TYPE_MAX * ESCAPED_BYTES_MAX:
        return ""
    value = msgspec.json.decode(raw, type=str)
    # A name with NUL in it could be asked for, and would be cut off where it is looked for.
    return value if len(value) <= JOB_TYPE_MAX and "\0" not in value else ""


def with_job_type(payload: bytes, job_type: str | None) -> bytes:
    """The payload with a type in it, when it is an object that has none that is a text.

    Contract: schedules-workflows-webhooks, sections 1.2 and 2.4.
    """
    if job_type is None or payload[:1] != b"{":
        return payload
    known = bytes(_TYPED.decode(payload).job_type)
    if known[:1] == b'"':
        return payload
    if known:
        fields = msgspec.json.decode(payload, type=dict[str, Raw])
        return msgspec.json.encode({**fields, "job_type": job_type})
    start = payload.rstrip()[:-1].rstrip()
    comma = b"" if start == b"{" else b","
    return b'%b%b"job_type":%b}' % (start, comma, msgspec.json.encode(job_type))


def _web_address(given: str | None, field: str) -> str | None:
    """Any http(s) address; where it leads is looked at before each call (and in production here).

    Raises RuleBroken, with words that clients search for: contract README, section 5.
    """
    if not given:
        return None
    if len(given) > WEBHOOK_CHARACTERS_MAX or not is_web_address(given):
        raise RuleBroken.of(
            field, f"Invalid webhook URL: field `{field}` must be an http(s) URL", "invalid_url"
        )
    return given


def queue_of(
    name: str | None, alias: str | None, default: str | None = None, *, at: str = ""
) -> str:
    """The first spelling that is there. Raises WrongShape: none; RuleBroken: a bad one."""
    if name is None and alias is not None:
        return checked_queue_name(alias, f"{at}queue")
    found = default if name is None else name
    if found is None:
        raise WrongShape.missing(f"{at}queue_name")
    return checked_queue_name(found, f"{at}queue_name")


def strict_tags(value: Raw, field: str) -> bytes | None:
    """As `checked_tags`. Raises WrongShape when they are neither an object nor an array."""
    tags = checked_tags(value, field)
    if tags is not None and tags[:1] not in (b"{", b"["):
        raise WrongShape.wrong_type(field, "an object or an array")
    return tags


def checked_tags(value: Raw, field: str) -> bytes | None:
    """Raises RuleBroken when they are too many bytes."""
    tags = bytes(value)
    if tags == b"null":
        return None
    if len(tags) > TAGS_BYTES_MAX:
        raise RuleBroken.of(
            field, f"Field `{field}` is larger than {TAGS_BYTES_MAX} bytes", "tags_too_large"
        )
    return tags
