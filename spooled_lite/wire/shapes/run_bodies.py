"""Bodies about runs of tasks, and what is answered to them. Null means absent.

Contract: catbird-capabilities, T4-T6, T13 and section 19.8.
"""

from typing import Annotated, Final

from msgspec import Meta, Raw, Struct

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.policy import TIMEOUT_MS_MAX, OwnPolicy, stored
from spooled_lite.core.jobs.records import (
    CENTURY_SECONDS,
    NULL,
    RETRIES,
    SHORT,
    Claimant,
    check_json_size,
)
from spooled_lite.core.jobs.states import state_of
from spooled_lite.core.lifecycle.cancel import Cancelling
from spooled_lite.core.messages.records import HEADERS_BYTES_MAX
from spooled_lite.core.queues.records import REASON_MAX
from spooled_lite.core.tasks.records import NewTaskRun
from spooled_lite.core.tasks.run_statements import RUN_STATES
from spooled_lite.times import Time
from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes.about import a_count, about, one_of
from spooled_lite.wire.shapes.common import Id
from spooled_lite.wire.shapes.on_fail_bodies import OnFailBody, in_ms
from spooled_lite.wire.shapes.policy_bodies import BackoffBody, TimeoutMsGiven
from spooled_lite.wire.shapes.send_fields import options_given

_CENTURY_MS: Final = CENTURY_SECONDS * 1000

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
RunInput = Annotated[Raw, about("What the run is about: any JSON value, null when it is left out; given back byte for byte", {"amount": 10})]
RunKey = Annotated[str, SHORT, about("One unfinished run of the task or the flow has it: that one is answered, and a repeat is not stored", "order-7")]
RunHeaders = Annotated[Raw, about(f"An object with whatever belongs to the run, up to {HEADERS_BYTES_MAX} bytes", {"trace_id": "t-9"})]
RunPriority = Annotated[int, Meta(ge=-2_147_483_648, le=2_147_483_647), about("Higher first, then older first; any 32-bit number", 5)]
RunVisibleAt = Annotated[Time | None, about("It is not handed out before this time", "2026-10-01T09:00:00.000Z")]
SameRunVisibleAt = Annotated[Time | None, about("The same as `visible_at`")]
RunDelayMs = Annotated[int, Meta(ge=0, le=_CENTURY_MS), about("Milliseconds from now before which it is not handed out; `visible_at` takes precedence", 500)]
RunDelaySeconds = Annotated[int, Meta(ge=0, le=CENTURY_SECONDS), about("The same in seconds", 5)]
RunExpiresAt = Annotated[Time | None, about("It is over at this time, whether it waits or is being processed", "2026-10-02T09:00:00.000Z")]
RunExpiresInMs = Annotated[int, Meta(ge=1, le=_CENTURY_MS), about("The same, in milliseconds from now; `expires_at` takes precedence", 86_400_000)]
RunRetries = Annotated[int, RETRIES, about("Instead of those of the task", 3)]
RunSeconds = Annotated[float, Meta(ge=0, le=TIMEOUT_MS_MAX / 1000), about("How long an attempt may take, in seconds, instead of what the task says", 20)]
RunBackoff = Annotated[BackoffBody | None, about("How long it waits when it has failed, instead of what the task says")]
RunOnFail = Annotated[OnFailBody | None, about("The job that follows when all attempts have failed, instead of what the task says")]
RunCreated = Annotated[bool, about("False: an unfinished run has its key, and this is that one", True)]
RunStateShown = Annotated[str, one_of("Where it stands", *RUN_STATES)]
CancelReasonGiven = Annotated[str, Meta(max_length=REASON_MAX), about("Why, up to 500 characters", "operator")]
Force = Annotated[bool, about("True: also while a worker has it; then its worker is refused", True)]
# fmt: on


class RunGiven(Struct, kw_only=True):
    """What a body says of a run, be it of a task or of a flow."""

    input: RunInput = NULL
    concurrency_key: RunKey | None = None
    headers: RunHeaders = NULL
    priority: RunPriority | None = None
    visible_at: RunVisibleAt = None
    scheduled_at: SameRunVisibleAt = None
    delay_ms: RunDelayMs | None = None
    delay_seconds: RunDelaySeconds | None = None
    expires_at: RunExpiresAt = None
    expires_in_ms: RunExpiresInMs | None = None


class RunTask(RunGiven, kw_only=True):
    """Body of POST /tasks/{name}/runs."""

    max_retries: RunRetries | None = None
    timeout_seconds: RunSeconds | None = None
    timeout_ms: TimeoutMsGiven | None = None
    backoff: RunBackoff = None
    on_fail: RunOnFail = None

    def new_run(self, *, input_bytes_max: int, at: str = "") -> NewTaskRun:
        """`at` goes in front of the names of fields in errors.

        Raises:
            WrongShape: a time is not valid, the headers are no object.
            RuleBroken: the headers are too large, the backoff does not fit together.
            PayloadTooLarge: the input is over `input_bytes_max`.
        """
        given = bytes(self.input)
        check_json_size(given, input_bytes_max, f"{at}input")
        timeout_ms = self.timeout_ms
        if timeout_ms is None and self.timeout_seconds is not None:
            timeout_ms = in_ms(self.timeout_seconds)
        policy = OwnPolicy(
            backoff=None if self.backoff is None else self.backoff.checked(f"{at}backoff"),
            on_fail=None if self.on_fail is None else self.on_fail.checked(f"{at}on_fail"),
        )
        return NewTaskRun(
            input=given,
            **options_given(self, at),
            max_retries=self.max_retries,
            timeout_ms=timeout_ms,
            policy=stored(policy),
        )


class RunStored(Struct):
    """Answer of POST /tasks/{name}/runs."""

    id: Id
    created: RunCreated
    state: RunStateShown
    status: job.Status

    @classmethod
    def of(cls, row: JobRow, *, created: bool) -> "RunStored":
        return cls(row["id"], created, state_of(row), row["status"])


class RunsDeleted(Struct):
    """Answer of DELETE /tasks/{name}/runs."""

    deleted: Annotated[int, a_count("So many runs were deleted", 12)]


class CancelRun(Struct, frozen=True, kw_only=True):
    """Body of POST /tasks/{name}/runs/{id}/cancel. A worker shows that it has the run."""

    reason: CancelReasonGiven | None = None
    worker_id: Annotated[job.WorkerId, SHORT] | None = None
    lease_id: Annotated[job.LeaseId, SHORT] | None = None

    def how(self, *, is_forced: bool = False) -> Cancelling:
        by = None
        if self.worker_id or self.lease_id:
            by = Claimant(worker_id=self.worker_id, lease_id=self.lease_id)
        return Cancelling(reason=self.reason or None, is_forced=is_forced, by=by)


class CancelJob(CancelRun, frozen=True, kw_only=True):
    """Body of POST /jobs/{id}/cancel."""

    force: Force | None = None
