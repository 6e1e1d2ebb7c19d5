"""Faults on request of what a world sends: calls of webhooks, and mails."""

import logging
from collections.abc import Mapping
from typing import Any, Final

import pytest

from spooled_lite.outbound.http_client import REQUEST_FAILED, ReceiverAnswer
from tests.testing.stage import Stage, play

SHOP: Final = "https://inbox.test/shop"
ELSEWHERE: Final = "https://receiver.example/hook"
ADA: Final = "ada@example.com"


class Noting:
    """A receiver elsewhere, that answers with 200."""

    def __init__(self) -> None:
        self.calls: list[Mapping[str, str]] = []

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, total_seconds: float
    ) -> ReceiverAnswer:
        self.calls.append(headers)
        return ReceiverAnswer(status_code=200, duration_ms=1)

    async def close(self) -> None:
        pass


async def fault(stage: Stage, on: dict[str, Any], do: dict[str, Any], **more: Any) -> str:
    made = await stage.post("test/faults", {"on": on, "do": do, **more})
    return str(made["id"])


async def webhook(stage: Stage, url: str = SHOP) -> str:
    body = {"name": "shop", "url": url, "events": ["job.created"]}
    return str((await stage.post("outgoing-webhooks", body))["id"])


async def received(stage: Stage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await stage.get("test/inbox/webhooks"))["webhooks"]
    return found


@pytest.mark.parametrize(
    ("do", "shown", "attempts", "calls"),
    [
        ({"receiver": {"status": 503}}, (503, "HTTP 503 Service Unavailable"), [1, 2], 1),
        ({"receiver": {"status": 503, "headers": {"Retry-After": "7"}}}, (503, "HTTP 503 Service Unavailable"), [1, 2], 7),  # noqa: E501
        ({"receiver": "timeout"}, (None, REQUEST_FAILED), [2], 1),
        ({"receiver": "reset"}, (None, REQUEST_FAILED), [2], 1),
    ],
)  # fmt: skip
def test_a_receiver_fails_and_the_next_attempt_is_made(
    do: dict[str, Any], shown: tuple[int | None, str], attempts: list[int], calls: int
) -> None:
    async def script(stage: Stage) -> None:
        webhook_id = await webhook(stage)
        made = await fault(stage, {"delivery": {"event": "job.created", "url": SHOP}}, do, times=1)
        await stage.job()
        await stage.move("settle")
        [delivery] = await stage.get(f"outgoing-webhooks/{webhook_id}/deliveries")
        assert (delivery["status_code"], delivery["error"]) == shown
        assert delivery["status"] == "pending"
        moved = await stage.move("next")
        assert moved["now"] == f"2030-01-01T00:00:0{calls}.000Z", "the ladder, or Retry-After"
        [delivery] = await stage.get(f"outgoing-webhooks/{webhook_id}/deliveries")
        assert (delivery["status"], delivery["attempts"]) == ("success", 2)
        assert [each["attempt"] for each in await received(stage)] == attempts
        told = (await stage.get("test/journal?kind=fault,delivery"))["lines"]
        assert [each["kind"] for each in told] == ["fault", "delivery", "delivery"]
        assert (told[0]["id"], told[0]["what"]) == (made, "delivery")

    play(script)


def test_a_receiver_answers_with_a_body_and_late() -> None:
    async def script(stage: Stage) -> None:
        webhook_id = await webhook(stage)
        late = {"status": 202, "body": {"queued": True}, "latency_ms": 20}
        await fault(stage, {"delivery": {}}, {"receiver": late})
        answer = await stage.post(f"outgoing-webhooks/{webhook_id}/test")
        assert (answer["status_code"], answer["success"]) == (202, True)
        assert answer["response_time_ms"] == 20
        await stage.job()
        await stage.move("settle")
        [delivery] = await stage.get(f"outgoing-webhooks/{webhook_id}/deliveries")
        assert delivery["response_body"] == '{"queued":true}'
        await stage.api.delete("test/faults")
        await fault(stage, {"delivery": {}}, {"receiver": {"latency_ms": 60_000}})
        answer = await stage.post(f"outgoing-webhooks/{webhook_id}/test")
        assert answer["success"] is False, "later than the server waits, which nobody waits out"

    play(script)


def test_a_call_comes_twice_or_is_lost_and_is_recorded_as_sent() -> None:
    async def script(stage: Stage) -> None:
        webhook_id = await webhook(stage)
        await fault(stage, {"delivery": {}}, {"deliver_twice": True}, times=1)
        await stage.job()
        first, second = await received(stage)
        assert first["delivery_id"] == second["delivery_id"]
        assert (first["attempt"], second["attempt"]) == (1, 1)
        assert first["signature"] == second["signature"]
        await fault(stage, {"delivery": {}}, {"lose": True}, times=1)
        await stage.job()
        assert len(await received(stage)) == 2
        deliveries = await stage.get(f"outgoing-webhooks/{webhook_id}/deliveries")
        assert [(each["status"], each["attempts"]) for each in deliveries] == [("success", 1)] * 2

    play(script)


