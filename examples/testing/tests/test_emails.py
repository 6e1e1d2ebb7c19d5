"""Who has signed up is reminded, and nobody's mail server is run over."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from spooled.client import SpooledClient

from shop.emails import QUEUE, send_newsletter, sending, sign_up
from spooled_lite.testing import World

Worker = Callable[..., AbstractContextManager[Any]]


def test_a_customer_is_reminded_after_three_days(
    spooled: World, spooled_client: SpooledClient, spooled_worker: Worker
) -> None:
    sent: list[str] = []
    sign_up(spooled_client, "ada@example.com", spooled.clock.now)

    with spooled_worker(QUEUE, sending(sent.append)):
        spooled.clock.advance("71h")
        assert sent == []
        spooled.clock.advance("1h")

    assert sent == ["ada@example.com"]


def test_a_newsletter_leaves_at_two_mails_a_second(
    spooled: World, spooled_client: SpooledClient, spooled_worker: Worker
) -> None:
    spooled.call("PUT", f"/queues/{QUEUE}/config", {"rate_limit": 2})
    seconds: Counter[float] = Counter()
    began = spooled.clock.now

    def send(address: str) -> None:
        seconds[(spooled.clock.now - began).total_seconds()] += 1

    send_newsletter(spooled_client, [f"{each}@example.com" for each in range(6)])
    with spooled_worker(QUEUE, sending(send)):
        spooled.clock.advance("1m")

    assert seconds == {0.0: 2, 1.0: 2, 2.0: 2}
