"""Dequeue, Complete, Fail, RenewLease, GetJob, GetQueueStats. Contract: grpc, 5.2 to 5.8."""

import json
from typing import Any

import pytest
from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.cancel import cancel
from spooled_lite.core.queues.pause import pause
from spooled_lite.core.queues.records import Admission
from spooled_lite.wire.grpc.convert import CUT_MARK
from tests.factories import a_job
from tests.wire.grpc.stage import NOW_MS, Stage, as_json, holder, play, refusal

NO_SUCH_JOB = "00000000-0000-4000-8000-000000000000"


# -- Dequeue ---------------------------------------------------------------------------------------


def test_a_claimed_job_says_all_there_is() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.client.enqueue(payload={"n": 1}, priority=4, idempotency_key="k")

        [job] = await stage.client.dequeue(worker_id="w-9", lease_duration_secs=60)

        row = await stage.row(job_id)
        assert (job.id, job.queue_name, job.organization_id) == (
            job_id,
            "emails",
            stage.it.organization_id,
        )
        assert job.status == pb.JOB_STATUS_PROCESSING
        assert as_json(job.payload) == {"n": 1}
        assert not job.HasField("result")
        assert (job.retry_count, job.max_retries, job.timeout_seconds) == (0, 3, 300)
        assert (job.priority, job.idempotency_key, job.last_error) == (4, "k", "")
        assert (job.assigned_worker_id, job.lease_id) == ("w-9", row["lease_id"])
        assert job.created_at.ToMilliseconds() == job.started_at.ToMilliseconds() == NOW_MS
        assert job.lease_expires_at.ToMilliseconds() == NOW_MS + 60_000
        assert not job.HasField("scheduled_at")
        assert not job.HasField("completed_at")

    play(script)


@pytest.mark.parametrize(
    ("asked", "seconds"), [(0, 300), (-5, 300), (1, 5), (5, 5), (3_600, 3_600), (2**31 - 1, 3_600)]
)
def test_a_lease_is_clamped_and_five_minutes_by_default(asked: int, seconds: int) -> None:
    async def script(stage: Stage) -> None:
        await stage.client.enqueue()

        [job] = await stage.client.dequeue(lease_duration_secs=asked)

        assert job.lease_expires_at.ToMilliseconds() == NOW_MS + seconds * 1000

    play(script)


@pytest.mark.parametrize(("asked", "count"), [(0, 1), (-1, 1), (3, 3), (2**31 - 1, 100)])
def test_a_batch_is_clamped_and_one_by_default(asked: int, count: int) -> None:
    async def script(stage: Stage) -> None:
        ids = [await stage.client.enqueue() for _ in range(102)]

        jobs = await stage.client.dequeue(batch_size=asked)

        assert [job.id for job in jobs] == ids[:count]
        assert len({job.lease_id for job in jobs}) == 1

    play(script)


def test_nothing_to_do_is_an_empty_list() -> None:
    async def script(stage: Stage) -> None:
        assert await stage.client.dequeue("unknown") == []
        await stage.client.enqueue()
        await stage.db.write(pause, stage.org, "emails", None, Admission())

        assert await stage.client.dequeue() == []

    play(script)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"worker_id": ""}, "Worker ID"),
        ({"worker_id": "w" * 256}, "Worker ID"),
        ({"queue_name": ""}, "Queue name"),
        ({"queue_name": "a b"}, "alphanumeric"),
    ],
)
def test_a_claim_with_a_bad_name_is_refused(fields: dict[str, Any], said: str) -> None:
    async def script(stage: Stage) -> None:
        asked = {"queue_name": "emails", "worker_id": "w", **fields}
        for method, request in (
            ("Dequeue", pb.DequeueRequest(**asked)),
            ("StreamJobs", pb.StreamJobsRequest(**asked)),
        ):
            call = stage.client.start(method, request)

            refused = await refusal(call if method == "Dequeue" else call.read())

            assert (refused.code, said in refused.text) == ("INVALID_ARGUMENT", True)

    play(script)


def test_a_response_stays_below_what_clients_take_and_the_rest_is_claimable_at_once() -> None:
    async def script(stage: Stage) -> None:
        # Small enough to be claimed together; in a Struct five times as long.
        payload = {"a": [1] * 90_000}
        ids = [await stage.client.enqueue(payload=payload) for _ in range(6)]

        first = await stage.client.dequeue(batch_size=6)
        second = await stage.client.dequeue(batch_size=6, worker_id="w-2")

        assert [job.id for job in first] == ids[:4]
        assert sum(job.ByteSize() for job in first) < 4 * 1024 * 1024
        assert [job.id for job in second] == ids[4:]
        assert await stage.history(ids[5]) == ["created", "claimed", "released", "claimed"]
        assert {job.retry_count for job in second} == {0}

    play(script)


