"""An order is charged once, whatever goes wrong."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import pytest
from spooled.client import SpooledClient
from spooled.worker.types import JobContext

from bank import Bank
from shop.charges import QUEUE, charging, check_out, key_of
from spooled_lite.testing import FaultOn, World

Worker = Callable[..., AbstractContextManager[Any]]
pytestmark = pytest.mark.spooled(seed_file="seed.json")  # the queue, and how long it waits

CREATE: FaultOn = {"route": "POST /api/v1/jobs"}


def test_a_declined_card_is_tried_for_a_week(
    spooled: World, spooled_client: SpooledClient, spooled_worker: Worker, card: Bank
) -> None:
    card.declines = True
    attempts: list[datetime] = []

    def charge(job: JobContext) -> dict[str, Any]:
        attempts.append(spooled.clock.now)
        return charging(card)(job)

    with spooled_worker(QUEUE, charge):
        check_out(spooled_client, 1)
        spooled.clock.advance("14d")

    hours = [round((at - attempts[0]).total_seconds() / 3600) for at in attempts]
    assert hours == [0, 1, 5, 21, 85, 196]
    spooled.expect({"queue": QUEUE, "status": "deadletter", "error": "declined", "count": 1})


def test_an_order_is_stored_once_when_the_answer_is_lost(
    spooled: World, spooled_client: SpooledClient
) -> None:
    with spooled.faults.add(on=CREATE, do={"drop": "after_commit"}, times=1) as lost:
        check_out(spooled_client, 2)  # the SDK repeats it
        assert lost.struck == 1

    spooled.expect({"queue": QUEUE, "count": 1})


def test_an_order_is_charged_once_when_the_acknowledgement_is_lost(
    spooled: World, spooled_client: SpooledClient, spooled_worker: Worker, card: Bank
) -> None:
    complete: FaultOn = {"route": "POST /api/v1/jobs/{id}/complete", "queue": QUEUE}
    lost = spooled.faults.add(on=complete, do={"drop": "after_commit"}, times=1)
    with spooled_worker(QUEUE, charging(card)):
        check_out(spooled_client, 3)
        spooled.clock.advance("1h")  # a job that nobody acknowledged would come again

    assert lost.struck == 1
    assert card.asked == card.charged == [3]
    spooled.expect({"queue": QUEUE, "status": "completed", "count": 1})


def test_an_order_is_charged_once_when_a_worker_stops_in_the_middle(
    spooled: World, spooled_client: SpooledClient, spooled_worker: Worker, card: Bank
) -> None:
    check_out(spooled_client, 4)
    spooled_client.jobs.claim({"queue_name": QUEUE, "worker_id": "one that stops", "limit": 1})
    card.charge(4, key=key_of(4))  # and that was the last of it

    with spooled_worker(QUEUE, charging(card)):
        spooled.clock.advance("31s")  # the lease is over

    assert card.asked == [4, 4]
    assert card.charged == [4]
    spooled.expect({"queue": QUEUE, "status": "completed", "retry_count": 1, "count": 1})


@pytest.mark.parametrize("reason", ["storage_full", "rate_limited", "shutting_down"])
def test_an_order_is_not_lost_when_the_server_refuses_it_for_a_while(
    spooled: World, spooled_client: SpooledClient, reason: Any
) -> None:
    with spooled.faults.add(on=CREATE, do={"error": {"as": reason}}, when={"first": 3}) as refused:
        check_out(spooled_client, 5)
        assert refused.struck == 3

    spooled.expect({"queue": QUEUE, "payload": {"order": 5}, "count": 1})