def test_a_receiver_elsewhere_is_not_called_or_called_twice() -> None:
    elsewhere = Noting()

    async def script(stage: Stage) -> None:
        await webhook(stage, ELSEWHERE)
        for do in ({"receiver": {"status": 200}}, {"lose": True}, {"deliver_twice": True}):
            await fault(stage, {"delivery": {"url": ELSEWHERE}}, do, times=1)
            await stage.job()
            await stage.move("settle")

    play(script, outgoing=elsewhere)
    assert len(elsewhere.calls) == 2
    assert len({each["X-Spooled-Delivery-ID"] for each in elsewhere.calls}) == 1


def test_the_completion_webhook_of_a_job_is_struck_as_any_other() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.job(completion_webhook=SHOP)
        on = {"delivery": {"event": "job.completed"}, "job_id": job_id, "queue": "emails"}
        await fault(stage, on, {"receiver": {"status": 500}}, times=1)
        [job] = await stage.claim()
        body = {"worker_id": "by hand", "lease_id": job["lease_id"]}
        await stage.post(f"jobs/{job_id}/complete", body)
        assert [each["attempt"] for each in await received(stage)] == [1]
        await stage.move("next")
        assert [each["attempt"] for each in await received(stage)] == [1, 2]

    play(script)


@pytest.mark.parametrize(
    ("on", "is_struck"),
    [
        ({"delivery": {"url": f"{SHOP}/"}}, False),
        ({"delivery": {"event": "job.failed"}}, False),
        ({"delivery": {}, "queue": "emails"}, True),
        ({"delivery": {}, "queue": "others"}, False),
        ({"delivery": {}, "job_id": "none"}, False),
        ({"delivery": {}, "body": {"data": {"queue_name": "emails"}}}, True),
        ({"delivery": {}, "body": {"data": {"queue_name": "others"}}}, False),
        ({"delivery": {}, "headers": {"x-spooled-event": "job.created"}}, True),
        ({"delivery": {}, "headers": {"x-spooled-event": "job.failed"}}, False),
        ({"mail": {}}, False),
        ({"route": "*"}, False),
    ],
)
def test_which_calls_a_rule_strikes(on: dict[str, Any], is_struck: bool) -> None:
    async def script(stage: Stage) -> None:
        await webhook(stage)
        do: dict[str, Any] = {"latency_ms": 1} if {"mail", "route"} & on.keys() else {"lose": True}
        await fault(stage, on, do)
        await stage.job()
        assert len(await received(stage)) == (0 if is_struck else 1)

    play(script)


def test_the_queue_of_what_is_about_no_job_is_known_as_well() -> None:
    async def script(stage: Stage) -> None:
        body = {"name": "shop", "url": SHOP, "events": ["queue.paused"]}
        await stage.post("outgoing-webhooks", body)
        await stage.job()
        on = {"delivery": {"event": "queue.paused"}, "queue": "emails"}
        await fault(stage, on, {"latency_ms": [1, 2], "where": "answer"})
        await stage.post("queues/emails/pause")
        assert len(await received(stage)) == 1
        [rule] = (await stage.get("test/faults"))["faults"]
        assert rule["struck"] == 1

    play(script)


def test_a_mail_comes_twice_is_lost_or_fails(caplog: pytest.LogCaptureFixture) -> None:
    async def script(stage: Stage) -> list[int]:
        counts = []
        for do in ({"deliver_twice": True}, {"lose": True}, {"failure": True}, {"latency_ms": 5}):
            await fault(stage, {"mail": {"to": ADA}}, do, times=1)
            await fault(stage, {"mail": {"to": "other@example.com"}}, {"failure": True})
            await stage.api.delete("test/inbox/mails")
            answer = await stage.api.post("auth/email/start", json={"email": ADA})
            assert answer.is_success, answer.text
            await stage.move("advance", by="2m")
            counts.append(len((await stage.get("test/inbox/mails"))["mails"]))
            await stage.api.delete("test/faults")
        told = (await stage.get("test/journal?kind=fault,mail"))["lines"]
        assert [each["what"] for each in told if each["kind"] == "fault"] == ["mail"] * 4
        assert len([each for each in told if each["kind"] == "mail"]) == 4
        return counts

    with caplog.at_level(logging.WARNING):
        assert play(script) == [2, 0, 0, 1]
    assert "a mail was not sent: SMTPException" in caplog.text
