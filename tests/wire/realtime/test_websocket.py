"""The WebSocket: both dialects, subscriptions, and what is no command."""

from typing import Any

import pytest

from tests.wire.realtime.stage import NOW, Socket, Stage, on_stage, with_times

GO = {"User-Agent": "Go-http-client/1.1"}


async def created(socket: Socket) -> str:
    """The queue of the next job that was created."""
    while (message := await socket.next())["type"] not in ("JobCreated", "job.created"):
        pass
    return str(message["data"]["queue_name"])


async def subscribe(socket: Socket, **more: Any) -> None:
    await socket.say({"cmd": "Subscribe", **more})
    await socket.heard()


async def unsubscribe(socket: Socket, **more: Any) -> None:
    await socket.say({"cmd": "Unsubscribe", **more})
    await socket.heard()


async def asked(socket: Socket, kind: str, **more: Any) -> Any:
    """The answer to a command of the dotted dialect."""
    await socket.say({"type": kind, "request_id": "r-1", **more})
    return await socket.next()


def test_a_websocket_begins_with_a_ping_and_has_the_whole_envelope() -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.bare_socket(f"token={stage.key}")
        first = await socket.next()

        job_id = await stage.enqueue(priority=3)
        message = await socket.until("JobCreated")

        assert socket.connection.response is not None
        assert "sec-websocket-extensions" not in socket.connection.response.headers
        assert first == {"type": "Ping", "data": {"timestamp": NOW}, "timestamp": NOW}
        ids = {"job_id": job_id, "queue_name": "emails"}
        assert message == {
            "type": "JobCreated",
            "data": {**ids, "priority": 3, "status": "pending", "timestamp": NOW},
            "timestamp": NOW,
            **ids,
        }

    on_stage(test)


def test_pings_come_by_themselves_whatever_was_chosen() -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket("events=job.created")
        go = await stage.socket("dialect=dotted")

        assert [(await socket.next())["type"] for _ in range(3)] == ["Ping"] * 3
        assert (await go.next()) == {
            "type": "ping", "timestamp": NOW, "data": {"timestamp": NOW},
            "payload": {"timestamp": NOW},
        }  # fmt: skip

    on_stage(test, with_times(ping_seconds=0.05))


def test_a_protocol_ping_is_answered_with_a_pong() -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket()

        pong = await socket.connection.ping("hello")

        assert await pong >= 0

    on_stage(test)


# -- the enum dialect ------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["Subscribe", "subscribe", "SUBSCRIBE"])
def test_a_subscription_narrows_and_its_removal_widens_again(command: str) -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket()

        await stage.enqueue("first")
        await socket.say({"cmd": command, "queue": "emails", "job_id": None})
        await socket.say({"cmd": command, "queue": "news"})
        before = await created(socket)
        await socket.heard()
        for name in ("orders", "emails", "orders", "news"):
            await stage.enqueue(name)
        within = [await created(socket), await created(socket)]
        for name in ("emails", "news", "nobody-asked-for-this"):
            await socket.say({"cmd": f"un{command}", "queue": name})
        await socket.heard()
        await stage.enqueue("orders")

        assert before == "first"
        assert within == ["emails", "news"]
        assert await created(socket) == "orders"

    on_stage(test)


def test_one_of_several_equal_subscriptions_is_removed_at_a_time() -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket()
        for _ in range(2):
            await subscribe(socket, queue="emails", job_id=None)

        await unsubscribe(socket, queue="emails")
        await stage.enqueue("orders")
        await stage.enqueue("emails")
        still = await created(socket)
        await unsubscribe(socket, queue="emails")
        await unsubscribe(socket, queue="emails")
        await stage.enqueue("orders")

        assert still == "emails"
        assert await created(socket) == "orders"

    on_stage(test)


def test_a_subscription_to_everything_is_one() -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket()
        await subscribe(socket, queue=None, job_id=None)
        await subscribe(socket, queue="emails")

        await stage.enqueue("orders")
        every = await created(socket)
        await unsubscribe(socket)
        await stage.enqueue("orders")
        await stage.enqueue("emails")

        assert every == "orders"
        assert await created(socket) == "emails"

    on_stage(test)


