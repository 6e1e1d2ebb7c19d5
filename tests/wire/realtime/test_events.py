"""Event streams: what they begin with, and what each change becomes."""

from typing import Any

import pytest

from tests.wire.http.raw_http import Answer
from tests.wire.realtime.stage import NOW, Frame, Stage, on_stage


def kinds(frames: list[Frame]) -> list[str | None]:
    return [frame.event for frame in frames]


def changes(frames: list[Frame]) -> list[str]:
    """Event names, and of a change of status from what to what."""
    return [
        f"{frame.data['old_status']}>{frame.data['new_status']}"
        if frame.event == "job.status"
        else str(frame.event)
        for frame in frames
    ]


async def without_statistics(stage: Stage, query: str = "") -> Any:
    """The stream of all but the statistics, which come when they come."""
    names = "job.*,job.created,job.started,job.status,job.completed,job.failed,job.retrying"
    names += ",job.deadlettered,job.cancelled,job.progress,queue.paused,queue.resumed"
    names += ",worker.registered,worker.heartbeat,worker.deregistered,worker.inactive"
    return await stage.stream(f"events?events={names}&{query}")


def test_a_stream_says_at_once_that_it_is_open_and_how_the_server_is() -> None:
    async def test(stage: Stage) -> None:
        key = {"Authorization": f"Bearer {stage.key}"}
        stream = await stage.stream("events", {**key, "Accept-Encoding": "gzip, br"})

        health = await stream.next()

        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.headers["cache-control"] == "no-cache"
        assert stream.headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in stream.headers
        assert "content-length" not in stream.headers
        assert stream.headers["x-request-id"]
        assert stream.headers["x-api-version"] == "1"
        assert stream.headers["x-ratelimit-scope"] == "organization"
        assert (health.event, health.type, health.id) == ("system.health", "SystemHealth", None)
        assert health.data == {"database": True, "redis": False, "timestamp": NOW}

    on_stage(test)


def test_the_life_of_a_job_in_frames() -> None:
    async def test(stage: Stage) -> None:
        stream = await without_statistics(stage)

        job_id = await stage.enqueue(priority=7)
        job = await stage.claim()
        stage.clock.advance(seconds=2)
        await stage.post(f"jobs/{job_id}/progress", {"progress": 50, "message": "half"})
        await stage.complete(job, result={"sent": True})
        frames = await stream.take(6)

        assert changes(frames) == [
            "job.created",
            "job.started",
            "pending>processing",
            "job.progress",
            "job.completed",
            "processing>completed",
        ]
        created, started, status, progress, completed, _ = (frame.json for frame in frames)
        ids = {"job_id": job_id, "queue_name": "emails"}
        assert created == {
            "type": "JobCreated",
            "data": {**ids, "priority": 7, "status": "pending", "timestamp": NOW},
            "timestamp": NOW,
            **ids,
        }
        assert started["data"] == {
            **ids, "worker_id": "w-1", "status": "processing", "started_at": NOW, "timestamp": NOW,
        }  # fmt: skip
        assert status["data"] == {
            **ids,
            "old_status": "pending",
            "new_status": "processing",
            "status": "processing",
            "worker_id": "w-1",
            "timestamp": NOW,
        }
        later = "2027-01-15T08:00:02.000Z"
        assert progress["data"] == {**ids, "progress": 50, "message": "half", "timestamp": later}
        assert completed["data"] == {
            **ids,
            "duration_ms": 2000,
            "status": "completed",
            "worker_id": "w-1",
            "completed_at": later,
            "result": {"sent": True},
            "timestamp": later,
        }

    on_stage(test)


def test_an_attempt_that_failed_and_one_that_was_the_last() -> None:
    async def test(stage: Stage) -> None:
        stream = await without_statistics(stage)

        job_id = await stage.enqueue(max_retries=1)
        await stage.fail(await stage.claim())
        stage.clock.advance(seconds=120)
        await stage.fail(await stage.claim())
        frames = await stream.take(11)

        assert changes(frames) == [
            "job.created",
            "job.started",
            "pending>processing",
            "job.failed",
            "job.retrying",
            "processing>pending",
            "job.started",
            "pending>processing",
            "job.failed",
            "job.deadlettered",
            "processing>deadletter",
        ]
        assert {frame.data["job_id"] for frame in frames} == {job_id}
        again, last = frames[3].data, frames[8].data
        assert (again["will_retry"], again["status"], again["retry_count"]) == (True, "pending", 1)
        assert (last["will_retry"], last["status"]) == (False, "deadletter")
        for failed in (again, last):
            assert (failed["error"], failed["worker_id"], failed["max_retries"]) == (
                "boom", "w-1", 1,
            )  # fmt: skip
        assert frames[4].data["scheduled_at"] > NOW
        assert frames[4].data["error"] == frames[9].data["error"] == "boom"

    on_stage(test)


