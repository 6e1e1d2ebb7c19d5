"""Messages in test mode: what the journal tells of them, and what tests may expect of them."""

from typing import Any

from tests.testing.stage import Stage, play
from tests.testing.test_expect import expect

SENT = {"body": {"user": {"id": 5}, "n": 1}, "concurrency_key": "user-5", "headers": {"from": "x"}}


async def queue_of_messages(stage: Stage, *messages: dict[str, Any]) -> list[str]:
    seed = {
        "queues": [{"name": "audit"}],
        "messages": [{"queue_name": "audit", **each} for each in messages],
    }
    ids: list[str] = (await stage.post("test/seed", seed, status=201))["messages"]
    return ids


async def read(stage: Stage, hide_for_ms: int) -> list[dict[str, Any]]:
    body = {"hide_for_ms": hide_for_ms, "quantity": 10}
    found: list[dict[str, Any]] = (await stage.post("queues/audit/messages/read", body))["messages"]
    return found


async def told(stage: Stage) -> list[tuple[str, str]]:
    lines = (await stage.get("test/journal?kind=event"))["lines"]
    return [(each["what"], each["message_id"]) for each in lines if "message_id" in each]


def test_the_journal_tells_what_happened_to_messages_in_the_words_of_their_readers() -> None:
    async def script(stage: Stage) -> None:
        one, late = await queue_of_messages(
            stage, SENT, {"body": 2, "delay_ms": 5_000, "expires_in_ms": 60_000}
        )
        await read(stage, 1_000)
        moved = await stage.post("test/clock/advance", {"by": "1m"})
        await stage.post("queues/audit/messages/delete", {"ids": [one]})

        assert await told(stage) == [
            ("message.sent", one),
            ("message.sent", late),
            ("message.read", one),
            ("message.returned", one),
            ("message.visible", late),
            ("message.deleted", late),
            ("message.deleted", one),
        ]
        assert [each["what"] for each in moved["happened"]] == [
            "message.returned",
            "message.visible",
            "message.deleted",
        ]
        assert all(each["queue_name"] == "audit" for each in moved["happened"])

    play(script)


def test_messages_of_a_queue_are_expected_by_what_they_say_and_how_they_stand() -> None:
    async def script(stage: Stage) -> None:
        one, _ = await queue_of_messages(stage, SENT, {"body": [2], "delay_ms": 5_000})
        await read(stage, 30_000)
        await stage.job(queue_name="audit")

        found = await expect(
            stage,
            {"messages": "audit", "count": 2},
            {"messages": "audit", "body": {"user": {"id": 5}}, "headers": {"from": "x"}},
            {"messages": "audit", "concurrency_key": "user-5", "state": "hidden", "deliveries": 1},
            {"messages": "audit", "body": [2], "deliveries": 0, "state": "hidden", "count": 1},
            {"messages": "nowhere", "count": 0},
            {"queue": "audit", "count": 1},
            {"job_id": one},
            {"messages": "audit", "body": {"n": 2}},
        )

        passed = [each["passed"] for each in found["results"]]
        assert passed == [True] * 7 + [False], found
        near = found["results"][-1]["nearest"][0]
        assert (near["message_id"], near["differs"]) == (one, {"body.n": 1})

    play(script)


def test_messages_that_are_gone_are_expected_as_events() -> None:
    async def script(stage: Stage) -> None:
        one, two = await queue_of_messages(stage, SENT, {"body": 2})
        await read(stage, 1_000)
        await stage.post("queues/audit/messages/delete", {"ids": [one]})

        found = await expect(
            stage,
            {"event": "message.sent", "queue": "audit", "count": 2},
            {"event": "message.read", "message_id": two, "count": 1},
            {"event": "message.deleted", "count": 1},
            {"event": "message.deleted", "message_id": two, "count": 0},
            {"event": "job.created", "count": 0},
        )
        assert found["passed"], found
        found = await expect(stage, {"event": "message.returned", "queue": "audit"}, within="1h")
        assert (found["passed"], found["now"]) == (True, "2030-01-01T00:00:01.000Z")

    play(script)
