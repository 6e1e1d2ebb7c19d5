"""An order is shipped once, however often Spooled calls."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from spooled.client import SpooledClient

from shop.charges import QUEUE, check_out
from shop.shipping import EVENT, Shipping
from spooled_lite.testing import World

SECRET = "whsec_of_the_shop"
Take = Callable[[Mapping[str, str], bytes], int]


@contextmanager
def receiver(take: Take) -> Iterator[str]:
    """The address of one that answers with the status that `take` returns."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(take(dict(self.headers.items()), body))
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def subscribe(client: SpooledClient, url: str) -> None:
    client.webhooks.create({"name": "shop", "url": url, "events": [EVENT], "secret": SECRET})


def charge(world: World, client: SpooledClient, order: int) -> None:
    check_out(client, order)
    world.drain(QUEUE, {"then": "complete", "result": {"order": order}})


def statuses(world: World) -> list[int | None]:
    """What the attempts to call were answered with."""
    return [each.status_code for each in world.journal.entries("delivery")]


def test_an_order_is_shipped_once_when_the_receiver_falls_over_after_shipping(
    spooled: World, spooled_client: SpooledClient
) -> None:
    shipping = Shipping(SECRET, lambda: spooled.clock.now)

    def take(headers: Mapping[str, str], body: bytes) -> int:
        status = shipping.take(headers, body)
        return 500 if headers["X-Spooled-Delivery-Attempt"] == "1" else status

    with receiver(take) as url:
        subscribe(spooled_client, url)
        charge(spooled, spooled_client, 1)
        spooled.clock.advance("1m")

    assert statuses(spooled) == [500, 200]
    assert shipping.shipped == [1]


def test_an_order_is_shipped_once_when_the_same_call_comes_twice(
    spooled: World, spooled_client: SpooledClient
) -> None:
    shipping = Shipping(SECRET, lambda: spooled.clock.now)
    calls: list[str] = []

    def take(headers: Mapping[str, str], body: bytes) -> int:
        calls.append(headers["X-Spooled-Delivery-ID"])
        return shipping.take(headers, body)

    with receiver(take) as url:
        subscribe(spooled_client, url)
        spooled.faults.add(on={"delivery": {"event": EVENT}}, do={"deliver_twice": True})
        charge(spooled, spooled_client, 2)
        spooled.clock.advance("1m")

    assert calls == [calls[0]] * 2
    assert shipping.shipped == [2]


def test_a_receiver_that_is_too_slow_is_called_again_at_exact_seconds(
    spooled: World, spooled_client: SpooledClient
) -> None:
    subscribe(spooled_client, "https://inbox.test/shop")
    slow = spooled.faults.add(
        on={"delivery": {"event": EVENT}}, do={"receiver": "timeout"}, when={"first": 3}
    )
    began = spooled.clock.now

    charge(spooled, spooled_client, 3)
    spooled.clock.advance("1m")

    tries = spooled.journal.entries("delivery")
    assert [(each.at - began).total_seconds() for each in tries] == [0, 1, 3, 7]
    assert slow.struck == 3
    spooled.expect({"webhook": "shop", "event": EVENT, "delivered": 1})


def test_a_call_that_somebody_has_forged_or_kept_ships_nothing(
    spooled: World, spooled_client: SpooledClient
) -> None:
    shipping = Shipping(SECRET, lambda: spooled.clock.now)
    kept: list[tuple[Mapping[str, str], bytes]] = []

    def keep(headers: Mapping[str, str], body: bytes) -> int:
        kept.append((headers, body))
        return 200

    with receiver(keep) as url:
        subscribe(spooled_client, url)
        charge(spooled, spooled_client, 4)
        spooled.clock.settle()

    [(headers, body)] = kept
    assert shipping.take(headers, body.replace(b"4", b"5")) == 401
    spooled.clock.advance("6m")
    assert shipping.take(headers, body) == 401
    assert shipping.shipped == []
