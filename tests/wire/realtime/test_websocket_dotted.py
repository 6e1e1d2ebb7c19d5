"""The dotted dialect of the WebSocket, in which whoever names a request gets an answer."""

import json
from typing import Any

import pytest

from tests.wire.realtime.stage import NOW, Stage, on_stage
from tests.wire.realtime.test_websocket import GO, asked, created


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("token={key}", GO),
        ("token={key}", {"User-Agent": "spooled-go/1.2"}),
        ("token={key}&dialect=dotted", {"User-Agent": "Mozilla/5.0"}),
        ("", {"Authorization": "Bearer {key}"}),
        ("", {"X-API-Key": "{key}"}),
    ],
)
def test_who_is_spoken_to_in_the_dotted_dialect(query: str, headers: dict[str, str]) -> None:
    async def test(stage: Stage) -> None:
        shown = {name: value.format(key=stage.key) for name, value in headers.items()}
        socket = await stage.bare_socket(query.format(key=stage.key), shown)
        first = await socket.next()

        job_id = await stage.enqueue()
        message = await socket.until("job.created")

        data = {
            "job_id": job_id, "queue_name": "emails", "priority": 0, "status": "pending",
            "timestamp": NOW,
        }  # fmt: skip
        assert first["type"] == "ping"
        assert message == {
            "type": "job.created", "timestamp": NOW, "data": data, "payload": data,
        }  # fmt: skip

    on_stage(test)


def test_a_header_can_be_spoken_to_in_the_enum_dialect_when_it_asks() -> None:
    async def test(stage: Stage) -> None:
        headers = {"Authorization": f"Bearer {stage.key}", **GO}
        socket = await stage.bare_socket("dialect=enum", headers)

        assert (await socket.next())["type"] == "Ping"

    on_stage(test)


def test_the_tag_of_a_command_changes_the_dialect() -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket("events=job.created,worker.registered")

        answer = await asked(socket, "subscribe", filter={})
        await stage.enqueue()
        dotted = await socket.next()
        await socket.say({"cmd": "Ping"})
        ping = await socket.next()
        await stage.enqueue()
        plain = await socket.next()

        assert answer == {"type": "subscribed", "request_id": "r-1"}
        assert (dotted["type"], ping["type"], plain["type"]) == (
            "job.created",
            "Ping",
            "JobCreated",
        )

    on_stage(test)


@pytest.mark.parametrize(
    ("more", "passes"),
    [
        ({"filter": {"queue_name": "emails"}}, ["emails"]),
        ({"filter": {"queue": "emails"}}, ["emails"]),
        ({"filter": {"queues": ["emails", "news"]}}, ["emails", "news"]),
        ({"queue": "emails"}, ["emails"]),
        ({"queue_name": "emails", "filter": None}, ["emails"]),
        ({"queues": ["emails", "news"]}, ["emails", "news"]),
        ({"topics": ["queue:emails", "queue:news:jobs", "weather"]}, ["emails", "news"]),
        ({"filter": {"topics": ["queue:emails"]}}, ["emails"]),
        ({"topics": ["organization"]}, ["orders", "emails", "news"]),
        ({"topics": ["nothing", "known"]}, ["orders", "emails", "news"]),
        ({"filter": {}}, ["orders", "emails", "news"]),
        ({}, ["orders", "emails", "news"]),
        ({"filter": {"events": ["job.created"]}}, ["orders", "emails", "news"]),
        ({"filter": {"events": ["job.completed"], "queue": "emails"}}, []),
    ],
)
def test_every_way_to_say_what_one_wants(more: dict[str, Any], passes: list[str]) -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket("dialect=dotted&events=job.created,queue.paused")

        answer = await asked(socket, "subscribe", **more)
        for name in ("orders", "emails", "news"):
            await stage.enqueue(name)
        seen = [await created(socket) for _ in passes]
        gone = await asked(socket, "unsubscribe", **more)
        await stage.enqueue("after")

        assert answer == {"type": "subscribed", "request_id": "r-1"}
        assert seen == passes
        assert gone == {"type": "unsubscribed", "request_id": "r-1"}
        assert await created(socket) == "after"

    on_stage(test)


def test_subscriptions_to_workers_and_to_one_job() -> None:
    async def test(stage: Stage) -> None:
        job_id = await stage.enqueue()
        workers = await stage.socket("dialect=dotted")
        one_job = await stage.socket("dialect=dotted")
        one_worker = await stage.socket("dialect=dotted")
        await asked(workers, "subscribe", topics=["workers"])
        await asked(one_job, "subscribe", topics=[f"job:{job_id}"])
        await asked(one_worker, "subscribe", filter={"worker_id": "w-2"})

        await stage.enqueue("orders")
        await stage.post("workers/register", {"queue_name": "emails", "worker_id": "w-2"})
        await stage.post("workers/w-2/heartbeat", {})
        await stage.post("workers/w-2/deregister")
        await stage.post(f"jobs/{job_id}/cancel")

        of_workers = [(await workers.next())["type"] for _ in range(3)]
        assert of_workers == ["worker.joined", "worker.active", "worker.left"]
        assert [(await one_worker.next())["type"] for _ in range(3)] == of_workers
        assert (await one_job.next())["type"] == "job.cancelled"
        assert (await one_job.next())["type"] == "job.status_changed"

    on_stage(test)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "destroy"},
        {"type": "subscribe", "filter": 5},
        {"type": "subscribe", "filter": {"queue_name": 5}},
        {"type": "subscribe", "filter": {"queues": "emails"}},
        {"type": "subscribe", "filter": {"events": [5]}},
        {"type": "subscribe", "filter": {"queue_name": "a b"}},
        {"type": "subscribe", "filter": {"queues": [f"q-{n}" for n in range(101)]}},
        {"type": "subscribe", "filter": {"job_id": "j" * 256}},
        {"type": "subscribe", "topics": "organization"},
    ],
    ids=lambda message: json.dumps(message)[:50],
)
def test_a_bad_command_with_a_request_id_is_answered_with_an_error(message: Any) -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket("events=job.created&dialect=dotted")

        await socket.say({**message, "request_id": "r-7"})
        answer = await socket.next()
        await socket.say(message)  # without one nobody waits for an answer
        await stage.enqueue()

        assert answer.keys() == {"type", "request_id", "error"}
        assert (answer["type"], answer["request_id"]) == ("error", "r-7")
        assert answer["error"]
        assert await created(socket) == "emails"

    on_stage(test)


def test_answers_go_out_ahead_of_the_events_in_line() -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket("events=job.created&dialect=dotted")
        for _ in range(3):
            await stage.post("jobs/bulk", {"queue": "x", "jobs": [{"payload": 1}] * 100})

        await socket.say({"type": "ping"})
        await asked(socket, "subscribe", filter={"queue": "emails"})

    on_stage(test)