def test_a_dead_letter_that_is_put_back() -> None:
    async def test(stage: Stage) -> None:
        job_id = await stage.enqueue(max_retries=0)
        await stage.fail(await stage.claim())
        stream = await without_statistics(stage)

        await stage.post(f"jobs/{job_id}/retry")

        assert changes(await stream.take(1)) == ["deadletter>pending"]

    on_stage(test)


def test_a_lease_that_ran_out_is_an_attempt_that_failed() -> None:
    async def test(stage: Stage) -> None:
        await stage.enqueue(max_retries=0)
        await stage.claim()
        stream = await without_statistics(stage)

        stage.clock.advance(seconds=3_600)
        frames = await stream.take(3)

        assert changes(frames) == ["job.failed", "job.deadlettered", "processing>deadletter"]
        assert "ease" in frames[0].data["error"]

    on_stage(test)


def test_jobs_that_wait_for_their_time_and_jobs_that_are_cancelled() -> None:
    async def test(stage: Stage) -> None:
        stream = await without_statistics(stage)

        job_id = await stage.enqueue(delay_seconds=60)
        stage.clock.advance(seconds=60)
        promoted = await stream.take(2)
        await stage.post(f"jobs/{job_id}/cancel")
        cancelled = await stream.take(2)

        assert changes(promoted) == ["job.created", "scheduled>pending"]
        assert promoted[0].data["status"] == "scheduled"
        assert promoted[0].data["scheduled_at"] == "2027-01-15T08:01:00.000Z"
        assert changes(cancelled) == ["job.cancelled", "pending>cancelled"]

    on_stage(test)


def test_a_repeated_idempotency_key_tells_nothing() -> None:
    async def test(stage: Stage) -> None:
        stream = await without_statistics(stage)

        await stage.enqueue(idempotency_key="k")
        await stage.enqueue(idempotency_key="k")
        await stage.enqueue("other")
        frames = await stream.take(2)

        assert [frame.data["queue_name"] for frame in frames] == ["emails", "other"]

    on_stage(test)


def test_queues_that_are_paused_and_go_on_and_their_statistics_after_it() -> None:
    async def test(stage: Stage) -> None:
        stream = await stage.events()

        await stage.post("queues/emails/pause", {"reason": "maintenance"})
        paused = await stream.take(2)
        await stage.post("queues/emails/resume")
        resumed = await stream.take(2)

        assert kinds(paused) == ["queue.paused", "queue.stats"]
        assert paused[0].json == {
            "type": "queue.paused",
            "data": {"queue_name": "emails", "reason": "maintenance", "timestamp": NOW},
            "timestamp": NOW,
            "queue_name": "emails",
        }
        assert kinds(resumed) == ["queue.resumed", "queue.stats"]

    on_stage(test)


def test_workers_that_come_live_and_go() -> None:
    async def test(stage: Stage) -> None:
        stream = await without_statistics(stage)
        known = {"queue_name": "emails", "hostname": "h-1", "version": "2", "worker_id": "w-1"}

        await stage.post("workers/register", known)
        await stage.post("workers/w-1/heartbeat", {"current_jobs": 3, "status": "healthy"})
        await stage.post("workers/w-1/deregister")
        await stage.post("workers/register", known)
        frames = await stream.take(4)
        stage.clock.advance(seconds=130)
        silent = await stream.next()

        ids = {"worker_id": "w-1", "queue_name": "emails", "timestamp": NOW}
        assert [frame.type for frame in frames] == [
            "WorkerRegistered",
            "WorkerHeartbeat",
            "WorkerDeregistered",
            "WorkerRegistered",
        ]
        assert frames[0].data == {**ids, "hostname": "h-1", "version": "2"}
        assert frames[1].data == {
            **ids, "status": "healthy", "current_jobs": 3, "current_job_id": None,
        }  # fmt: skip
        assert frames[2].data == ids
        assert (silent.event, silent.type) == ("worker.inactive", "worker.inactive")
        assert silent.data["last_seen_at"] == NOW

    on_stage(test)


@pytest.mark.parametrize("result", [[1, 2], "text", 5, None, {"big": "x" * 40_000}])
def test_a_result_that_is_no_object_or_has_no_room_is_left_out(result: Any) -> None:
    async def test(stage: Stage) -> None:
        stream = await stage.stream("events?events=job.completed")

        await stage.done(result=result)
        frame = await stream.next()

        assert "result" not in frame.data
        assert frame.data["status"] == "completed"

    on_stage(test)


