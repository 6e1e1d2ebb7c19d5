"""StreamJobs. Contract: grpc, section 6.1."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.keys.change import change
from spooled_lite.core.keys.records import ALL_QUEUES, Grants, KeyChanges
from spooled_lite.core.lifecycle.settle import release
from spooled_lite.core.maintenance.remove import delete_queue
from spooled_lite.core.queues.configure import configure
from spooled_lite.core.queues.pause import pause, resume
from spooled_lite.core.queues.records import Admission, QueueChanges
from spooled_lite.wire.grpc.streams import DELIVERIES_MAX
from tests.factories import a_job
from tests.storage.stage import lined_up
from tests.wire.grpc.stage import NOW_MS, Gate, Stage, holder, play, refusal

SHORT_SECONDS = 0.05  # in which nothing must come


async def nothing_comes(stream: Any) -> "asyncio.Task[Any]":
    """The read of a stream that stays silent."""
    reading: asyncio.Task[Any] = asyncio.ensure_future(stream.read())
    done, _ = await asyncio.wait({reading}, timeout=SHORT_SECONDS)
    assert not done, reading.result()
    return reading


async def enqueue_in_core(stage: Stage, **fields: Any) -> str:
    job = a_job(**fields)
    stored = await stage.db.write(enqueue, stage.org, job, Admission(), ALL_QUEUES)
    return str(stored.row["id"])


def test_a_stream_is_open_before_there_is_a_job() -> None:
    async def script(stage: Stage) -> None:
        stream = stage.client.stream_jobs("nobody-knows")

        await stream.initial_metadata()

        assert not stream.done()

    play(script)


def test_the_next_job_comes_when_the_one_before_is_settled() -> None:
    async def script(stage: Stage) -> None:
        ids = [await stage.client.enqueue(payload={"n": n}) for n in range(3)]
        stream = stage.client.stream_jobs(worker_id="w-7", lease_duration_secs=60)
        seen = []

        for _ in ids:
            job = await stream.read()
            seen.append(job.id)
            assert (job.assigned_worker_id, job.status) == ("w-7", pb.JOB_STATUS_PROCESSING)
            assert job.lease_expires_at.ToMilliseconds() == NOW_MS + 60_000
            await stage.client.complete(job)

        assert seen == ids

    play(script)


@pytest.mark.parametrize(("asked", "seconds"), [(0, 300), (1, 5), (9_999, 3_600)])
def test_the_lease_is_that_of_a_dequeue(asked: int, seconds: int) -> None:
    async def script(stage: Stage) -> None:
        await stage.client.enqueue()

        job = await stage.client.stream_jobs(lease_duration_secs=asked).read()

        assert job.lease_expires_at.ToMilliseconds() == NOW_MS + seconds * 1000

    play(script)


def test_while_a_job_is_held_nothing_more_comes() -> None:
    async def script(stage: Stage) -> None:
        ids = [await stage.client.enqueue() for _ in range(2)]
        stream = stage.client.stream_jobs()
        job = await stream.read()

        reading = await nothing_comes(stream)
        renewed = pb.RenewLeaseRequest(**holder(job), extension_secs=100)
        await stage.client.call("RenewLease", renewed)
        done, _ = await asyncio.wait({reading}, timeout=SHORT_SECONDS)

        assert not done
        assert await stage.status(ids[1]) == "pending"
        await stage.client.complete(job)
        assert (await reading).id == ids[1]

    play(script)


Act = Callable[[Stage, pb.Job], Awaitable[Any]]


async def complete(stage: Stage, job: pb.Job) -> None:
    await stage.client.complete(job)


async def complete_without_a_lease(stage: Stage, job: pb.Job) -> None:
    await stage.client.call("Complete", pb.CompleteRequest(job_id=job.id))


async def fail(stage: Stage, job: pb.Job) -> None:
    await stage.client.call("Fail", pb.FailRequest(**holder(job), error="e"))


async def fail_for_good(stage: Stage, job: pb.Job) -> None:
    await stage.client.call("Fail", pb.FailRequest(**holder(job), error="e", retry=False))


async def let_its_lease_end(stage: Stage, job: pb.Job) -> None:
    stage.clock.advance(seconds=301)


async def take_it_back(stage: Stage, job: pb.Job) -> None:
    await stage.db.write(release, [await stage.row(job.id)])


@pytest.mark.parametrize(
    "act",
    [complete, complete_without_a_lease, fail, fail_for_good, let_its_lease_end, take_it_back],
)
def test_whatever_ends_the_lease_brings_the_next_job(act: Act) -> None:
    async def script(stage: Stage) -> None:
        await stage.client.enqueue(priority=-1)
        await stage.client.enqueue(priority=-1)
        stream = stage.client.stream_jobs()
        first = await stream.read()

        await act(stage, first)

        following = await stream.read()
        assert following.lease_id != first.lease_id

    play(script)


def test_a_deleted_queue_takes_its_jobs_from_their_streams() -> None:
    async def script(stage: Stage) -> None:
        await stage.client.enqueue()
        stream = stage.client.stream_jobs()
        await stream.read()

        deleted = lined_up(
            stage.db, lambda tx: delete_queue(tx, stage.org, "emails", delete_jobs=True), ()
        )
        await deleted
        again = await stage.client.enqueue()

        assert (await stream.read()).id == again

    play(script)


async def by_an_enqueue(stage: Stage) -> None:
    await stage.client.enqueue()


async def by_a_promotion(stage: Stage) -> None:
    await enqueue_in_core(stage, delay_ms=60_000)
    assert stage.count() == 1
    stage.clock.advance(seconds=60)


async def by_a_resume(stage: Stage) -> None:
    await stage.db.write(pause, stage.org, "emails", None, Admission())
    await stage.client.enqueue()
    assert stage.count() == 1
    await stage.db.write(resume, stage.org, "emails")


async def by_room_under_a_rate_limit(stage: Stage) -> None:
    changes = QueueChanges(columns={"rate_limit": 1})
    await stage.db.write(configure, stage.org, "emails", changes, Admission())
    other = stage.client.stream_jobs(worker_id="w-2")
    await stage.until(lambda: stage.count() == 2)
    for _ in range(2):
        await stage.client.enqueue()
    await stage.until(lambda: stage.count() == 1)
    stage.clock.advance(seconds=1)
    await stage.until(lambda: stage.count() == 0)
    other.cancel()


@pytest.mark.parametrize(
    "act", [by_an_enqueue, by_a_promotion, by_a_resume, by_room_under_a_rate_limit]
)
def test_a_waiting_stream_is_woken(act: Callable[[Stage], Awaitable[None]]) -> None:
    async def script(stage: Stage) -> None:
        stream = stage.client.stream_jobs()
        await stage.until(lambda: stage.count() == 1)

        await act(stage)

        assert (await stream.read()).queue_name == "emails"

    play(script)


def test_several_streams_of_a_queue_share_its_jobs() -> None:
    async def script(stage: Stage) -> None:
        streams = [stage.client.stream_jobs(worker_id=f"w-{n}") for n in range(3)]
        await stage.until(lambda: stage.count() == 3)

        ids = {await stage.client.enqueue() for _ in range(3)}

        assert {(await stream.read()).id for stream in streams} == ids

    play(script)


def test_an_organization_may_have_a_hundred_streams_and_another_one_its_own() -> None:
    async def script(stage: Stage) -> None:
        streams = [stage.client.stream_jobs(f"q-{n}") for n in range(DELIVERIES_MAX)]
        for stream in streams:
            await stream.initial_metadata()

        refused = await refusal(stage.client.stream_jobs().read())
        other = (await stage.other_org()).stream_jobs()
        await other.initial_metadata()

        assert (refused.code, refused.retry_after) == ("RESOURCE_EXHAUSTED", None)
        assert "limit reached" not in refused.text
        streams[0].cancel()
        await stage.until(lambda: len(stage.server.streams) == DELIVERIES_MAX)
        again = stage.client.stream_jobs()
        await again.initial_metadata()
        assert not again.done()

    play(script)


# -- leaving ---------------------------------------------------------------------------------------


def test_a_job_that_was_delivered_stays_with_a_client_that_leaves() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.client.enqueue()
        stream = stage.client.stream_jobs()
        job = await stream.read()

        stream.cancel()
        await stage.until(lambda: len(stage.server.streams) == 0)

        assert await stage.status(job_id) == "processing"
        assert (await stage.client.complete(job)).success

    play(script)


def test_who_leaves_while_it_waits_leaves_its_line() -> None:
    async def script(stage: Stage) -> None:
        stream = stage.client.stream_jobs()
        await stage.until(lambda: stage.count() == 1)

        stream.cancel()

        await stage.until(lambda: stage.count() == 0)
        job_id = await stage.client.enqueue()
        assert await stage.status(job_id) == "pending"

    play(script)


def test_a_job_that_could_not_be_written_is_claimable_again_at_once() -> None:
    async def script(stage: Stage) -> None:
        stream = stage.client.stream_jobs()
        await stage.until(lambda: stage.count() == 1)
        writing = Gate(stage)  # as with a client that reads nothing, in the end
        job_id = await stage.client.enqueue()
        await writing.was_reached.wait()
        assert await stage.status(job_id) == "processing"

        stream.cancel()

        await stage.until_status(job_id, "pending")
        row = await stage.row(job_id)
        assert (row["retry_count"], row["started_at_ms"], row["lease_id"]) == (0, None, None)
        assert await stage.history(job_id) == ["created", "claimed", "released"]
        assert [job.id for job in await stage.client.dequeue()] == [job_id]

    play(script)


def test_a_deadline_ends_a_stream_and_its_place_is_free() -> None:
    async def script(stage: Stage) -> None:
        request = pb.StreamJobsRequest(queue_name="emails", worker_id="w")
        stream = stage.client.start("StreamJobs", request, timeout=0.2)

        assert (await refusal(stream.read())).code == "DEADLINE_EXCEEDED"

        await stage.until(lambda: len(stage.server.streams) == stage.count() == 0)

    play(script)


# -- the end ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("holds_a_job", [False, True])
def test_a_stop_ends_streams_as_unavailable_and_leaves_leases(holds_a_job: bool) -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.client.enqueue() if holds_a_job else ""
        stream = stage.client.stream_jobs()
        if holds_a_job:
            await stream.read()
        else:
            await stage.until(lambda: stage.count() == 1)

        stopping = asyncio.ensure_future(stage.server.stop())

        assert (await refusal(stream.read())).code == "UNAVAILABLE"
        await stopping
        assert not holds_a_job or await stage.status(job_id) == "processing"
        assert len(stage.server.streams) == 0

    play(script)


def test_waiting_claims_that_are_answered_because_the_server_stops_end_their_streams() -> None:
    async def script(stage: Stage) -> None:
        stream = stage.client.stream_jobs()
        await stage.until(lambda: stage.count() == 1)

        stage.it.begin_stop()

        assert (await refusal(stream.read())).code == "UNAVAILABLE"

    play(script)


def test_a_key_that_loses_the_queue_ends_the_stream() -> None:
    async def script(stage: Stage) -> None:
        other = await stage.issue(queues=("emails", "more"))
        stream = stage.client_with(other.secret).stream_jobs()
        await stream.initial_metadata()
        changes = KeyChanges(queues=("more",))
        await stage.db.write(change, stage.org, other.row["id"], changes, Grants(), None)

        await stage.server.streams.check()

        assert (await refusal(stream.read())).code == "PERMISSION_DENIED"

    play(script)


def test_the_look_at_credentials_comes_by_itself() -> None:
    async def script(stage: Stage) -> None:
        other = await stage.issue()
        stream = stage.client_with(other.secret).stream_jobs()
        await stream.initial_metadata()
        await stage.db.write(lambda tx: tx.execute("UPDATE api_keys SET is_active = 0"))
        stage.services.callers._known.clear()
        stop = asyncio.Event()

        looking = asyncio.ensure_future(stage.server.streams.look_after(stop, seconds=0.01))

        assert (await refusal(stream.read())).code == "UNAUTHENTICATED"
        stop.set()
        await looking

    play(script)
