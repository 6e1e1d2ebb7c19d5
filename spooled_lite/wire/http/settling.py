"""What a worker says at the end of an attempt, as an operation of core that is to be run."""

from spooled_lite.core.jobs.records import RESULT_BYTES_MAX, check_json_size
from spooled_lite.core.lifecycle import settle
from spooled_lite.storage.transaction import PreparedStep
from spooled_lite.wire.http.call import Call
from spooled_lite.wire.shapes.job_bodies import Complete, Fail


def completion(call: Call, job_id: str, body: Complete) -> PreparedStep:
    """Raises PayloadTooLarge: the result is."""
    result = bytes(body.result)
    check_json_size(result, RESULT_BYTES_MAX, "result")
    shown = result if result != b"null" else None
    return settle.complete, (call.org, job_id, body, shown, call.scope)


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
