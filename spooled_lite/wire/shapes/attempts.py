"""Answers of the calls that end an attempt or renew its lease. Contract: jobs, J13-J16."""

from typing import Annotated, Any

from msgspec import UNSET, Struct, UnsetType

from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes.about import a_count, about
from spooled_lite.wire.shapes.common import IsSuccess
from spooled_lite.wire.shapes.run_ends import RunEndAnswer

WillRetry = Annotated[bool, about("Whether there will be another attempt", True)]
NextRetryDelay = Annotated[int, a_count("The wait before it", 1)]
OfCompletedRun = Annotated[
    RunEndAnswer, about("What became of the run; the job is cancelled with it when it is applied")
]
OfCancelledRun = Annotated[RunEndAnswer, about("What became of the run")]
ThenResults = Annotated[
    list[Any],
    about("One for each operation of `then`, in their order", [{"id": "…", "created": True}]),
]


class AttemptCompleted(Struct, kw_only=True):
    """Answer of POST /jobs/{id}/complete."""

    success: IsSuccess = True
    complete_workflow: OfCompletedRun | UnsetType = UNSET  # when the run was to end with it
    cancel_run: OfCancelledRun | UnsetType = UNSET  # likewise
    then: ThenResults | UnsetType = UNSET  # when there was any


class AttemptFailed(Struct, kw_only=True):
    """Answer of POST /jobs/{id}/fail."""

    success: IsSuccess = True
    will_retry: WillRetry
    next_retry_delay_secs: NextRetryDelay
    status: job.Status
    then: ThenResults | UnsetType = UNSET  # when there was any


class LeaseRenewed(Struct, kw_only=True):
    """Answer of POST /jobs/{id}/heartbeat and /renew-lease."""

    success: IsSuccess = True
    lease_expires_at: job.LeaseExpiresAt
