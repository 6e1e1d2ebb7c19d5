"""Breakers in a world whose clock is moved: what opens for a day takes no time."""

import threading
import time
from typing import Any

from tests.patience import looks
from tests.testing.served import Served, served

DAY: dict[str, int] = {"failure_threshold": 1, "open_timeout_ms": 86_400_000}
CLAIM: dict[str, Any] = {"queue_name": "emails", "worker_id": "w"}


def opened(it: Served) -> None:
    it.call("PUT", "queues/emails/config", {"circuit_breaker": DAY})
    it.call("POST", "jobs", {"queue_name": "emails", "payload": {}, "max_retries": 0})
    it.call("POST", "jobs", {"queue_name": "emails", "payload": {}})
    [job] = it.call("POST", "jobs/claim", CLAIM)["jobs"]
    it.call("POST", f"jobs/{job['id']}/fail", {"error": "boom"})


def test_a_day_of_an_open_breaker_passes_at_once() -> None:
    with served() as it:
        opened(it)
        it.call("POST", "test/clock/advance", {"by": "23h"})
        assert it.call("POST", "jobs/claim", CLAIM)["jobs"] == []

        it.call("POST", "test/clock/advance", {"by": "1h"})

        assert len(it.call("POST", "jobs/claim", CLAIM)["jobs"]) == 1


def test_a_claim_that_waits_is_answered_when_the_day_is_over() -> None:
    with served() as it:
        opened(it)
        taken: list[Any] = []
        asked = {**CLAIM, "wait_ms": 30_000}
        waiting = threading.Thread(
            target=lambda: taken.append(it.call("POST", "jobs/claim", asked))
        )
        waiting.start()
        waits = it.world.app.services.waiting
        for _ in looks():
            if waits.count():
                break
            time.sleep(0.01)

        it.call("POST", "test/clock/advance", {"by": "1d"})
        waiting.join(60)

        assert len(taken[0]["jobs"]) == 1


def test_time_does_not_wait_for_a_worker_that_an_open_breaker_keeps_from_its_job() -> None:
    with served() as it:
        worker = {"queue_name": "emails", "hostname": "h", "max_concurrency": 1}
        name = it.call("POST", "workers/register", worker)["id"]
        it.call("PUT", "queues/emails/config", {"circuit_breaker": DAY})
        it.call("POST", "jobs", {"queue_name": "emails", "payload": {}, "max_retries": 0})
        it.call("POST", "jobs", {"queue_name": "emails", "payload": {}})
        [job] = it.call("POST", "jobs/claim", {**CLAIM, "worker_id": name})["jobs"]
        it.call("POST", f"jobs/{job['id']}/fail", {"error": "boom", "worker_id": name})

        moved = it.call("POST", "test/clock/advance", {"by": "23h"})

        assert moved["now"] > moved["from"]
        assert it.call("GET", "queues/emails")["breaker"]["state"] == "open"
