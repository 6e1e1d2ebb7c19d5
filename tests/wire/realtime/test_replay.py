"""Coming back with Last-Event-ID."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from spooled_lite.core.jobs.replay import replay_page
from spooled_lite.events import Event
from spooled_lite.storage.readers import Reads
from spooled_lite.storage.transaction import Tx
from spooled_lite.wire.realtime.feed import REPLAYS_MAX
from tests.server_process import API_KEY, ServerProcess
from tests.wire.realtime.stage import EventStream, Frame, Stage, on_stage
from tests.wire.realtime.test_events import changes

FRAMES = "named", "message", "both", "dotted"


async def come_back(
    stage: Stage, last: int | str | None, path: str = "events?events=job.created"
) -> EventStream:
    headers = {"Authorization": f"Bearer {stage.key}"}
    return await stage.stream(path, {**headers, "Last-Event-ID": str(last)})


async def last_id(stage: Stage, stream: EventStream) -> int:
    """Have something happen, and the id that the stream got for it."""
    await stage.enqueue("first")
    frame = await stream.next()
    assert frame.id is not None
    return frame.id


def queues(frames: list[Frame]) -> list[str]:
    return [frame.data["queue_name"] for frame in frames]


@pytest.mark.parametrize("frames", FRAMES)
def test_what_was_missed_comes_first_with_the_bytes_it_would_have_had(frames: str) -> None:
    async def test(stage: Stage) -> None:
        query = f"queue=emails&frames={frames}"
        names = "job.created,job.started,job.status,job.completed,job.failed,job.retrying"
        path = f"events?{query}&events={names}"
        live = await stage.stream(path)
        await stage.enqueue()
        blocks = [await live.block()]
        if frames == "both":
            blocks.append(await live.block())
        [number] = [block.id for block in blocks if block is not None and block.id is not None]

        await stage.complete(await stage.claim(), result={"sent": True})
        await stage.enqueue("orders")
        await stage.enqueue(max_retries=1)
        await stage.fail(await stage.claim())
        count = (2 + 2 + 1 + 2 + 3) * (2 if frames == "both" else 1)
        seen = [await live.block() for _ in range(count)]
        back = await come_back(stage, number, path)
        again = [await back.block() for _ in range(count)]
        await stage.enqueue()

        assert seen == again
        assert await live.block() == await back.block()

    on_stage(test)


def test_ids_rise_and_stand_on_the_last_frame_of_a_transition_that_a_stream_gets() -> None:
    async def test(stage: Stage) -> None:
        names = "job.created,job.started,job.status,job.completed"
        stream = await stage.stream(f"events?events={names}")
        first_only = await stage.stream("events?events=job.started,job.completed")
        both = await stage.stream(f"events?frames=both&events={names}")

        await stage.done()
        frames = await stream.take(5)
        some = await first_only.take(2)
        twice = await both.take(10)

        ids = [frame.id for frame in frames]
        assert [number is None for number in ids] == [False, True, False, True, False]
        given = [number for number in ids if number is not None]
        assert given == sorted(set(given))
        assert [frame.id for frame in some] == given[1:]
        assert [frame.id for frame in twice[::2]] == ids
        assert [frame.id for frame in twice[1::2]] == [None] * 5

    on_stage(test)


def test_a_break_within_a_transition_repeats_it() -> None:
    async def test(stage: Stage) -> None:
        names = "job.created,job.started,job.status"
        stream = await stage.stream(f"events?events={names}")
        number = await last_id(stage, stream)
        await stage.claim("first")
        started = await stream.next()  # and no further

        back = await come_back(stage, number, f"events?events={names}")

        assert started.id is None
        assert changes(await back.take(2)) == ["job.started", "pending>processing"]

    on_stage(test)


@pytest.mark.parametrize("last", ["", "x", "-1", "0", "999999", "1.5", "9" * 30, "²"])
def test_an_id_that_nobody_was_given_is_no_reason_to_look_back(last: str) -> None:
    async def test(stage: Stage) -> None:
        await stage.enqueue("before")
        stream = await come_back(stage, last)

        await stage.enqueue("after")

        assert queues(await stream.take(1)) == ["after"]

    on_stage(test)


def test_an_id_of_another_organization_is_unknown() -> None:
    async def test(stage: Stage) -> None:
        number = await last_id(stage, await stage.stream("events?events=job.created"))
        other = {"Authorization": f"Bearer {await stage.other_org()}"}
        body = {"queue": "before", "payload": 1}
        await stage.call("POST", "/api/v1/jobs", body, headers=other)

        stream = await stage.stream(
            "events?events=job.created", {**other, "Last-Event-ID": str(number)}
        )
        await stage.call("POST", "/api/v1/jobs", {**body, "queue": "after"}, headers=other)

        assert queues(await stream.take(1)) == ["after"]

    on_stage(test)


def test_what_is_older_than_an_hour_is_too_old() -> None:
    async def test(stage: Stage) -> None:
        number = await last_id(stage, await stage.stream("events?events=job.created"))
        stage.clock.advance(seconds=3_601)
        await stage.enqueue("missed")
        stream = await come_back(stage, number)

        await stage.enqueue("after")

        assert queues(await stream.take(1)) == ["after"]

    on_stage(test)


def test_the_newest_thousand_rows_come_again_and_no_older_ones() -> None:
    async def test(stage: Stage) -> None:
        live = await stage.stream("events?events=job.created")
        too_old = await last_id(stage, live)
        for n in range(0, 1_000, 100):
            jobs = [{"payload": 1, "priority": 0} for _ in range(100)]
            await stage.post("jobs/bulk", {"queue": f"bulk-{n}", "jobs": jobs})
        frames = await live.take(1_000)
        oldest = frames[0].id

        back = await come_back(stage, oldest)
        seen = await back.take(999)
        late = await come_back(stage, too_old)
        await stage.enqueue("after")

        assert [frame.id for frame in seen] == [frame.id for frame in frames[1:]]
        assert queues(await back.take(1)) == queues(await late.take(1)) == ["after"]

    on_stage(test)


def test_filters_and_the_list_of_a_key_hold_for_what_was_missed() -> None:
    async def test(stage: Stage) -> None:
        number = await last_id(stage, await stage.stream("events?events=job.created"))
        narrow = (await stage.issue(queues=("emails", "news-*"))).secret
        for name in ("emails", "orders", "news-1"):
            await stage.enqueue(name)

        by_queue = await come_back(stage, number, "events?events=job.created&queue=orders")
        by_key = await stage.stream(
            f"events?events=job.created&token={narrow}", {"Last-Event-ID": str(number)}
        )
        one_queue = await come_back(stage, number, "events/queues/emails")

        assert queues(await by_queue.take(1)) == ["orders"]
        assert queues(await by_key.take(2)) == ["emails", "news-1"]
        assert [each.event for each in await one_queue.take(2)] == ["queue.stats", "job.created"]

    on_stage(test)


def test_a_job_stream_does_not_look_back() -> None:
    async def test(stage: Stage) -> None:
        number = await last_id(stage, await stage.stream("events?events=job.created"))
        job_id = await stage.enqueue()

        stream = await come_back(stage, number, f"events/jobs/{job_id}")
        await stage.post(f"jobs/{job_id}/cancel")

        assert changes(await stream.rest()) == [
            ">pending", "job.cancelled", "pending>cancelled",
        ]  # fmt: skip

    on_stage(test)


def test_a_result_whose_job_is_gone_is_left_out() -> None:
    async def test(stage: Stage) -> None:
        number = await last_id(stage, await stage.stream("events?events=job.created"))
        job_id = await stage.done(result={"a": 1})
        await stage.db.write(_delete, job_id)

        back = await come_back(stage, number, "events?events=job.completed")

        frame = await back.next()
        assert (frame.event, frame.data["job_id"]) == ("job.completed", job_id)
        assert "result" not in frame.data

    on_stage(test)


def _delete(tx: Tx, job_id: str) -> None:
    tx.execute(
        "DELETE FROM job_history WHERE job = (SELECT seq FROM jobs WHERE id = :id)", {"id": job_id}
    )
    assert tx.execute("DELETE FROM jobs WHERE id = :id", {"id": job_id}) == 1


def test_nothing_is_lost_and_nothing_comes_twice_while_others_write() -> None:
    async def test(stage: Stage) -> None:
        path = "events?events=job.created"
        stream = await stage.stream(path)
        number = await last_id(stage, stream)
        stop = asyncio.Event()
        made: list[str] = []

        async def write() -> None:
            while not stop.is_set():
                made.append(await stage.enqueue())

        writers = [asyncio.create_task(write()) for _ in range(4)]
        seen: list[str] = []
        for _ in range(10):
            await stream.client.close()
            stream = await come_back(stage, number, path)
            for frame in await stream.take(10):
                seen.append(frame.data["job_id"])
                assert frame.id is not None
                number = frame.id
        stop.set()
        await asyncio.gather(*writers)
        while len(seen) < len(made):
            seen.append((await stream.next()).data["job_id"])

        assert len(seen) == len(set(seen))
        assert set(seen) == set(made)

    on_stage(test)


def test_what_a_read_has_shown_is_not_told_again_however_late_it_is_announced() -> None:
    async def test(stage: Stage) -> None:
        number = await last_id(stage, await stage.stream("events?events=job.created"))
        late = held_back(stage)
        job_id = await stage.enqueue("both")

        back = await come_back(stage, number)
        of_job = await stage.stream(f"events/jobs/{job_id}")
        shown = await back.take(1)
        first = await of_job.next()
        late()
        await stage.enqueue("after")
        await stage.post(f"jobs/{job_id}/cancel")

        assert queues(shown) == ["both"]
        assert queues(await back.take(1)) == ["after"]
        assert first.data["new_status"] == "pending"
        assert changes(await of_job.rest()) == ["job.cancelled", "pending>cancelled"]

    on_stage(test)


def held_back(stage: Stage) -> Callable[[], None]:
    """Let nobody hear of what is committed, until what is returned is called."""
    bus = stage.services.bus
    held: list[Sequence[Event]] = []
    listeners = bus._listeners
    bus._listeners = [held.append]

    def go_on() -> None:
        bus._listeners = listeners
        for events in held:
            bus.publish(events)

    return go_on


def test_many_who_come_back_together_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(stage: Stage) -> None:
        number = await last_id(stage, await stage.stream("events?events=job.created"))
        await stage.enqueue("missed")
        reads = ReadsAtOnce(Reads.read)
        monkeypatch.setattr(Reads, "read", lambda *args, **more: reads(*args, **more))

        back = await asyncio.gather(*(come_back(stage, number) for _ in range(20)))

        for stream in back:
            assert queues(await stream.take(1)) == ["missed"]
        assert 1 <= reads.most <= REPLAYS_MAX

    on_stage(test)


class ReadsAtOnce:
    """Reads as ever; knows how many pages of the log were read at the same time."""

    def __init__(self, read: Any) -> None:
        self._read = read
        self._now = 0
        self.most = 0

    async def __call__(self, own: Any, operation: Any, *args: Any, **more: Any) -> Any:
        if operation is not replay_page:
            return await self._read(own, operation, *args, **more)
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            return await self._read(own, operation, *args, **more)
        finally:
            self._now -= 1


@pytest.mark.slow
def test_a_stream_comes_back_to_a_server_that_was_killed_and_started_again(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        server.start()
        with httpx.Client(
            base_url=server.url, headers={"Authorization": f"Bearer {API_KEY}"}
        ) as client:
            with client.stream("GET", "/api/v1/events?events=job.created") as stream:
                create(client, "first")
                number = next(
                    line.removeprefix("id: ")
                    for line in stream.iter_lines()
                    if line.startswith("id: ")
                )
            create(client, "missed")
        server.kill()

        server.start()
        headers = {"Authorization": f"Bearer {API_KEY}", "Last-Event-ID": number}
        with (
            httpx.Client(base_url=server.url, headers=headers) as client,
            client.stream("GET", "/api/v1/events?events=job.created") as stream,
        ):
            line = next(line for line in stream.iter_lines() if line.startswith("data: "))

        assert '"queue_name":"missed"' in line


def create(client: httpx.Client, queue_name: str) -> None:
    answer = client.post("/api/v1/jobs", json={"queue": queue_name, "payload": 1})
    assert answer.status_code == 201
