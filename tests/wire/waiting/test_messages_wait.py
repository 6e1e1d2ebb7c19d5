"""Reads of messages that wait, over a real server."""

from typing import Any

from tests.wire.http.raw_http import Client
from tests.wire.waiting.stage import Stage, play

READ = "queues/emails/messages/read"


async def messages(client: Client) -> list[Any]:
    return [each["body"] for each in (await client.read_answer()).json["messages"]]


def test_one_who_waits_is_answered_early_or_empty_in_the_end() -> None:
    async def script(stage: Stage) -> None:
        await stage.post("queues", {"name": "emails"})
        client = await stage.waiting(path=READ)

        await stage.post("queues/emails/messages", {"body": 1})

        assert await messages(client) == [1]
        assert (await stage.post(READ, {"wait_ms": 20}))["messages"] == []
        await stage.until(lambda: stage.count() == 0)

    play(script)


def test_one_who_waits_is_woken_when_a_delayed_message_becomes_visible() -> None:
    async def script(stage: Stage) -> None:
        await stage.post("queues", {"name": "emails"})
        client = await stage.waiting(path=READ)
        await stage.post("queues/emails/messages", {"body": 1, "delay_ms": 60_000})
        stage.clock.advance(seconds=59)
        await stage.db.write(lambda tx: None)
        assert stage.count() == 1

        stage.clock.advance(seconds=1)

        assert await messages(client) == [1]

    play(script)


def test_one_who_waits_is_woken_when_a_reader_loses_a_message() -> None:
    async def script(stage: Stage) -> None:
        await stage.post("queues", {"name": "emails"})
        await stage.post("queues/emails/messages", {"body": 1})
        assert len((await stage.post(READ, {"hide_for_ms": 5_000}))["messages"]) == 1
        client = await stage.waiting(path=READ)

        stage.clock.advance(seconds=5)

        assert await messages(client) == [1]

    play(script)