def test_a_job_that_is_too_large_alone_is_handed_out_alone() -> None:
    async def script(stage: Stage) -> None:
        # In a Struct each of these takes more than five times as much room.
        payload = json.dumps({"a": [1] * 400_000}, separators=(",", ":")).encode()
        for _ in range(2):
            large = a_job(payload=payload)
            await stage.db.write(enqueue, stage.org, large, Admission(), ALL_QUEUES)

        [job] = await stage.client.dequeue(batch_size=2)

        assert job.ByteSize() > 4 * 1024 * 1024

    play(script)


@pytest.mark.parametrize("payload", [b"null", b'"text"', b"[1]", b"12", b"true"])
def test_a_payload_that_is_no_object_is_an_empty_one_over_grpc(payload: bytes) -> None:
    async def script(stage: Stage) -> None:
        await stage.db.write(enqueue, stage.org, a_job(payload=payload), Admission(), ALL_QUEUES)

        [job] = await stage.client.dequeue()

        assert job.HasField("payload")
        assert as_json(job.payload) == {}

    play(script)


# -- Complete, Fail, RenewLease --------------------------------------------------------------------


def test_a_completed_job_has_its_result() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.client.enqueue()
        [job] = await stage.client.dequeue()
        result: dict[str, Any] = {"n": 1, "deep": {"list": [True, None, "é"]}}

        request = pb.CompleteRequest(**holder(job))
        request.result.update(result)
        answer = await stage.client.call("Complete", request)

        assert answer.success
        assert json.loads((await stage.row(job_id))["result"]) == result
        shown = (await stage.client.call("GetJob", pb.GetJobRequest(job_id=job_id))).job
        assert (shown.status, as_json(shown.result)) == (pb.JOB_STATUS_COMPLETED, result)
        assert shown.completed_at.ToMilliseconds() == NOW_MS
        assert (shown.lease_id, shown.HasField("lease_expires_at")) == ("", False)

    play(script)


def test_no_result_and_an_empty_one_are_two_things() -> None:
    async def script(stage: Stage) -> None:
        ids = [await stage.client.enqueue() for _ in range(2)]
        without, empty = await stage.client.dequeue(batch_size=2)

        await stage.client.complete(without)
        request = pb.CompleteRequest(**holder(empty))
        request.result.SetInParent()
        await stage.client.call("Complete", request)

        assert [(await stage.row(job_id))["result"] for job_id in ids] == [None, b"{}"]
        shown = [
            (await stage.client.call("GetJob", pb.GetJobRequest(job_id=job_id))).job
            for job_id in ids
        ]
        assert [job.HasField("result") for job in shown] == [False, True]

    play(script)


@pytest.mark.parametrize("retries_done", [0, 1, 2, 3])
def test_a_failure_is_retried_after_its_backoff_until_its_retries_are_used_up(
    retries_done: int,
) -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.client.enqueue()
        for _ in range(retries_done):
            [job] = await stage.client.dequeue()
            await stage.client.call("Fail", pb.FailRequest(**holder(job), error="e"))
            stage.clock.advance(seconds=60)
        [job] = await stage.client.dequeue()

        answer = await stage.client.call("Fail", pb.FailRequest(**holder(job), error="late"))

        will_retry = retries_done < 3
        assert (answer.success, answer.will_retry) == (True, will_retry)
        assert answer.next_retry_delay_secs == ([1, 2, 4][retries_done] if will_retry else 0)
        row = await stage.row(job_id)
        assert (row["status"], row["last_error"]) == (
            ("pending" if will_retry else "deadletter"),
            "late",
        )

    play(script)


@pytest.mark.parametrize(
    ("fields", "status"),
    [({}, "pending"), ({"retry": True}, "pending"), ({"retry": False}, "deadletter")],
)
def test_only_a_false_that_is_said_keeps_a_job_from_its_retries(
    fields: dict[str, Any], status: str
) -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.client.enqueue()
        [job] = await stage.client.dequeue()

        answer = await stage.client.call("Fail", pb.FailRequest(**holder(job), error="e", **fields))

        assert answer.will_retry == (status == "pending")
        assert await stage.status(job_id) == status

    play(script)


