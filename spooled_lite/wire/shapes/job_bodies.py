"""Bodies about jobs. Null means absent; of several spellings of a field the first one wins."""

from typing import Annotated, Final

from msgspec import Meta, Raw, Struct

from spooled_lite.core.batch.run import OPERATIONS_MAX
from spooled_lite.core.jobs.columns import Labels, NewJob
from spooled_lite.core.jobs.policy import OwnPolicy, stored, timeout_seconds_of
from spooled_lite.core.jobs.records import (
    CENTURY_SECONDS,
    LEASE_SECONDS_MAX,
    NULL,
    PRIORITIES,
    RETRIES,
    SHORT,
    TIMEOUT_SECONDS,
    Claimant,
    DelaySeconds,
    ErrorDetail,
    MaxRetries,
    Priority,
    TimeoutSeconds,
    check_json_size,
    checked_tags,
    checked_web_address,
    job_type_of,
    queue_of,
)
from spooled_lite.core.messages.records import HEADERS_BYTES_MAX, TOPIC_CHARACTERS_MAX
from spooled_lite.core.queues.names import checked_queue_name, on_fail_queue
from spooled_lite.errors import RuleBroken, WrongShape
from spooled_lite.times import Time, parse_optional_ms
from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes.about import about
from spooled_lite.wire.shapes.common import AN_ID, QUEUE_LENGTH, QueueName, SameQueueName
from spooled_lite.wire.shapes.on_fail_bodies import OnFailBody
from spooled_lite.wire.shapes.policy_bodies import BackoffBody, TimeoutMsGiven
from spooled_lite.wire.shapes.run_ends import CancelOwnRun, EndRun
from spooled_lite.wire.shapes.send_fields import checked_headers

BULK_MAX: Final = 100
ERROR_CHARACTERS_MAX: Final = 2_048
DEPENDS_ON_MAX: Final = 100

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
LeaseSecondsGiven = Annotated[int, Meta(ge=0, le=LEASE_SECONDS_MAX)]

