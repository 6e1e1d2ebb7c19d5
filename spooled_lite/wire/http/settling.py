"""What a worker says at the end of an attempt, as an operation of core that is to be run."""

from spooled_lite.core.jobs.records import RESULT_BYTES_MAX, check_json_size
from spooled_lite.core.lifecycle import settle
from spooled_lite.core.lifecycle.end_run import (
    RunEnded,
    complete_and_cancel_run,
    complete_with_run,
)
from spooled_lite.errors import RuleBroken
from spooled_lite.storage.transaction import PreparedStep
from spooled_lite.wire.http.call import Call
from spooled_lite.wire.shapes.attempts import AttemptCompleted
from spooled_lite.wire.shapes.job_bodies import Complete, Fail
from spooled_lite.wire.shapes.many_attempts import SettledJob
from spooled_lite.wire.shapes.run_ends import RunEndAnswer


def completion(call: Call, job_id: str, body: Complete) -> PreparedStep:
    """A worker completes its job, or with it the whole run.

    Raises:
        PayloadTooLarge: the result or the output is.
        RuleBroken: the run cannot be both completed and cancelled.
    """
    result = bytes(body.result)
    check_json_size(result, RESULT_BYTES_MAX, "result")
    shown = result if result != b"null" else None
    holder = (call.org, job_id, body, shown)
    if body.complete_workflow is not None:
        if body.cancel_run is not None:
            said = "Field `cancel_run` cannot stand beside `complete_workflow`"
            raise RuleBroken.of("cancel_run", said, "invalid_value")
        end = body.complete_workflow.early_end("complete_workflow.")
        return complete_with_run, (*holder, end, call.scope)
    if body.cancel_run is not None:
        return complete_and_cancel_run, (*holder, body.cancel_run.reason, call.scope)
    return settle.complete, (*holder, call.scope)


def add_run(answer: AttemptCompleted | SettledJob, body: Complete, ended: RunEnded) -> None:
    """Say what became of the run that a worker has ended with its job."""
    if body.complete_workflow is None:
        answer.cancel_run = RunEndAnswer.of(ended)
    else:
        answer.complete_workflow = RunEndAnswer.of(ended)


def failure(call: Call, job_id: str, body: Fail) -> PreparedStep:
    """A failure, or the job handed back. Raises: as `Fail.checked_error` and `check_released`."""
    if body.released:
        body.check_released()
        retry_after_ms = body.retry_after_ms or 0
        return settle.hand_back, (call.org, job_id, body, retry_after_ms, call.scope)
    return settle.fail, (
        call.org,
        job_id,
        body,
        body.checked_error(),
        call.scope,
        body.may_retry,
        body.retry_after_ms,
        body.detail(),
    )


def whole_seconds(failed: settle.Failed) -> int:
    """The wait before the next attempt, rounded up."""
    return -(-failed.delay_ms // 1000)