@pytest.mark.parametrize(
    ("error", "stored"),
    [
        ("", "Job failed"),
        ("e" * 4_096, "e" * 4_096),
        ("e" * 5_000, "e" * (4_096 - len(CUT_MARK)) + CUT_MARK),
    ],
)
def test_an_error_of_any_length_is_taken(error: str, stored: str) -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.client.enqueue()
        [job] = await stage.client.dequeue()

        assert (await stage.client.call("Fail", pb.FailRequest(**holder(job), error=error))).success

        assert (await stage.row(job_id))["last_error"] == stored

    play(script)


@pytest.mark.parametrize(
    ("asked", "seconds"), [(0, 300), (-1, 300), (1, 5), (30, 30), (99_999, 3_600)]
)
def test_a_renewed_lease_ends_so_long_from_now(asked: int, seconds: int) -> None:
    async def script(stage: Stage) -> None:
        await stage.client.enqueue()
        [job] = await stage.client.dequeue(lease_duration_secs=60)
        stage.clock.advance(seconds=10)

        request = pb.RenewLeaseRequest(**holder(job), extension_secs=asked)
        answer = await stage.client.call("RenewLease", request)

        assert answer.success
        assert answer.new_expires_at.ToMilliseconds() == NOW_MS + (10 + seconds) * 1000

    play(script)


# -- the fence -------------------------------------------------------------------------------------

REQUESTS = {
    "Complete": pb.CompleteRequest,
    "Fail": pb.FailRequest,
    "RenewLease": pb.RenewLeaseRequest,
}
LOST = "Lease expired"
MISMATCH = "does not match the job's current lease"


async def given_a(state: str, stage: Stage) -> pb.Job:
    """A job in this state, as its worker knows it."""
    await stage.client.enqueue()
    [job] = await stage.client.dequeue()
    if state == "completed":
        await stage.client.complete(job)
    elif state == "waiting again":
        await stage.client.call("Fail", pb.FailRequest(**holder(job), error="e"))
    elif state == "over":
        await stage.db.write(lambda tx: tx.execute("UPDATE jobs SET lease_expires_at_ms = 1"))
    return job


@pytest.mark.parametrize("method", list(REQUESTS))
@pytest.mark.parametrize(
    ("state", "fields", "said"),
    [
        ("completed", {}, "Job is already completed"),
        ("completed", {"lease_id": "other"}, LOST),
        ("waiting again", {}, LOST),
        ("over", {}, LOST),
        ("held", {"lease_id": "other"}, MISMATCH),
        ("held", {"worker_id": "other"}, "worker"),
    ],
)
def test_an_answer_under_a_lost_lease_changes_nothing(
    method: str, state: str, fields: dict[str, Any], said: str
) -> None:
    async def script(stage: Stage) -> None:
        job = await given_a(state, stage)
        before = tuple(await stage.row(job.id))

        refused = await refusal(
            stage.client.call(method, REQUESTS[method](**{**holder(job), **fields}))
        )

        assert refused.code == "FAILED_PRECONDITION"
        assert refused.text == said if said == LOST else said in refused.text
        assert said in (LOST, MISMATCH) or LOST not in refused.text
        assert tuple(await stage.row(job.id)) == before

    play(script)


@pytest.mark.parametrize("method", ["Complete", "Fail"])
@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("completed", "Job is already completed"),
        ("waiting again", "Job is not being processed"),
        ("over", LOST),
    ],
)
def test_who_names_no_lease_is_held_to_the_state_of_the_job(
    method: str, state: str, said: str
) -> None:
    async def script(stage: Stage) -> None:
        job = await given_a(state, stage)

        refused = await refusal(stage.client.call(method, REQUESTS[method](job_id=job.id)))

        assert (refused.code, refused.text) == ("FAILED_PRECONDITION", said)

    play(script)


@pytest.mark.parametrize("fields", [{}, {"worker_id": "other"}])
@pytest.mark.parametrize("state", ["completed", "waiting again", "over", "held"])
def test_a_renewal_without_a_lease_says_no_without_a_reason(
    state: str, fields: dict[str, Any]
) -> None:
    async def script(stage: Stage) -> None:
        job = await given_a(state, stage)

        request = pb.RenewLeaseRequest(job_id=job.id, **fields)
        answer = await stage.client.call("RenewLease", request)

        assert answer.success == (state == "held" and not fields)
        assert answer.HasField("new_expires_at") == answer.success

    play(script)


