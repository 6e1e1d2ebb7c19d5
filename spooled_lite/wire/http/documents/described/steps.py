"""The routes of the steps of workflows, by their keys."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.workflows.records import STEPS_MAX
from spooled_lite.errors import BadRequest, Conflict, PayloadTooLarge
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import Doc, paging
from spooled_lite.wire.http.documents.described.outcomes import WAIT_ENDS, WAIT_TIMEOUT
from spooled_lite.wire.http.resources import outcomes, steps, workflows
from spooled_lite.wire.shapes.run_ends import (
    CompleteWorkflow,
    RunEndAnswer,
    SendSignal,
    SignalSent,
)
from spooled_lite.wire.shapes.steps import WorkflowStep

STEPS: Final[Mapping[Handler, Doc]] = {
    steps.list_all: Doc(
        summary="List the steps of a workflow",
        about="In the order of the request, with their outputs as far as the answer has room.",
        parameters=paging(default=STEPS_MAX, most=STEPS_MAX),
        answer=list[WorkflowStep],
        is_paged=True,
    ),
    steps.get: Doc(
        summary="Show a step of a workflow with its output",
        about="The output of a step with items is the array of theirs, in the order of their"
        " indexes; one over 8 MiB is left out, and read page by page from its items.",
        answer=WorkflowStep,
    ),
    steps.signal: Doc(
        summary="Send a step the signal that it waits for",
        about="Also before its dependencies are done. The first one counts; one that is not taken"
        " is refused with `details.reason`: `already_delivered`, `not_a_signal_step`,"
        " `step_not_waiting` or `workflow_terminal`.",
        body=SendSignal,
        example={"input": {"ok": True, "by": "ann"}},
        answer=SignalSent,
        errors=(Conflict, PayloadTooLarge),
    ),
    workflows.complete: Doc(
        summary="Complete a run of a flow early, with an output",
        about="Everything of it that is open is cancelled, and whoever has a part of it is told to"
        " stop. The first call counts; one for a run that has ended, or is being cancelled, changes"
        " nothing. With `job_id` it is the worker of that step or item who asks: its lease is"
        " checked, and from a generator or a reducer it is a failure of its attempt.",
        body=CompleteWorkflow,
        example={"output": {"approved": True}, "reason": "known customer"},
        answer=RunEndAnswer,
        errors=(BadRequest, Conflict, PayloadTooLarge),
    ),
    outcomes.wait_for_step: Doc(
        summary="Wait for the end of a step of a workflow",
        about=WAIT_ENDS + " A step ends completed, skipped, failed, canceled or expired.",
        parameters=(WAIT_TIMEOUT,),
        answer=WorkflowStep,
        statuses=(200, 202),
    ),
}