PriorityGiven = Annotated[job.Priority, PRIORITIES]
ScheduledAt = Annotated[Time | None, about("The job is not handed out before this time", "2026-10-01T09:00:00.000Z")]
ScheduledFor = Annotated[Time | None, about("The same as `scheduled_at`")]
Delay = Annotated[DelaySeconds, about("Seconds from now before which the job is not handed out; `scheduled_at` takes precedence", 60)]
VisibleFrom = Annotated[Time | None, about("The same as `scheduled_at`")]
DelayMsGiven = Annotated[int, Meta(ge=0, le=CENTURY_SECONDS * 1000), about("The delay in milliseconds, instead of `delay_seconds`", 500)]
ExpiresIn = Annotated[int, Meta(ge=1, le=CENTURY_SECONDS * 1000), about("The same, in milliseconds from now; `expires_at` takes precedence", 86_400_000)]
KeyOfJob = Annotated[str, about("Of the jobs and messages of a queue with the same key one at a time is not finished: a repeat is not stored, and answered with that one", "order-7")]
TopicOfJob = Annotated[str, about("A label; nothing is routed by it", "events.user.created")]
HeadersOfJob = Annotated[Raw, about(f"An object that is handed out with the job, up to {HEADERS_BYTES_MAX} bytes", {"source": "web"})]
ExpiresAt = Annotated[Time | None, about("The job is cancelled if it still waits at this time", "2026-10-02T09:00:00.000Z")]
JobBackoff = Annotated[BackoffBody | None, about("The wait before a retry, instead of that of its queue")]
JobOnFail = Annotated[OnFailBody | None, about("The job that follows when all attempts have failed; `{}`: with its defaults")]
WebhookSecret = Annotated[str, SHORT, about("Signs that call; never shown", "keep-me-secret")]
Items = Annotated[list[Raw], about("1 to 100 jobs, each with the fields of `JobFields`; a bad one fails alone", items={"$ref": "#/components/schemas/JobFields"})]
SharedQueue = Annotated[str, about("The queue of jobs that name none", "emails", **QUEUE_LENGTH)]
LeaseSeconds = Annotated[LeaseSecondsGiven, about("How long the lease lasts, 5 to 3600 seconds; 0 is the default of the call", 30)]
SameLeaseSeconds = Annotated[LeaseSecondsGiven, about("The same as `lease_duration_secs`", 30)]
HowMany = Annotated[int, about("The maximum number")]
Error = Annotated[str, about(f"What went wrong; kept are {ERROR_CHARACTERS_MAX} characters", "Connection refused", minLength=1)]
SameError = Annotated[str, about("The same as `error`")]
SameNoRetry = Annotated[bool, about("The same as `no_retry`", False)]
RetryAfter = Annotated[int, Meta(ge=0, le=CENTURY_SECONDS * 1000), about("Milliseconds until the next attempt, instead of the backoff of the queue; 0: at once", 5_000)]
Released = Annotated[bool, about("True: the job is handed back as if it had not been claimed; no attempt is counted and no error is needed", False)]
NoRetry = Annotated[bool, about("True: the job becomes a dead letter at once", False)]
Then = Annotated[list[Raw], about(f"Up to {OPERATIONS_MAX} operations, as `POST /batch` takes them, that are stored in the same commit: they and the end of the attempt, or nothing", [{"op": "create_job", "queue_name": "receipts", "payload": {}}], items={"type": "object"})]
CompleteRunGiven = Annotated[EndRun | None, about("The whole run ends with this output, and the job with it: see `POST /workflows/{id}/complete`")]
CancelRunGiven = Annotated[CancelOwnRun | None, about("The job is completed, and its workflow cancelled; a run of a task is itself cancelled")]
ProgressGiven = Annotated[float, Meta(ge=0, le=100), about("Percent done, 0 to 100", 40)]
ProgressText = Annotated[str, Meta(max_length=2_048), about("What is being done", "20 of 50 sent")]
JobIds = Annotated[list[str], Meta(max_length=100), about("Which jobs; none: those of the queue, else all", [AN_ID])]
Confirm = Annotated[Raw, about("Must be true, because a purge cannot be undone", True)]
OlderThan = Annotated[Time | None, about("Only jobs created before this time")]
DependsOn = Annotated[list[str], about(f"1 to {DEPENDS_ON_MAX} jobs it waits for", [AN_ID], minItems=1, maxItems=DEPENDS_ON_MAX)]
SameDependsOn = Annotated[list[str], about("The same as `depends_on`")]
DependencyType = Annotated[str, about("The same as `dependency_mode`; other words mean `all`", "all")]
# fmt: on


