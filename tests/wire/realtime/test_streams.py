"""The streams of one job and of one queue, filters, statistics, and organizations apart."""

import pytest

from tests.wire.realtime.stage import NOW, Stage, on_stage, with_times
from tests.wire.realtime.test_events import changes, kinds

# -- one job ---------------------------------------------------------------------------------------


def test_a_job_stream_begins_with_the_status_and_ends_with_the_job() -> None:
    async def test(stage: Stage) -> None:
        job_id = await stage.enqueue()
        stream = await stage.stream(f"events/jobs/{job_id}")
        first = await stream.next()
        await stage.enqueue("emails")

        job = await stage.claim()
        await stage.complete(job)
        rest = await stream.rest()

        assert job["id"] == job_id
        assert (first.event, first.type) == ("job.status", "JobStatusChange")
        assert first.data == {
            "job_id": job_id,
            "queue_name": "emails",
            "old_status": "",
            "new_status": "pending",
            "status": "pending",
            "timestamp": NOW,
        }
        assert changes(rest) == [
            "job.started", "pending>processing", "job.completed", "processing>completed",
        ]  # fmt: skip
        assert [frame.id for frame in (first, *rest)] == [None] * 5

    on_stage(test)


def test_an_attempt_that_is_followed_by_another_does_not_end_a_job_stream() -> None:
    async def test(stage: Stage) -> None:
        job_id = await stage.enqueue(max_retries=1)
        stream = await stage.stream(f"events/jobs/{job_id}")

        await stage.fail(await stage.claim())
        stage.clock.advance(seconds=120)
        await stage.fail(await stage.claim())
        frames = await stream.rest()

        statuses = [frame.data["new_status"] for frame in frames if frame.event == "job.status"]
        assert statuses == ["pending", "processing", "pending", "processing", "deadletter"]

    on_stage(test)


@pytest.mark.parametrize("act", ["cancel", "delete"])
def test_a_job_that_is_cancelled_or_deleted_ends_its_stream(act: str) -> None:
    async def test(stage: Stage) -> None:
        job_id = await stage.enqueue()
        stream = await stage.stream(f"events/jobs/{job_id}")

        if act == "cancel":
            await stage.post(f"jobs/{job_id}/cancel")
        else:
            await stage.post("queues/emails/purge", {"confirm": True})
        frames = await stream.rest()

        if act == "cancel":
            assert changes(frames) == [">pending", "job.cancelled", "pending>cancelled"]
        else:
            assert [frame.type for frame in frames] == ["JobStatusChange", "Error"]
            assert frames[-1].event == "error"
            assert frames[-1].data["message"] == "Job not found"

    on_stage(test)


def test_a_job_that_has_ended_already_is_one_frame() -> None:
    async def test(stage: Stage) -> None:
        job_id = await stage.done()

        frames = await (await stage.stream(f"events/jobs/{job_id}")).rest()

        assert changes(frames) == [">completed"]

    on_stage(test)


def test_an_unknown_a_foreign_and_a_hidden_job_are_one_error() -> None:
    async def test(stage: Stage) -> None:
        job_id = await stage.enqueue()
        narrow = await stage.issue(queues=("orders",))
        foreign = await stage.other_org()

        seen = []
        for path, key in (
            ("events/jobs/nowhere", stage.key),
            (f"events/jobs/{job_id}", foreign),
            (f"events/jobs/{job_id}", narrow.secret),
        ):
            stream = await stage.stream(f"{path}?token={key}", {})
            [frame] = await stream.rest()
            seen.append(frame.raw)

        assert len(set(seen)) == 1
        assert '"type":"Error"' in seen[0]
        assert '"message":"Job not found"' in seen[0]

    on_stage(test)


# -- one queue -------------------------------------------------------------------------------------


def test_a_queue_stream_has_statistics_at_once_and_its_events_and_no_others() -> None:
    async def test(stage: Stage) -> None:
        for _ in range(3):
            await stage.enqueue(max_retries=0)
        await stage.enqueue(delay_seconds=60)
        await stage.fail(await stage.claim())
        await stage.complete(await stage.claim())
        await stage.claim()
        stream = await stage.stream("events/queues/emails")
        first = await stream.next()

        await stage.enqueue("orders")
        await stage.post("workers/register", {"queue_name": "orders", "hostname": "h"})
        await stage.enqueue("emails")
        second = await stream.next()

        assert (first.event, first.id) == ("queue.stats", None)
        assert first.data == {
            "queue_name": "emails",
            "pending": 1,
            "processing": 1,
            "completed": 1,
            "failed": 1,
            "timestamp": NOW,
        }
        assert (second.event, second.data["queue_name"]) == ("job.created", "emails")
        assert second.id is not None

    on_stage(test)


def test_statistics_come_again_and_again_without_any_change() -> None:
    async def test(stage: Stage) -> None:
        stream = await stage.stream("events/queues/nowhere")

        frames = await stream.take(4)

        assert kinds(frames) == ["queue.stats"] * 4
        assert {frame.data["pending"] for frame in frames} == {0}

    on_stage(test, with_times(statistics_seconds=0.05))


def test_statistics_follow_a_change_and_not_each_of_them() -> None:
    async def test(stage: Stage) -> None:
        stream = await stage.stream("events?events=queue.stats")
        socket = await stage.socket("events=QueueStats&queue=emails")
        other = await stage.socket("events=QueueStats&queue=orders")

        for _ in range(5):
            await stage.enqueue()
        await stage.enqueue("orders")
        counts = [(await stream.next()).data]
        while counts[-1]["queue_name"] != "orders":
            counts.append((await stream.next()).data)

        assert [each["queue_name"] for each in counts] == ["emails", "orders"]
        assert (await socket.next())["data"]["queue_name"] == "emails"
        assert (await other.next())["data"]["pending"] == 1

    on_stage(test)


