"""What is owed is delivered: by the ladder, signed, whatever receivers do, and nobody waits."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.jobs.passes import Pass
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.claim import claim
from spooled_lite.core.lifecycle.settle import complete
from spooled_lite.core.webhooks.hold import hold_webhooks, resume_webhooks
from spooled_lite.core.webhooks.records import WebhookChanges
from spooled_lite.core.webhooks.subscribe import change_webhook, delete_webhook
from spooled_lite.errors import Unavailable
from spooled_lite.outbound.signatures import sign
from spooled_lite.storage.database import Database
from spooled_lite.storage.transaction import Tx
from tests.background.courier_stage import delivering, received
from tests.core.stage import OPEN
from tests.factories import a_claim, a_job
from tests.outbound.receiver import Receiver, Request
from tests.storage.stage import NOON_MS, run

LADDER = (1, 2, 4, 8)
SECRET = "whsec_test"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as it:
        yield it


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


def path_of(url: str) -> str:
    return "/" + url.partition("//")[2].partition("/")[2]


def is_signed(request: Request, secret: str = SECRET) -> bool:
    timestamp = int(request.header("x-spooled-timestamp") or "0")
    expected = sign(secret, timestamp, request.body.encode("latin-1"))
    return request.header("x-spooled-signature") == expected


# -- a call ----------------------------------------------------------------------------------


def test_a_call_has_the_headers_and_the_body_of_the_contract(
    path: Path, receiver: Receiver
) -> None:
    async def main() -> None:
        url = receiver.url("ok", "headers")
        async with delivering(path) as stage:
            webhook = await stage.subscribe(url, secret=SECRET)
            await stage.enqueue()
            await stage.settled()

            [request] = await received(receiver, path_of(url))
            [row] = await stage.deliveries()
            hook = await stage.hook(webhook)

        assert (request.method, request.body.encode("latin-1")) == ("POST", row["body"])
        shown = {name: request.header(name) for name in (
            "content-type", "user-agent", "x-spooled-event", "x-spooled-timestamp",
            "x-spooled-delivery-attempt", "x-spooled-delivery-id", "x-spooled-delivery",
        )}  # fmt: skip
        assert shown == {
            "content-type": "application/json",
            "user-agent": "Spooled-Webhook/1.0",
            "x-spooled-event": "job.created",
            "x-spooled-timestamp": str(NOON_MS // 1000),
            "x-spooled-delivery-attempt": "1",
            "x-spooled-delivery-id": row["id"],
            "x-spooled-delivery": row["id"],
        }
        assert is_signed(request)
        assert not is_signed(request, "another")
        assert (row["status"], row["status_code"], row["response_body"]) == ("success", 200, "ok")
        assert (hook["last_status"], hook["last_triggered_at_ms"]) == ("success", NOON_MS)
        counted = stage.metrics.counted
        assert counted("spooled_webhook_attempts_total") == 1
        assert counted("spooled_webhook_delivered_total") == 1

    run(main())


def test_without_a_secret_there_is_no_signature(path: Path, receiver: Receiver) -> None:
    async def main() -> None:
        url = receiver.url("ok", "unsigned")
        async with delivering(path) as stage:
            await stage.subscribe(url)
            await stage.enqueue()
            await stage.settled()

        [request] = await received(receiver, path_of(url))
        assert request.header("x-spooled-signature") is None

    run(main())


def test_a_chat_format_is_made_when_it_is_sent_and_signed_as_it_is_sent(
    path: Path, receiver: Receiver
) -> None:
    async def main() -> None:
        url = receiver.url("ok", "chat")
        async with delivering(path) as stage:
            await stage.subscribe(url, format="slack", secret=SECRET)
            await stage.enqueue()
            await stage.settled()
            [row] = await stage.deliveries()

        [request] = await received(receiver, path_of(url))
        assert json.loads(request.body)["text"].startswith("job.created: job ")
        assert is_signed(request)
        assert json.loads(row["body"])["event"] == "job.created", "the envelope is what is kept"

    run(main())


def test_calls_that_are_held_are_made_once_they_are_resumed(
    path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        url = receiver.url("ok", "held")
        async with delivering(path) as stage:
            await stage.subscribe(url)
            await stage.database.write(hold_webhooks)
            await stage.enqueue()
            await stage.settled()
            await stage.enqueue()
            await stage.settled()
            held = await stage.deliveries()

            await stage.database.write(resume_webhooks)
            await received(receiver, path_of(url), count=2)
            await stage.settled()
            made = await stage.deliveries()

        assert [row["status"] for row in held] == ["pending", "pending"]
        assert [row["attempts"] for row in held] == [0, 0]
        assert [row["status"] for row in made] == ["success", "success"]

    run(main())
    assert caplog.text.count("webhook calls are held") == 1


# -- the ladder, by everything a receiver can do wrong ---------------------------------------


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("500", "HTTP 500 Internal Server Error"),
        ("404", "HTTP 404 Not Found"),
        ("302 Location: /ok/followed", "HTTP 302 Found"),
        ("429", "HTTP 429 Too Many Requests"),
        ("resets", "Request failed"),
        ("closes", "Request failed"),
        ("garbage", "Request failed"),
        ("truncates", "Request failed"),
        ("huge-headers", "Request failed"),
    ],
)
def test_every_failure_goes_up_the_ladder_and_ends(
    path: Path, receiver: Receiver, mode: str, error: str
) -> None:
    async def main() -> None:
        url = receiver.url(mode, "ladder")
        async with delivering(path) as stage:
            webhook = await stage.subscribe(url, secret=SECRET)
            await stage.enqueue()
            await stage.settled()
            for number, seconds in enumerate(LADDER, start=1):
                [row] = await stage.deliveries()
                assert (row["status"], row["attempts"], row["error"]) == ("pending", number, error)
                stage.clock.advance(seconds=seconds - 0.001)
                await stage.settled()
                assert (await stage.deliveries())[0]["attempts"] == number, "too early"
                stage.clock.advance(seconds=0.001)
                await stage.settled()
            stage.clock.advance(seconds=3600)
            await stage.settled()
            [row] = await stage.deliveries()
            hook = await stage.hook(webhook)

        requests = await received(receiver, path_of(url))
        numbers = [request.header("x-spooled-delivery-attempt") for request in requests]
        times = [int(request.header("x-spooled-timestamp") or 0) for request in requests]
        assert numbers == ["1", "2", "3", "4", "5"]
        assert [later - NOON_MS // 1000 for later in times] == [0, 1, 3, 7, 15]
        assert {request.header("x-spooled-delivery-id") for request in requests} == {row["id"]}
        assert len({request.body for request in requests}) == 1
        assert all(map(is_signed, requests)), "signed anew each time"
        assert (row["status"], row["attempts"], row["error"]) == ("failed", 5, error)
        assert (hook["failure_count"], hook["last_status"]) == (1, "failed")
        assert await received(receiver, "/ok/followed") == []

    run(main())


def test_a_receiver_that_asks_for_time_gets_it(path: Path, receiver: Receiver) -> None:
    async def main() -> None:
        url = receiver.url("busy", "later")
        receiver.answer(path_of(url), "429 Retry-After: 7", "503 Retry-After: 0", "200")
        async with delivering(path) as stage:
            await stage.subscribe(url)
            await stage.enqueue()
            await stage.settled()
            waits = []
            for _ in range(2):
                [row] = await stage.deliveries()
                next_at_ms = row["next_attempt_at_ms"]
                assert next_at_ms is not None
                waits.append(next_at_ms - stage.clock.now_ms())
                stage.clock.set(next_at_ms)
                await stage.settled()
            [row] = await stage.deliveries()

        assert waits == [7_000, 2_000]
        assert (row["status"], row["attempts"]) == ("success", 3)

    run(main())


def test_twenty_in_a_row_switch_it_off_and_nothing_more_is_sent(
    path: Path, receiver: Receiver
) -> None:
    async def main() -> None:
        url = receiver.url("500", "off")
        async with delivering(path) as stage:
            webhook = await stage.subscribe(url)
            await stage.enqueue(30)
            for seconds in (0, *LADDER, 60):
                stage.clock.advance(seconds=seconds)
                await stage.settled()
            await stage.cleared()
            hook, rows = await stage.hook(webhook), await stage.deliveries()
            calls = len(await received(receiver, path_of(url)))
            await stage.enqueue()
            await stage.settled()
            rows_later = await stage.deliveries()

        assert (hook["enabled"], hook["last_status"]) == (0, "auto_disabled")
        assert hook["failure_count"] >= 20
        assert {row["status"] for row in rows} == {"failed"}
        assert len(rows_later) == 30
        assert len(await received(receiver, path_of(url))) == calls

    run(main())


# -- nobody waits for another ----------------------------------------------------------------


@pytest.mark.parametrize("mode", ["hangs", "drips", "drips-headers"])
def test_one_that_does_not_end_holds_up_nobody_else(
    path: Path, receiver: Receiver, mode: str
) -> None:
    async def main() -> None:
        stuck, fine = receiver.url(mode, "stuck"), receiver.url("ok", f"fine-{mode}")
        async with delivering(path) as stage:
            await stage.subscribe(stuck)
            await stage.subscribe(fine)
            began = time.monotonic()
            await stage.enqueue(100)
            requests = await received(receiver, path_of(fine), count=100, over=True)
            seconds = time.monotonic() - began
            under_way = stage.courier.under_way()

            assert len(requests) == 100
            assert seconds < 10, seconds
            assert under_way <= 5
            assert len(await received(receiver, path_of(stuck))) <= 1

    run(main())


def test_an_endless_answer_is_read_to_its_beginning_only(path: Path, receiver: Receiver) -> None:
    async def main() -> None:
        async with delivering(path) as stage:
            await stage.subscribe(receiver.url("endless", "body"))
            await stage.enqueue()
            await stage.settled()
            [row] = await stage.deliveries()

        assert (row["status"], len(row["response_body"] or "")) == ("success", 500)

    run(main())


def test_much_that_is_owed_to_one_holds_up_nobody_else(path: Path, receiver: Receiver) -> None:
    async def main() -> None:
        busy, quiet = receiver.url("slow 0.05", "busy"), receiver.url("ok", "quiet")
        async with delivering(path) as stage:
            await stage.subscribe(busy)
            await stage.enqueue(2_000)
            await stage.subscribe(quiet)
            await stage.enqueue()

            await received(receiver, path_of(quiet), count=1, over=True)

            assert len(await received(receiver, path_of(busy))) < 200

    run(main())


def test_four_at_a_time_to_one_endpoint(path: Path, receiver: Receiver) -> None:
    async def main() -> None:
        url = receiver.url("turns", "four")
        receiver.answer(path_of(url), "ok", "hangs")
        async with delivering(path) as stage:
            await stage.subscribe(url)
            await stage.enqueue()
            await stage.settled()
            await stage.enqueue(20)
            await received(receiver, path_of(url), count=5)
            await stage.looked()

            assert stage.courier.under_way() == 4
            assert len(await received(receiver, path_of(url))) == 5

    run(main())


def test_the_end_of_one_begins_the_next_to_the_same_endpoint(
    path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        url = receiver.url("ok", "next")
        async with delivering(path) as stage:
            await stage.subscribe(url)
            await stage.enqueue()
            await stage.settled()
            begun = 0
            run_once = stage.courier.run_once

            async def until_begun(database: Database) -> Pass:
                nonlocal begun
                done = Pass(0, None) if begun else await run_once(database)
                begun += done.done
                return done

            monkeypatch.setattr(stage.courier, "run_once", until_begun)
            await stage.enqueue(9)

            requests = await received(receiver, path_of(url), count=10, over=True)

            assert (len(requests), begun) == (10, 4)
            assert len({each.header("x-spooled-delivery-id") for each in requests}) == 10

    run(main())


def test_so_many_at_a_time_in_all_and_the_rest_gets_its_turn(
    path: Path, receiver: Receiver
) -> None:
    async def main() -> None:
        urls = [receiver.url("slow 0.2", f"crowd-{number}") for number in range(100)]
        async with delivering(path) as stage:
            for url in urls:
                await stage.subscribe(url)
            await stage.enqueue()
            await stage.looked()
            assert stage.courier.under_way() <= 64
            await stage.settled()
            rows = await stage.deliveries()

        assert [row["status"] for row in rows] == ["success"] * 100

    run(main())


# -- changes while something is owed ---------------------------------------------------------


def test_a_new_address_and_secret_count_from_the_next_attempt_on(
    path: Path, receiver: Receiver
) -> None:
    async def main() -> None:
        old, new = receiver.url("500", "old"), receiver.url("ok", "new")
        async with delivering(path) as stage:
            webhook = await stage.subscribe(old, secret="old")
            await stage.enqueue()
            await stage.settled()
            changes = WebhookChanges({"url": new, "secret": SECRET})
            await stage.database.write(change_webhook, stage.org, webhook["id"], changes, None)
            stage.clock.advance(seconds=1)
            await stage.settled()

        [request] = await received(receiver, path_of(new))
        assert request.header("x-spooled-delivery-attempt") == "2"
        assert is_signed(request)

    run(main())


def test_a_deleted_webhook_is_called_no_more(path: Path, receiver: Receiver) -> None:
    async def main() -> None:
        url = receiver.url("500", "deleted")
        async with delivering(path) as stage:
            webhook = await stage.subscribe(url)
            await stage.enqueue(10)
            await stage.settled()
            calls = len(await received(receiver, path_of(url)))
            await stage.database.write(delete_webhook, stage.org, webhook["id"])
            stage.clock.advance(seconds=60)
            await stage.settled()

            await stage.cleared()

            assert len(await received(receiver, path_of(url))) == calls
            assert await stage.deliveries() == []

    run(main())


def test_an_address_that_is_not_allowed_any_more_is_not_called(
    path: Path, receiver: Receiver
) -> None:
    async def main() -> None:
        async with delivering(path) as stage:
            # As a server that was started anew in production sees one of development.
            await stage.subscribe("http://10.0.0.1/hook")
            await stage.enqueue()
            await stage.settled()
            [row] = await stage.deliveries()

        assert (row["error"], row["status_code"]) == ("Invalid webhook URL", None)
        assert row["response_body"] is None

    run(main())


def test_a_completion_webhook_is_signed_with_its_own_secret(path: Path, receiver: Receiver) -> None:
    async def main() -> None:
        url = receiver.url("ok", "completion")
        async with delivering(path) as stage:
            await stage.enqueue(completion_webhook=url, completion_webhook_secret=SECRET)
            [job] = await stage.database.write(claim, stage.org, a_claim())
            await stage.database.write(
                complete, stage.org, job["id"], Claimant(), b'{"ok": 1}', ALL_QUEUES
            )
            await stage.settled()
            [row] = await stage.deliveries()

        [request] = await received(receiver, path_of(url))
        body = json.loads(request.body)
        assert (body["event"], body["job_id"], body["result"]) == (
            "job.completed", job["id"], {"ok": 1},
        )  # fmt: skip
        assert request.header("x-spooled-event") == "job.completed"
        assert is_signed(request)
        assert row["status"] == "success"

    run(main())


def test_what_cannot_be_sent_at_all_has_failed_as_any_other(
    path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        url = receiver.url("ok", "unreadable")

        def enqueue_spoilt(tx: Tx, org: int) -> None:
            enqueue(tx, org, a_job(), OPEN, ALL_QUEUES)
            tx.execute("UPDATE deliveries SET body = x'ff'")

        async with delivering(path) as stage:
            await stage.subscribe(url, format="slack")
            await stage.database.write(enqueue_spoilt, stage.org)
            for seconds in (0, *LADDER):
                stage.clock.advance(seconds=seconds)
                await stage.settled()
            [row] = await stage.deliveries()

        assert (row["status"], row["attempts"], row["error"]) == ("failed", 5, "Request failed")
        assert await received(receiver, path_of(url)) == []

    run(main())

    assert "calling a webhook failed unexpectedly" in caplog.text


# -- stopping and trouble --------------------------------------------------------------------


def test_a_stop_waits_for_what_is_under_way_and_leaves_the_rest_owed(
    path: Path, receiver: Receiver
) -> None:
    async def main() -> None:
        slow, stuck = receiver.url("slow 0.3", "stop"), receiver.url("hangs", "stop")
        async with delivering(path) as stage:
            done = await stage.subscribe(slow)
            owed = await stage.subscribe(stuck)
            await stage.enqueue()
            await received(receiver, path_of(slow), count=1)
            await received(receiver, path_of(stuck), count=1)

            began = time.monotonic()
            await stage.end(grace_seconds=1.0)

            assert time.monotonic() - began < 5
            assert [row["status"] for row in await stage.deliveries(done)] == ["success"]
            [row] = await stage.deliveries(owed)
            assert (row["status"], row["attempts"]) == ("pending", 0)

        receiver.answer(path_of(stuck), "ok")
        async with delivering(path) as stage:
            await stage.settled()
            [row] = await stage.deliveries(owed)
            assert (row["status"], row["attempts"]) == ("success", 1)
        requests = await received(receiver, path_of(stuck))
        assert [each.header("x-spooled-delivery-attempt") for each in requests] == ["1", "1"]
        assert len({each.header("x-spooled-delivery-id") for each in requests}) == 1

    run(main())


def test_a_stop_begins_nothing_more(path: Path, receiver: Receiver) -> None:
    async def main() -> None:
        url = receiver.url("turns", "stop")
        receiver.answer(path_of(url), "ok", "hangs")
        async with delivering(path) as stage:
            await stage.subscribe(url)
            await stage.enqueue()
            await stage.settled()
            await stage.enqueue(9)
            await received(receiver, path_of(url), count=5)

            await stage.end(grace_seconds=0.0)

            assert stage.courier.under_way() == 0
            assert len(await received(receiver, path_of(url))) == 5
            statuses = sorted(row["status"] for row in await stage.deliveries())
            assert statuses == ["pending"] * 9 + ["success"]

    run(main())


def test_a_second_signal_ends_the_wait(path: Path, receiver: Receiver) -> None:
    async def main() -> None:
        url = receiver.url("hangs", "second")
        async with delivering(path) as stage:
            await stage.subscribe(url)
            await stage.enqueue()
            await received(receiver, path_of(url), count=1)
            at_once = asyncio.Event()
            finishing = asyncio.create_task(stage.courier.finish(60, at_once))

            at_once.set()
            await asyncio.wait_for(finishing, 5)

            assert stage.courier.under_way() == 0

    run(main())


class Refusing:
    """A database that takes no writes for a while."""

    def __init__(self, behind: Database, refusals: int) -> None:
        self._behind = behind
        self.refusals = refusals

    async def write(self, *arguments: Any) -> Any:
        if self.refusals:
            self.refusals -= 1
            raise Unavailable("storage_full", "No room is left on the disk")
        return await self._behind.write(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)


def test_what_could_not_be_written_down_is_written_down_later_and_not_sent_again(
    path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spooled_lite.background.courier.ERROR_PAUSE_SECONDS", 0.01)

    async def main() -> None:
        url = receiver.url("ok", "refusing")
        async with delivering(path) as stage:
            refusing = Refusing(stage.database, 3)
            run_once = stage.courier.run_once
            monkeypatch.setattr(stage.courier, "run_once", lambda _: run_once(refusing))  # type: ignore[arg-type]
            await stage.subscribe(url)
            await stage.enqueue()
            await stage.settled()
            [row] = await stage.deliveries()

        assert refusing.refusals == 0
        assert (row["status"], row["attempts"]) == ("success", 1)
        assert len(await received(receiver, path_of(url))) == 1

    run(main())


def test_many_deliveries_arrive_each_once(path: Path, receiver: Receiver) -> None:
    async def main() -> None:
        urls = [receiver.url("ok", f"many-{number}") for number in range(5)]
        async with delivering(path) as stage:
            for url in urls:
                await stage.subscribe(url)
            for _ in range(10):
                await stage.enqueue(20)
            await stage.settled()
            rows = await stage.deliveries()

        assert len(rows) == 1000
        assert {row["status"] for row in rows} == {"success"}
        ids = [
            request.header("x-spooled-delivery-id")
            for url in urls
            for request in await received(receiver, path_of(url))
        ]
        assert sorted(map(str, ids)) == sorted(row["id"] for row in rows)

    run(main())