def test_a_result_that_came_in_lines_is_one_line() -> None:
    async def test(stage: Stage) -> None:
        stream = await stage.stream("events?events=job.completed")
        await stage.enqueue()
        job = await stage.claim()
        client = await stage.connect()
        body = b'{"lease_id": "%s", "result": {\r\n "a":\n [1,\r 2]}}' % job["lease_id"].encode()
        head = f"POST /api/v1/jobs/{job['id']}/complete HTTP/1.1\r\nHost: t\r\n"
        head += f"Authorization: Bearer {stage.key}\r\nContent-Length: {len(body)}\r\n\r\n"

        await client.send(head.encode() + body)
        frame = await stream.next()

        assert frame.data["result"] == {"a": [1, 2]}

    on_stage(test)


def test_no_reader_takes_a_character_of_a_text_for_the_end_of_a_line() -> None:
    async def test(stage: Stage) -> None:
        stream = await stage.stream("events?events=job.progress,job.completed,job.failed")
        odd = "a\x85b\u2028c\u2029d"
        await stage.enqueue(max_retries=0)
        job = await stage.claim()

        await stage.post(f"jobs/{job['id']}/progress", {"progress": 5, "message": odd})
        await stage.fail(job, error=odd)
        await stage.enqueue()
        job = await stage.claim()
        body = b'{"lease_id": "%s", "result": {"a": "%s"}}' % (
            job["lease_id"].encode(),
            odd.encode(),
        )
        client = await stage.connect()
        head = f"POST /api/v1/jobs/{job['id']}/complete HTTP/1.1\r\nHost: t\r\n"
        head += f"Authorization: Bearer {stage.key}\r\nContent-Length: {len(body)}\r\n\r\n"
        await client.send(head.encode() + body)
        progress, failed, completed = await stream.take(3)

        for frame in (progress, failed, completed):
            assert frame.raw.splitlines() == frame.raw.split("\n")
        assert progress.data["message"] == failed.data["error"] == odd
        assert completed.data["result"] == {"a": odd}

    on_stage(test)


def test_no_frame_is_longer_than_clients_can_read() -> None:
    async def test(stage: Stage) -> None:
        streams = [await stage.stream(f"events?frames={name}") for name in ("named", "dotted")]
        socket = await stage.socket("dialect=dotted")

        await stage.enqueue(max_retries=0)
        await stage.fail(await stage.claim(), error="\x01" * 2_048)
        await stage.done(result={"fits": "x" * 20_000})
        await stage.done("q" * 100, result={"a": "\x02" * 2_000})

        for stream in streams:
            seen = []
            while "x" * 20_000 not in (frame := await stream.next()).raw:
                seen.append(frame)
            assert all(len(frame.raw.encode()) < 30 * 1024 for frame in [*seen, frame])
            [failed] = [each for each in seen if each.event == "job.failed"]
            assert 0 < len(failed.data["error"]) <= 2048
        sizes = []
        while True:
            text = await socket.connection.recv(decode=False)
            sizes.append(len(text))
            if b'"q' + b"q" * 99 in text and b"job.completed" in text:
                break
        assert max(sizes) < 30 * 1024

    on_stage(test)


def test_a_head_request_opens_nothing() -> None:
    async def test(stage: Stage) -> None:
        for path in ("events", "events/jobs/x", "events/queues/x"):
            client = await stage.connect()
            head = f"HEAD /api/v1/{path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n"
            await client.send(f"{head}Authorization: Bearer {stage.key}\r\n\r\n".encode())
            said = await client.read_to_end()

            assert said.startswith(b"HTTP/1.1 200")
            assert b"text/event-stream" in said
            assert b"content-length" not in said.lower()
            assert said.endswith(b"\r\n\r\n")
        assert stage.feed.streams.count("sse") == 0

    on_stage(test)


def test_a_reader_that_speaks_http_1_0_gets_no_chunks() -> None:
    async def test(stage: Stage) -> None:
        client = await stage.connect()
        head = f"GET /api/v1/events/jobs/x HTTP/1.0\r\nAuthorization: Bearer {stage.key}\r\n\r\n"

        await client.send(head.encode())
        answer = Answer.parse(await client.read_to_end())
        frames = answer.body.decode().split("\n\n")

        assert "transfer-encoding" not in answer.headers
        assert answer.headers["connection"] == "close"
        assert frames[0] == ": connected"
        assert Frame(frames[1]).data["message"] == "Job not found"
        assert frames[2:] == [""]

    on_stage(test)


def test_other_origins_may_read_streams_as_they_may_read_answers() -> None:
    async def test(stage: Stage) -> None:
        key = {"Authorization": f"Bearer {stage.key}", "Origin": "https://board.test"}

        stream = await stage.stream("events", key)
        refused = await stage.refused("events", {"Origin": "https://board.test"})

        assert stream.headers["access-control-allow-origin"] == "*"
        assert refused.headers["access-control-allow-origin"] == "*"

    on_stage(test)