def test_old_clients_settle_without_a_lease_and_without_a_worker() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.client.enqueue()
        await stage.client.dequeue()

        assert (await stage.client.call("Complete", pb.CompleteRequest(job_id=job_id))).success

    play(script)


@pytest.mark.parametrize("method", list(REQUESTS))
def test_an_unknown_job_is_not_found_and_one_must_be_named(method: str) -> None:
    async def script(stage: Stage) -> None:
        unknown = REQUESTS[method](job_id=NO_SUCH_JOB, lease_id="l")
        refused = await refusal(stage.client.call(method, unknown))
        assert (refused.code, "not found" in refused.text) == ("NOT_FOUND", True)

        refused = await refusal(stage.client.call(method, REQUESTS[method]()))
        assert (refused.code, "job_id" in refused.text) == ("INVALID_ARGUMENT", True)

    play(script)


def test_an_unknown_job_is_not_renewed() -> None:
    async def script(stage: Stage) -> None:
        answer = await stage.client.call("RenewLease", pb.RenewLeaseRequest(job_id=NO_SUCH_JOB))

        assert not answer.success

    play(script)


def test_a_result_that_is_too_large_is_refused_and_the_lease_is_kept() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.client.enqueue()
        [job] = await stage.client.dequeue()
        request = pb.CompleteRequest(**holder(job))
        request.result.update({"a": "x" * 1_048_576})

        refused = await refusal(stage.client.call("Complete", request))

        assert refused.code == "INVALID_ARGUMENT"
        assert await stage.status(job_id) == "processing"
        assert (await stage.client.complete(job)).success

    play(script)


# -- GetJob, GetQueueStats -------------------------------------------------------------------------


def test_a_job_that_is_not_there_is_no_error() -> None:
    async def script(stage: Stage) -> None:
        other = await stage.other_org()
        foreign = await other.enqueue()

        for job_id in (NO_SUCH_JOB, foreign, "", "x" * 1000):
            answer = await stage.client.call("GetJob", pb.GetJobRequest(job_id=job_id))
            assert not answer.HasField("job")

    play(script)


def test_the_statistics_count_every_status_and_the_age_of_the_oldest_pending_job() -> None:
    async def script(stage: Stage) -> None:
        for _ in range(2):
            await stage.client.enqueue()
        done, _ = await stage.client.dequeue(batch_size=2)
        await stage.client.complete(done)
        job = a_job(delay_ms=3_600_000)
        await stage.db.write(enqueue, stage.org, job, Admission(), ALL_QUEUES)
        stage.clock.advance(seconds=2)
        waiting = await stage.client.enqueue()
        cancelled = await stage.client.enqueue()
        await stage.db.write(cancel, stage.org, cancelled, ALL_QUEUES)
        stage.clock.advance(seconds=1.5)

        stats = await stage.client.call(
            "GetQueueStats", pb.GetQueueStatsRequest(queue_name="emails")
        )

        assert waiting
        assert (stats.pending, stats.scheduled, stats.processing, stats.completed) == (1, 1, 1, 1)
        assert (stats.failed, stats.deadletter, stats.total) == (0, 0, 5)
        assert (stats.queue_name, stats.max_age_ms) == ("emails", 1_500)

    play(script)


def test_a_retry_that_waits_for_its_backoff_counts_for_the_age() -> None:
    async def script(stage: Stage) -> None:
        await stage.client.enqueue()
        [job] = await stage.client.dequeue()
        stage.clock.advance(seconds=4)
        await stage.client.call("Fail", pb.FailRequest(**holder(job), error="e"))

        stats = await stage.client.call(
            "GetQueueStats", pb.GetQueueStatsRequest(queue_name="emails")
        )

        assert (stats.pending, stats.max_age_ms) == (1, 4_000)

    play(script)


def test_an_unknown_queue_has_zeros_and_a_bad_name_is_refused() -> None:
    async def script(stage: Stage) -> None:
        stats = await stage.client.call("GetQueueStats", pb.GetQueueStatsRequest(queue_name="none"))
        assert (stats.queue_name, stats.total, stats.max_age_ms) == ("none", 0, 0)

        bad = pb.GetQueueStatsRequest(queue_name="a b")
        assert (await refusal(stage.client.call("GetQueueStats", bad))).code == "INVALID_ARGUMENT"

    play(script)