class JobFields(Struct, kw_only=True):
    """What a job and an item of a bulk call have in common."""

    payload: job.Payload  # required, and null is a value; stored and returned byte for byte
    queue_name: QueueName | None = None
    queue: SameQueueName | None = None
    priority: PriorityGiven | None = None
    max_retries: Annotated[job.MaxRetries, RETRIES] | None = None
    timeout_seconds: Annotated[job.TimeoutSeconds, TIMEOUT_SECONDS] | None = None
    scheduled_at: ScheduledAt = None
    scheduled_for: ScheduledFor = None
    delay_seconds: Delay | None = None  # instead of `scheduled_at`
    expires_at: ExpiresAt = None
    idempotency_key: Annotated[job.IdempotencyKey, SHORT] | None = None
    tags: job.Tags = NULL
    parent_job_id: Annotated[job.ParentJobId, SHORT] | None = None
    completion_webhook: job.CompletionWebhook | None = None
    completion_webhook_secret: WebhookSecret | None = None
    timeout_ms: TimeoutMsGiven | None = None  # instead of `timeout_seconds`
    backoff: JobBackoff = None
    on_fail: JobOnFail = None
    visible_at: VisibleFrom = None
    delay_ms: DelayMsGiven | None = None  # instead of `scheduled_at`
    expires_in_ms: ExpiresIn | None = None  # instead of `expires_at`
    concurrency_key: Annotated[KeyOfJob, SHORT] | None = None
    topic: Annotated[TopicOfJob, Meta(max_length=TOPIC_CHARACTERS_MAX)] | None = None
    headers: HeadersOfJob = NULL

    def new_job(
        self,
        *,
        payload_bytes_max: int,
        at: str = "",
        queue_name: str | None = None,
        priority: int = 0,
        max_retries: int | None = None,
        timeout_seconds: int | None = None,
    ) -> NewJob:
        """Merge the spellings of fields, and the defaults of a bulk call.

        `at` goes in front of the names of fields in errors.

        Raises:
            WrongShape: a required field is missing in all its spellings, or a time is not valid.
            RuleBroken: a name, a size, an address or the backoff breaks its rule.
            PayloadTooLarge: the payload is over `payload_bytes_max`.
        """
        payload = bytes(self.payload)
        check_json_size(payload, payload_bytes_max, f"{at}payload")
        scheduled_at = parse_optional_ms(self.scheduled_at, f"{at}scheduled_at")
        if scheduled_at is None:
            scheduled_at = parse_optional_ms(self.scheduled_for, f"{at}scheduled_for")
        if scheduled_at is None and self.visible_at is not None:
            scheduled_at = parse_optional_ms(self.visible_at, f"{at}visible_at")
        delay_ms = self.delay_ms
        if delay_ms is None and self.delay_seconds is not None:
            delay_ms = self.delay_seconds * 1000
        expires_at = parse_optional_ms(self.expires_at, f"{at}expires_at")
        webhook = checked_web_address(self.completion_webhook, f"{at}completion_webhook")
        queue_name = queue_of(self.queue_name, self.queue, queue_name, at=at)
        has_none = self.concurrency_key is self.topic is None and self.headers is NULL
        return NewJob(
            queue_name=queue_name,
            payload=payload,
            priority=priority if self.priority is None else self.priority,
            job_type=job_type_of(payload),
            max_retries=max_retries if self.max_retries is None else self.max_retries,
            timeout_seconds=self._timeout_seconds(timeout_seconds),
            scheduled_at_ms=scheduled_at,
            delay_ms=delay_ms if scheduled_at is None else None,
            expires_at_ms=expires_at,
            expires_in_ms=self.expires_in_ms if expires_at is None else None,
            idempotency_key=self.idempotency_key or None,
            tags=checked_tags(self.tags, f"{at}tags"),
            parent_job_id=self.parent_job_id or None,
            completion_webhook=webhook,
            completion_webhook_secret=self.completion_webhook_secret or None,
            timeout_ms=self.timeout_ms,
            policy=None
            if self.backoff is None and self.on_fail is None
            else self._policy(at, queue_name),
            labels=None if has_none else self._labels(at),
        )

    def _labels(self, at: str) -> Labels | None:
        labels = Labels(
            concurrency_key=self.concurrency_key or None,
            topic=self.topic or None,
            headers=checked_headers(bytes(self.headers), f"{at}headers"),
        )
        return None if labels == Labels() else labels

    def _timeout_seconds(self, default: int | None) -> int | None:
        if self.timeout_ms is not None:
            return timeout_seconds_of(self.timeout_ms)
        return default if self.timeout_seconds is None else self.timeout_seconds

    def _policy(self, at: str, queue_name: str) -> bytes | None:
        on_fail = self.on_fail
        if on_fail is not None and on_fail.queue_name is None:
            checked_queue_name(on_fail_queue(queue_name), f"{at}on_fail.queue_name")
        return stored(
            OwnPolicy(
                backoff=None if self.backoff is None else self.backoff.checked(f"{at}backoff"),
                on_fail=None if on_fail is None else on_fail.checked(f"{at}on_fail"),
            )
        )


class CreateJob(JobFields, kw_only=True):
    """Body of POST /jobs as it arrives. Unknown fields are ignored."""


class BulkJobs(Struct, kw_only=True):
    """Body of POST /jobs/bulk. Items are decoded one by one: a bad one fails alone."""

    jobs: Items
    queue_name: SharedQueue | None = None
    queue: SameQueueName | None = None
    default_priority: Annotated[Priority, about("For jobs that name none", 0)] | None = None
    default_max_retries: Annotated[MaxRetries, about("For jobs that name none", 3)] | None = None
    default_timeout_seconds: (
        Annotated[TimeoutSeconds, about("For jobs that name none", 300)] | None
    ) = None

    def items(self) -> list[bytes]:
        """The items of `jobs`. Raises RuleBroken when there are none or too many."""
        if not 1 <= len(self.jobs) <= BULK_MAX:
            raise RuleBroken.of("jobs", f"Field `jobs` must contain 1 to {BULK_MAX} jobs", "length")
        return [bytes(each) for each in self.jobs]

    def shared_queue(self) -> str | None:
        """The queue for items that name none. Raises RuleBroken when it is not a queue name."""
        if self.queue_name is None and self.queue is None:
            return None
        return queue_of(self.queue_name, self.queue)


