"""The fields of jobs with their descriptions, shared by all bodies and answers."""

from typing import Annotated

from msgspec import Raw

from spooled_lite.core.jobs.records import (
    ERROR_TYPE_MAX,
    TAGS_BYTES_MAX,
    TRACEBACK_BYTES_MAX,
    WEBHOOK_CHARACTERS_MAX,
)
from spooled_lite.core.jobs.states import STATUSES
from spooled_lite.wire.shapes.about import a_count, a_time, about, one_of
from spooled_lite.wire.shapes.common import A_LEASE, AN_ID

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
JobId = Annotated[str, about("The id of the job", AN_ID)]
Payload = Annotated[Raw, about("What the job is about: any JSON value, given back byte for byte", {"to": "ada@example.org"})]
Result = Annotated[Raw, about("The result: any JSON value, up to 1 MiB", {"message_id": "m-1"})]
Status = Annotated[str, one_of("The status of the job", *STATUSES)]
Priority = Annotated[int, about("Higher first, then older first; -100 to 100", 0)]
RetryCount = Annotated[int, a_count("Retries so far")]
Attempt = Annotated[int, a_count("The same as `retry_count`")]
Attempts = Annotated[int, a_count("Attempts begun", 1)]
MaxRetries = Annotated[int, about("Attempts after the first one, 0 to 100. Default: the queue's, else 3", 3)]
TimeoutSeconds = Annotated[int, about("How long an attempt may take; kept by workers. Default: the queue's, else 300", 300)]
LastError = Annotated[str, about("The text of the last failure", "Connection refused")]
ErrorType = Annotated[str, about(f"What the program calls the last error; kept are {ERROR_TYPE_MAX} characters", "ConnectionError")]
Traceback = Annotated[str, about(f"Where the last error came from; of one longer than {TRACEBACK_BYTES_MAX // 1024} KiB the middle is left out", "Traceback (most recent call last): …")]
OnFailOf = Annotated[str, about("The job whose failure it follows", AN_ID)]
SameLastError = Annotated[str, about("The same as `last_error`", "Connection refused")]
ScheduledAt = Annotated[str, a_time("The job is not handed out before this time")]
StartedAt = Annotated[str, a_time("When the last attempt began")]
CompletedAt = Annotated[str, a_time("When it was settled")]
ExpiresAt = Annotated[str, a_time("The job is cancelled if it still waits at this time", "2026-10-02T09:00:00.000Z")]
Tags = Annotated[Raw, about(f"Any JSON value up to {TAGS_BYTES_MAX} bytes, normally a list of texts or an object", ["welcome"])]
ParentJobId = Annotated[str, about("A job this one waits for", AN_ID)]
CompletionWebhook = Annotated[str, about("An http(s) address that is called when the job is settled; outside production any, in production a public https one", "https://example.org/done", maxLength=WEBHOOK_CHARACTERS_MAX)]
WorkerId = Annotated[str, about("The worker that holds the lease, or claims the job; it need not be registered", "mailer-1")]
AssignedWorkerId = Annotated[str, about("Who holds the lease", "mailer-1")]
LeaseId = Annotated[str, about("The fence against late answers: if sent, it must be the current one", A_LEASE)]
ChosenLeaseId = Annotated[str, about("A UUID of the caller's choice, new for each claim. The same claim made again with it, after an answer was lost, gets what it still holds, and nothing else", A_LEASE, format="uuid")]
LeaseExpiresAt = Annotated[str, a_time("When the lease is over", "2026-10-01T09:00:30.000Z")]
LeasedUntil = Annotated[str, a_time("The same as `lease_expires_at`", "2026-10-01T09:05:00.000Z")]
IdempotencyKey = Annotated[str, about("One job per key and organization: a repeat answers with the first one", "welcome-42")]
WorkflowId = Annotated[str, about("The workflow it is a step of", AN_ID)]
DependencyMode = Annotated[str, about("Does it wait for `all` or for `any` of its dependencies?", "all")]
DependenciesMet = Annotated[bool, about("Whether the job no longer waits for other jobs any more; null: it never did", True)]
Progress = Annotated[int | float | None, about("Percent done, 0 to 100", 40)]
ProgressMessage = Annotated[str, about("What was said with the progress", "20 of 50 sent")]
JobType = Annotated[str, about("`payload.job_type` when that is a text, else empty", "welcome_mail")]
LastFailedAt = Annotated[str, a_time("When it became a dead letter")]
ValuesOmitted = Annotated[bool, about("True: payload, result or traceback are left out, the list would be too large", False)]
Created = Annotated[bool, about("False when the idempotency key was used before", True)]
EventType = Annotated[str, about("What happened", "created")]
Kind = Annotated[str, one_of("What it is, when it is no ordinary job", "message", "task_run", "step", "item", "on_fail")]
State = Annotated[str, about("The finer word for where it stands", "started")]
Deliveries = Annotated[int, a_count("How often it was handed out", 1)]
Headers = Annotated[Raw, about("What came with it: an object, or null", {"source": "web"})]
Topic = Annotated[str, about("The topic it was sent or published under, or empty", "events.user.created")]
ConcurrencyKey = Annotated[str, about("No other one of its queue, or run of its task, has it at the same time", "order-7")]
MessageBody = Annotated[Raw, about("The body as it was sent; `payload` is an object in any case", 5)]
TaskName = Annotated[str, about("The task it is a run of", "charge_card")]
RunInput = Annotated[Raw, about("The input as it was given; `payload` is an object in any case", {"amount": 10})]
RunOutput = Annotated[Raw, about("The result as it was given, once it is completed; `result` is an object in any case", {"txn": "t1"})]
ErrorMessage = Annotated[str, about("Why it failed, when it has", "Connection refused")]
CancelReason = Annotated[str, about("What was said when it was cancelled", "operator")]
CancelRequestedAt = Annotated[str, a_time("When it was asked to be cancelled")]
CanceledAt = Annotated[str, a_time("When it was cancelled")]
FailedAt = Annotated[str, a_time("When its last attempt failed")]
SkippedAt = Annotated[str, a_time("When it was skipped, because its condition was not met")]
ExpiredAt = Annotated[str, a_time("When its time was over")]
WasApplied = Annotated[bool, about("False: it had ended before, and stays as it is", True)]
Details = Annotated[Raw, about("What there is to say of it: any JSON value", {})]
# fmt: on
