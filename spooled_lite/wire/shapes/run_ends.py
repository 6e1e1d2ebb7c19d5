"""Bodies and answers of calls that end a whole run, or send a step its signal.

Contract: catbird-capabilities, sections 8.3, 8.5 and 8.6; amendments, G12.
"""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from spooled_lite.core.jobs.records import NULL, RESULT_BYTES_MAX, SHORT, Claimant, check_json_size
from spooled_lite.core.jobs.states import STATUSES
from spooled_lite.core.lifecycle.end_run import EarlyEnd, RunEnded
from spooled_lite.core.lifecycle.held_by import HeldJob
from spooled_lite.core.workflows.records import WORKFLOW_STATUSES
from spooled_lite.core.workflows.states import WORKFLOW_STATES
from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes.about import about, one_of

REASON_CHARS_MAX: Final = 500

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
SignalGiven = Annotated[Raw, about("What the step is told: any JSON value; null counts, too", {"ok": True, "by": "ann"})]
RunOutputGiven = Annotated[Raw, about("What the run gives: any JSON value, up to 1 MiB", {"approved": True})]
EndReason = Annotated[str, Meta(max_length=REASON_CHARS_MAX), about("Why, up to 500 characters", "known customer")]
ByJob = Annotated[str, SHORT, about("The step or the item whose worker asks for it; it has to have that")]
IsDelivered = Annotated[bool, about("Always true: a signal that is not taken is an error", True)]
StepStateAfter = Annotated[str, about("The state of the step from now on", "queued")]
WasRunEnded = Annotated[bool, about("False: the run had ended before, or its worker may not end it", True)]
RunStatusAfter = Annotated[str, about("The status of the run", "completed", enum=list(WORKFLOW_STATUSES))]
RunStateAfter = Annotated[str, one_of("Its state", "completed", *(each for each in WORKFLOW_STATES if each != "completed"))]
JobStatusAfter = Annotated[str, about("What became of the job; present when it was not completed", "cancelled", enum=list(STATUSES))]
# fmt: on


class SendSignal(Struct, frozen=True, kw_only=True):
    """Body of POST /workflows/{id}/steps/{key}/signal."""

    input: SignalGiven = NULL


class SignalSent(Struct):
    """Answer of POST /workflows/{id}/steps/{key}/signal."""

    delivered: IsDelivered
    state: StepStateAfter


class EndRun(Struct, frozen=True, kw_only=True):
    """`complete_workflow` of POST /jobs/{id}/complete."""

    output: RunOutputGiven
    reason: EndReason | None = None

    def early_end(self, at: str = "") -> EarlyEnd:
        """Raises PayloadTooLarge. `at` goes in front of the names of fields in errors."""
        output = bytes(self.output)
        check_json_size(output, RESULT_BYTES_MAX, f"{at}output")
        return EarlyEnd(output=output, reason=self.reason)


class CancelOwnRun(Struct, frozen=True, kw_only=True):
    """`cancel_run` of POST /jobs/{id}/complete."""

    reason: EndReason | None = None


class CompleteWorkflow(EndRun, frozen=True, kw_only=True):
    """Body of POST /workflows/{id}/complete."""

    job_id: ByJob | None = None
    worker_id: Annotated[job.WorkerId, SHORT] | None = None
    lease_id: Annotated[job.LeaseId, SHORT] | None = None

    def by(self) -> HeldJob | None:
        return held_job(self.job_id, self.worker_id, self.lease_id)


class RunEndAnswer(Struct, kw_only=True):
    """How a run stands after it was to be ended."""

    applied: WasRunEnded
    status: RunStatusAfter
    state: RunStateAfter
    job_status: JobStatusAfter | UnsetType = UNSET

    @classmethod
    def of(cls, ended: RunEnded) -> "RunEndAnswer":
        answer = cls(applied=ended.was_applied, status=ended.status, state=ended.state)
        if ended.job_status not in (None, "completed"):
            answer.job_status = ended.job_status
        return answer


def held_job(job_id: str | None, worker_id: str | None, lease_id: str | None) -> HeldJob | None:
    """The job whose worker asks for something; None: nobody's worker does."""
    if not job_id:
        return None
    return HeldJob(job_id=job_id, claimant=Claimant(worker_id=worker_id, lease_id=lease_id))
