"""The routes that wait for the end of a job or a workflow."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.errors import BadRequest, NotFound
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import Doc, Parameter, whole
from spooled_lite.wire.http.resources import outcomes
from spooled_lite.wire.shapes.common import AN_ID
from spooled_lite.wire.shapes.outcomes import FirstOutcomes, JobOutcome, WorkflowOutcome
from spooled_lite.wire.waiting.outcomes import OF_ORG_MAX

WAIT_TIMEOUT: Final = Parameter(
    "timeout_ms",
    "How long to wait; a value out of range counts as the nearest one in it",
    whole(outcomes.TIMEOUT_MS, 0, outcomes.TIMEOUT_MS_MAX),
)
WAIT_ENDS: Final = (
    "Answered with 200 as soon as it has ended, at once when it has ended already, and with 202 "
    f"when the time is up. Up to {OF_ORG_MAX:,} such calls of an organization may wait."
)

OUTCOMES: Final[Mapping[Handler, Doc]] = {
    outcomes.wait_for_job: Doc(
        summary="Wait for the end of a job",
        about=WAIT_ENDS,
        parameters=(WAIT_TIMEOUT,),
        answer=JobOutcome,
        statuses=(200, 202),
        errors=(BadRequest,),
    ),
    outcomes.wait_for_run: Doc(
        summary="Wait for the end of a run of a task",
        about=WAIT_ENDS,
        parameters=(WAIT_TIMEOUT,),
        answer=JobOutcome,
        statuses=(200, 202),
        errors=(BadRequest,),
    ),
    outcomes.wait_for_first: Doc(
        summary="Wait for the first of several jobs to end",
        about="Answered with 200 as soon as one of them has ended, with the outcome of each that "
        "has, and with 202 when the time is up. It counts as one such call. A job that does not "
        "exist makes it 404; `details.index` says which, counted from 0.",
        parameters=(
            Parameter(
                "ids",
                f"Up to {outcomes.WAITED_FOR_MAX} ids, separated by commas",
                is_required=True,
                example=AN_ID,
            ),
            WAIT_TIMEOUT,
        ),
        answer=FirstOutcomes,
        statuses=(200, 202),
        errors=(BadRequest, NotFound),
    ),
    outcomes.wait_for_workflow: Doc(
        summary="Wait for the end of a workflow",
        about=WAIT_ENDS + " A cancelled workflow has ended when none of its jobs runs any more.",
        parameters=(WAIT_TIMEOUT,),
        answer=WorkflowOutcome,
        statuses=(200, 202),
        errors=(BadRequest,),
    ),
}
