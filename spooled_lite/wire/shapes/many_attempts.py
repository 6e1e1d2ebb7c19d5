"""Bodies and answers of the calls that renew many leases or settle many jobs at once.

Contract: amendments, G3 and G4.
"""

from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from spooled_lite.core.jobs.records import NULL, SHORT
from spooled_lite.errors import RuleBroken
from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes.about import about
from spooled_lite.wire.shapes.attempts import (
    NextRetryDelay,
    OfCancelledRun,
    OfCompletedRun,
    ThenResults,
    WillRetry,
)
from spooled_lite.wire.shapes.common import AN_ID
from spooled_lite.wire.shapes.job_bodies import (
    CancelRunGiven,
    CompleteRunGiven,
    Fail,
    LeaseSeconds,
)

LEASES_MAX: Final = 1_000
SETTLED_MAX: Final = 100
RENEWING_WAIT_MS_MAX: Final = 60_000

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
JobIdGiven = Annotated[job.JobId, Meta(max_length=255)]
IsDone = Annotated[bool, about("Whether it was done; otherwise `error` says why not", True)]
AsRefused = Annotated[dict[str, Any], about("What the call about this job alone would be refused with: `code`, `message`, `error` and `details`", {"code": "LEASE_EXPIRED", "message": "Lease expired", "error": "lease_expired", "details": {"status": "processing", "by_this_lease": False}})]
WaitForStop = Annotated[int, Meta(ge=0, le=RENEWING_WAIT_MS_MAX), about("How long to wait, once all are renewed, for one of them being told to stop", 10_000)]
Settled = Annotated[list[Raw], about(f"1 to {SETTLED_MAX} jobs, each with the fields of `SettleJob`; a bad one fails alone", items={"$ref": "#/components/schemas/SettleJob"})]
# fmt: on


class HeldLease(Struct, frozen=True):
    """A lease to be renewed."""

    id: JobIdGiven
    lease_id: Annotated[job.LeaseId, SHORT] | None = None


class RenewLeases(Struct, frozen=True, kw_only=True):
    """Body of POST /jobs/heartbeat."""

    leases: Annotated[
        list[HeldLease],
        Meta(max_length=LEASES_MAX),
        about(f"Up to {LEASES_MAX:,} leases", [{"id": AN_ID, "lease_id": "…"}]),
    ]
    worker_id: Annotated[job.WorkerId, SHORT] | None = None
    lease_duration_secs: LeaseSeconds | None = None
    wait_ms: WaitForStop | None = None


class RenewedLease(Struct, kw_only=True):
    """What became of one lease."""

    id: job.JobId
    success: IsDone
    lease_expires_at: job.LeaseExpiresAt | UnsetType = UNSET
    error: AsRefused | UnsetType = UNSET


class LeasesRenewed(Struct):
    """Answer of POST /jobs/heartbeat."""

    results: Annotated[list[RenewedLease], about("One for each lease, in their order", [])]


class SettleJobs(Struct, frozen=True, kw_only=True):
    """Body of POST /jobs/settle."""

    jobs: Settled

    def items(self) -> list[bytes]:
        """Raises RuleBroken: there are none, or too many."""
        if not 1 <= len(self.jobs) <= SETTLED_MAX:
            raise RuleBroken.of(
                "jobs", f"Field `jobs` must contain 1 to {SETTLED_MAX} jobs", "length"
            )
        return [bytes(each) for each in self.jobs]


class SettleJob(Fail, frozen=True, kw_only=True):
    """One job of POST /jobs/settle: completed, unless it says something of a failure."""

    id: JobIdGiven
    result: job.Result = NULL
    complete_workflow: CompleteRunGiven = None
    cancel_run: CancelRunGiven = None

    @property
    def has_failed(self) -> bool:
        """Raises RuleBroken: it says that it failed, and has a result."""
        said = (self.error, self.reason, self.error_message, self.error_type, self.traceback)
        given = (*said, self.retry_after_ms)
        if all(each is None for each in given) and self.may_retry and not self.released:
            return False
        if bytes(self.result) != b"null":
            raise RuleBroken.of(
                "result", "Field `result` cannot stand beside a failure", "invalid_value"
            )
        for name in ("complete_workflow", "cancel_run"):
            if getattr(self, name) is not None:
                raise RuleBroken.of(
                    name, f"Field `{name}` cannot stand beside a failure", "invalid_value"
                )
        return True


class NamedJob(Struct, frozen=True):
    """What an item of POST /jobs/settle is about, whatever else is wrong with it."""

    id: JobIdGiven


class SettledJob(Struct, kw_only=True):
    """What became of one job."""

    id: job.JobId | None
    success: IsDone
    status: job.Status | UnsetType = UNSET
    will_retry: WillRetry | UnsetType = UNSET  # of a failure, as the one that follows
    next_retry_delay_secs: NextRetryDelay | UnsetType = UNSET
    complete_workflow: OfCompletedRun | UnsetType = UNSET  # when the run was to end with it
    cancel_run: OfCancelledRun | UnsetType = UNSET  # likewise
    then: ThenResults | UnsetType = UNSET  # when there was any
    error: AsRefused | UnsetType = UNSET


class JobsSettled(Struct):
    """Answer of POST /jobs/settle."""

    results: Annotated[list[SettledJob], about("One for each job, in their order", [])]