class _Held(Claimant, frozen=True, kw_only=True):
    """Fields that identify the worker and the lease in calls about a running job."""

    worker_id: Annotated[job.WorkerId, SHORT] | None = None
    lease_id: Annotated[job.LeaseId, SHORT] | None = None


class Complete(_Held, frozen=True, kw_only=True):
    """Body of POST /jobs/{id}/complete."""

    result: job.Result = NULL
    complete_workflow: CompleteRunGiven = None
    cancel_run: CancelRunGiven = None
    then: Then | None = None


class Fail(_Held, frozen=True, kw_only=True):
    """Body of POST /jobs/{id}/fail."""

    error: Error | None = None
    reason: SameError | None = None
    error_message: SameError | None = None
    error_type: job.ErrorType | None = None
    traceback: job.Traceback | None = None
    no_retry: NoRetry | None = None
    final: SameNoRetry | None = None
    retry_after_ms: RetryAfter | None = None
    released: Released | None = None
    then: Then | None = None

    @property
    def may_retry(self) -> bool:
        return not (self.no_retry or self.final)

    def checked_error(self) -> str:
        """The error, cut to what is kept.

        Raises:
            WrongShape: it is missing.
            RuleBroken: it is empty.
        """
        for given in (self.error, self.reason, self.error_message):
            if given is not None:
                if not given:
                    raise RuleBroken.of("error", "Field `error` must not be empty", "length")
                return given[:ERROR_CHARACTERS_MAX]
        raise WrongShape.missing("error")

    def detail(self) -> ErrorDetail:
        return ErrorDetail.of(self.error_type, self.traceback)

    def check_released(self) -> None:
        """Raises RuleBroken: it cannot be handed back and be over."""
        if not self.may_retry:
            raise RuleBroken.of(
                "released", "Field `released` cannot be true beside `final`", "invalid_value"
            )


class Renew(_Held, frozen=True, kw_only=True):
    """Body of POST /jobs/{id}/heartbeat and /renew-lease; 0 seconds means the default."""

    lease_duration_secs: LeaseSeconds | None = None
    extension_secs: SameLeaseSeconds | None = None
    extension_seconds: SameLeaseSeconds | None = None


class Progress(_Held, frozen=True, kw_only=True):
    """Body of POST /jobs/{id}/progress."""

    progress: ProgressGiven
    message: ProgressText | None = None


class SetPriority(Struct, frozen=True):
    """Body of PUT /jobs/{id}/priority."""

    priority: PriorityGiven


class RetryDeadLetters(Struct, frozen=True, kw_only=True):
    """Body of POST /jobs/dlq/retry."""

    job_ids: JobIds | None = None
    queue_name: QueueName | None = None
    queue: SameQueueName | None = None
    limit: Annotated[HowMany, Meta(ge=1, le=100)] | None = None


class PurgeDeadLetters(Struct, frozen=True, kw_only=True):
    """Body of POST /jobs/dlq/purge."""

    confirm: Confirm = NULL
    queue_name: QueueName | None = None
    queue: SameQueueName | None = None
    older_than: OlderThan = None
    limit: Annotated[HowMany, Meta(ge=1, le=10_000)] | None = None


class AddDependencies(Struct, frozen=True, kw_only=True):
    """Body of POST /jobs/{id}/dependencies."""

    depends_on: DependsOn | None = None
    depends_on_job_ids: SameDependsOn | None = None
    dependency_job_ids: SameDependsOn | None = None
    dependency_mode: job.DependencyMode | None = None
    dependency_type: DependencyType | None = None  # the mode, when it is `all` or `any`

    def checked_parents(self) -> list[str]:
        """The parents. Raises WrongShape when the field is missing, RuleBroken for 0 or too many."""
        for given in (self.depends_on, self.depends_on_job_ids, self.dependency_job_ids):
            if given is not None:
                if not 1 <= len(given) <= DEPENDS_ON_MAX:
                    raise RuleBroken.of(
                        "depends_on",
                        f"Field `depends_on` must name 1 to {DEPENDS_ON_MAX} jobs",
                        "length",
                    )
                return given
        raise WrongShape.missing("depends_on")
