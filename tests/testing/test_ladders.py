"""Real workers and real receivers meet exact times, however long the time that passes."""

import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import pytest
from spooled.client import SpooledClient
from spooled.worker.worker import SpooledWorker

from spooled_lite.testing.clock import VirtualClock
from tests.outbound.receiver import Receiver
from tests.testing.served import HOUR, served
from tests.testing.stage import START_MS, Stage, play

SECONDS_MAX: Final = 30.0


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as it:
        yield it


def test_a_webhook_is_tried_at_0_1_3_7_and_15_seconds(receiver: Receiver) -> None:
    url = receiver.url("500", "ladder")

    async def script(stage: Stage) -> dict[str, Any]:
        hook = {"name": "shop", "url": url, "events": ["job.created"]}
        await stage.post("outgoing-webhooks", hook)
        await stage.job()
        moved: dict[str, Any] = await stage.move("advance", by="1d")
        return moved

    moved = play(script)

    requests = receiver.requests("/" + url.partition("//")[2].partition("/")[2], count=5)
    sent = [int(each.header("x-spooled-timestamp") or 0) - START_MS // 1000 for each in requests]
    assert sent == [0, 1, 3, 7, 15]
    calls = [each for each in moved["happened"] if each["what"] == "delivery"]
    assert [(each["attempt"], each["status_code"]) for each in calls] in (
        [(n, 500) for n in range(1, 6)],
        [(n, 500) for n in range(2, 6)],  # the first one was made before the move
    )
    assert moved["left_under_way"] == []


def test_a_receiver_that_hangs_is_left_and_named(receiver: Receiver) -> None:
    url = receiver.url("hangs", "left")

    async def script(stage: Stage) -> dict[str, Any]:
        hook = {"name": "shop", "url": url, "events": ["job.created"]}
        await stage.post("outgoing-webhooks", hook)
        await stage.job()
        moved: dict[str, Any] = await stage.move("advance", by="1h", wait_ms=200)
        return moved

    moved = play(script, shutdown_grace_seconds=0.0)

    assert [each["attempt"] for each in moved["left_under_way"]] == [1]
    assert moved["now"] == "2030-01-01T01:00:00.000Z"


def test_a_worker_of_the_official_client_meets_the_hours_of_two_weeks_of_retries() -> None:
    attempts: list[int] = []
    with served() as server:
        clock: VirtualClock = server.world.clock

        def handle(context: Any) -> None:
            attempts.append(clock.now_ms())
            raise ValueError("declined")

        client = SpooledClient(api_key=server.key, base_url=server.url)
        backoff = {
            "backoff_base_seconds": 3600, "backoff_multiplier": 4, "backoff_max_seconds": 400_000,
        }  # fmt: skip
        server.call("PUT", "queues/charges/config", backoff)
        worker = SpooledWorker(client, queue_name="charges", poll_interval=0.01, concurrency=1)
        worker.process(handle)
        thread = threading.Thread(target=worker.start, daemon=True)
        thread.start()
        until = time.monotonic() + SECONDS_MAX
        while not server.call("GET", "test")["counts"]["live_workers"]:
            assert time.monotonic() < until
        client.jobs.create({"queue_name": "charges", "payload": {"order": 1}, "max_retries": 5})

        moved = server.call("POST", "test/clock/advance", {"by": "14d"})

        worker.stop()
        thread.join(SECONDS_MAX)
        client.close()
        assert moved["now"] == "2030-01-15T00:00:00.000Z"
        offline = [each for each in moved["happened"] if each["what"] == "worker.offline"]
        assert offline == [], "live workers do not fall silent"
    assert [(at - START_MS) / HOUR for at in attempts] == pytest.approx(
        [0, 1, 5, 21, 85, 85 + 400_000 / 3600], abs=0.01
    )


def test_a_worker_that_does_nothing_stops_the_clock_unless_it_is_ignored() -> None:
    async def script(stage: Stage) -> None:
        worker = {"queue_name": "emails", "worker_id": "w1", "hostname": "h"}
        await stage.post("workers/register", worker)
        job_id = await stage.job()

        body = {"by": "1h", "wait_ms": 50}
        refused = await stage.post("test/clock/advance", body, status=409)
        details = refused["details"]
        assert (details["reason"], details["now"]) == ("worker_busy", "2030-01-01T00:00:00.000Z")
        assert details["jobs"] == [{"id": job_id, "queue_name": "emails", "worker_id": None}]

        await stage.claim("w1")
        refused = await stage.post("test/clock/advance", body, status=409)
        assert refused["details"]["jobs"][0]["worker_id"] == "w1"
        assert (await stage.move("advance", by="10s", workers=["another"]))["steps"] == 0

        moved = await stage.move("advance", by="1h", workers="ignore")
        assert {"job.retrying", "worker.offline"} <= {each["what"] for each in moved["happened"]}

    play(script)


def test_live_workers_do_not_fall_silent_and_time_does_not_stop_for_them() -> None:
    async def script(stage: Stage) -> None:
        worker = {"queue_name": "emails", "worker_id": "w1", "hostname": "h"}
        await stage.post("workers/register", worker)

        moved = await stage.move("advance", by="14d")

        assert (moved["happened"], moved["steps"]) == ([], 0)
        about = await stage.get("workers/w1")
        assert about["status"] == "healthy"
        assert about["last_heartbeat"] <= moved["now"]

    play(script)