def test_a_change_soon_after_the_last_statistics_is_told_when_its_time_comes() -> None:
    async def test(stage: Stage) -> None:
        stream = await stage.stream("events?events=queue.stats")
        await stage.enqueue()
        first = await stream.next()

        await stage.enqueue()
        await stage.enqueue()
        second = await stream.next()

        assert first.data["pending"] == 1
        assert second.data["pending"] in (2, 3)

    on_stage(test, with_times(statistics_seconds=0.2))


# -- filters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "passes"),
    [
        ("queue=emails", ["emails"]),
        ("queue_name=emails", ["emails"]),
        ("queues=emails,news-1", ["emails", "news-1"]),
        ("queue=news-*", ["news-1", "news-2"]),
        ("queue=*", ["emails", "news-1", "news-2", "orders"]),
        ("queue=", ["emails", "news-1", "news-2", "orders"]),
        ("queue=nowhere&queues=", []),
    ],
)
def test_a_stream_of_some_queues_gets_what_is_of_them(query: str, passes: list[str]) -> None:
    async def test(stage: Stage) -> None:
        stream = await stage.stream(f"events?events=job.created,worker.registered&{query}")
        socket = await stage.socket(f"events=job.created,workflow.started&{query}")
        everything = await stage.stream("events?events=job.created")

        for name in ("emails", "news-1", "news-2", "orders"):
            await stage.enqueue(name)
        await everything.take(4)
        [feed_stream, feed_socket, _] = stage.feed.streams

        assert [frame.data["queue_name"] for frame in await stream.take(len(passes))] == passes
        assert [(await socket.next())["data"]["queue_name"] for _ in passes] == passes
        assert feed_stream.waiting_count == feed_socket.waiting_count == 0

    on_stage(test)


def test_filters_for_one_job_and_one_worker() -> None:
    async def test(stage: Stage) -> None:
        job_id = await stage.enqueue()
        of_job = await stage.events(f"job_id={job_id}")
        of_worker = await stage.events("worker_id=w-1")

        await stage.enqueue("orders")
        await stage.post("workers/register", {"queue_name": "emails", "worker_id": "w-2"})
        await stage.post("workers/register", {"queue_name": "emails", "worker_id": "w-1"})
        await stage.complete(await stage.claim())

        assert changes(await of_job.take(4)) == [
            "job.started", "pending>processing", "job.completed", "processing>completed",
        ]  # fmt: skip
        assert changes(await of_worker.take(5)) == [
            "worker.registered",
            "job.started",
            "pending>processing",
            "job.completed",
            "processing>completed",
        ]

    on_stage(test)


@pytest.mark.parametrize(
    "name",
    ["job.status", "job.status_changed", "JobStatusChange", "jobstatuschange", "JOB.STATUS",
     "job_status_changed"],
)  # fmt: skip
def test_an_event_may_be_called_by_any_of_its_names(name: str) -> None:
    async def test(stage: Stage) -> None:
        stream = await stage.stream(f"events?events={name},%20no-such-event")

        await stage.done()

        assert changes(await stream.take(2)) == ["pending>processing", "processing>completed"]

    on_stage(test)


def test_health_is_not_for_whoever_chose_other_events() -> None:
    async def test(stage: Stage) -> None:
        chosen = await stage.stream("events?events=job.created,unknown")
        nothing = await stage.stream("events?events=unknown")
        health = await stage.stream("events?events=system.health&queue=emails&job_id=x")

        await stage.enqueue()
        frame = await chosen.next()

        assert frame.event == "job.created"
        assert (await health.next()).event == "system.health"
        assert (await health.next()).event == "system.health"
        assert nothing.client.reader._buffer == b""  # type: ignore[attr-defined]

    on_stage(test, with_times(health_seconds=0.05))


# -- apart -----------------------------------------------------------------------------------------


def test_a_key_of_some_queues_sees_those_and_the_health_of_the_server() -> None:
    async def test(stage: Stage) -> None:
        key = (await stage.issue(queues=("news-*",))).secret
        stream = await stage.stream(f"events?token={key}", {})
        socket = await stage.socket(key=key)

        await stage.enqueue("emails")
        await stage.post("workers/register", {"queue_name": "emails", "worker_id": "w-1"})
        await stage.post("queues/emails/pause")
        await stage.enqueue("news-1")
        frames = await stream.take(2)

        assert frames[0].event == "system.health"
        assert (frames[1].event, frames[1].data["queue_name"]) == ("job.created", "news-1")
        first = await socket.next()
        assert (first["type"], first["queue_name"]) == ("JobCreated", "news-1")

    on_stage(test)


def test_organizations_hear_nothing_of_one_another() -> None:
    async def test(stage: Stage) -> None:
        other = await stage.other_org()
        stream = await stage.stream(f"events?token={other}&events=job.created", {})
        socket = await stage.socket("events=job.created", key=other)
        queue = await stage.stream(f"events/queues/emails?token={other}", {})
        await queue.next()

        await stage.enqueue("emails")
        bearer = {"Authorization": f"Bearer {other}"}
        own = await stage.call(
            "POST", "/api/v1/jobs", {"queue": "emails", "payload": 1}, headers=bearer
        )

        job_id = own.json["id"]
        assert (await stream.next()).data["job_id"] == job_id
        assert (await socket.next())["data"]["job_id"] == job_id
        assert (await queue.next()).data["job_id"] == job_id

    on_stage(test)