def test_a_subscription_to_a_job_and_what_is_of_no_queue() -> None:
    async def test(stage: Stage) -> None:
        job_id = await stage.enqueue()
        socket = await stage.socket("events=job.cancelled")
        await subscribe(socket, job_id=job_id)

        for each in (await stage.enqueue(), job_id):
            await stage.post(f"jobs/{each}/cancel")

        assert (await socket.next())["data"]["job_id"] == job_id

    on_stage(test)


def test_the_filter_of_the_url_holds_beside_the_subscriptions() -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket("queue=emails&events=job.created")
        await subscribe(socket, queue="orders")
        await stage.enqueue("orders")
        await stage.enqueue("emails")
        await subscribe(socket, queue="emails")

        await stage.enqueue("emails", priority=9)

        assert (await socket.next())["data"]["priority"] == 9

    on_stage(test)


def test_commands_of_the_enum_dialect_are_never_acknowledged() -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket()

        for command in ("Subscribe", "Unsubscribe"):
            await socket.say({"cmd": command, "queue": "x", "request_id": "r-1"})
        await socket.say({"cmd": "Ping"})

        assert (await socket.next())["type"] == "Ping"

    on_stage(test)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{",
        "null",
        "[1]",
        '"text"',
        "5",
        "{}",
        '{"cmd": 5}',
        '{"cmd": null}',
        '{"cmd": "Destroy"}',
        '{"cmd": "Subscribe", "queue": 5}',
        '{"cmd": "Subscribe", "queue": ["emails"]}',
        '{"cmd": "Subscribe", "job_id": {}}',
        '{"cmd": "Subscribe", "queue": "a b"}',
        '{"cmd": "Subscribe", "queue": "' + "q" * 101 + '"}',
        '{"cmd": "Subscribe", "job_id": "' + "j" * 256 + '"}',
        '{"cmd": "Subscribe", "queue": "\\ud800"}',
        '{"type": 7}',
        '{"type": "auth", "token": "x"}',
        '{"type": "subscribe", "filter": 5}',
        '{"type": "what"}',
        "[" * 30_000,
        '{"cmd":' * 8_000,
        b"\x00\x01",
        b'{"cmd": "Subscribe", "queue": "orders"}',
    ],
    ids=lambda message: repr(message)[:40],
)
def test_what_is_no_command_changes_nothing(message: str | bytes) -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket("dialect=enum")
        other = await stage.socket()

        await socket.say(message)
        await socket.heard()
        await stage.enqueue("emails")

        assert await created(socket) == "emails"
        assert await created(other) == "emails"

    on_stage(test)


def test_a_queue_outside_the_list_of_the_key_is_one_error() -> None:
    async def test(stage: Stage) -> None:
        key = (await stage.issue(queues=("emails", "news"))).secret
        socket = await stage.socket("events=job.created", key=key)
        go = await stage.socket("events=job.created&dialect=dotted", key=key)

        await socket.say({"cmd": "Subscribe", "queue": "orders"})
        error = await socket.next()
        answer = await asked(go, "subscribe", filter={"queue_name": "orders"})
        await go.say({"type": "subscribe", "queue": "orders"})
        unasked = await go.next()
        await stage.enqueue("emails")

        assert error["type"] == "Error"
        assert error["data"]["code"] == "ACCESS_DENIED"
        assert (answer["type"], answer["request_id"]) == ("error", "r-1")
        assert unasked["type"] == "server.error"
        assert await created(socket) == await created(go) == "emails"

    on_stage(test)


def test_a_thousand_subscriptions_and_not_one_more() -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket("events=job.created&dialect=enum")
        other = await stage.socket("events=job.created")
        for n in range(1_000):
            await socket.say({"cmd": "Subscribe", "queue": f"queue-{n}"})
        await socket.heard()

        await socket.say({"cmd": "Subscribe", "queue": "one-more"})
        refused = await socket.next()
        await socket.say({"type": "subscribe", "request_id": "r-9", "filter": {"queue": "more"}})
        answer = await socket.next()
        await stage.enqueue("one-more")
        await stage.enqueue("queue-999")

        assert refused["type"] == "Error"
        assert answer["type"] == "error"
        assert "1000" in answer["error"]
        assert await created(socket) == "queue-999"
        assert await created(other) == "one-more"

    on_stage(test)
