"""In production no notation of an address, and no name, leads to the machine or its network."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Final

import pytest

from spooled_lite.outbound.addresses import address_of
from spooled_lite.outbound.http_client import HttpClient
from tests.outbound.calls import DEVELOPMENT, PRODUCTION, Names, post, with_client
from tests.outbound.notations import (
    ALL_REFUSED_IN_PRODUCTION,
    LOOPBACK,
    NEVER,
    PRIVATE,
    SPELLED,
)

REBOUND: Final = "https://rebound.example.com"


class Trap:
    """Listens on every loopback address there is; `is_sprung` once somebody has connected."""

    def __init__(self) -> None:
        first = socket.create_server(("127.0.0.1", 0))
        self.port = first.getsockname()[1]
        self._listeners = [first]
        for family, host in ((socket.AF_INET, "127.0.0.2"), (socket.AF_INET6, "::1")):
            with contextlib.suppress(OSError):  # there is no IPv6, or the port is taken there
                self._listeners.append(socket.create_server((host, self.port), family=family))
        for listener in self._listeners:
            listener.setblocking(False)

    def is_sprung(self) -> bool:
        found = False
        for listener in self._listeners:
            # The system takes a connection before anybody asks for it: there is no need to wait.
            with contextlib.suppress(BlockingIOError):
                listener.accept()[0].close()
                found = True
        return found

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()


@pytest.fixture
def trap() -> Iterator[Trap]:
    it = Trap()
    yield it
    it.close()


def addresses() -> list[str]:
    """All the addresses that are spelled in some way above, in their usual spelling."""
    spelled = [host for host in (*LOOPBACK, *PRIVATE, *SPELLED, *NEVER) if host.isascii()]
    found = [address_of(host.lower().strip("[]").rstrip(".")) for host in spelled]
    assert None not in found
    return sorted(set(map(str, found)))


def test_there_are_enough_notations() -> None:
    assert len(set(ALL_REFUSED_IN_PRODUCTION)) == len(ALL_REFUSED_IN_PRODUCTION)
    assert len((*LOOPBACK, *PRIVATE, *SPELLED, *NEVER)) >= 80
    assert len(addresses()) >= 60


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_no_notation_is_reached_in_production(trap: Trap, scheme: str) -> None:
    names = Names()

    async def scenario(client: HttpClient) -> dict[str, str | None]:
        return {
            host: (await client.post(f"{scheme}://{host}:{trap.port}/", b"{}", {})).error
            for host in ALL_REFUSED_IN_PRODUCTION
        }

    errors = with_client(scenario, PRODUCTION, lookup=names)

    assert errors == dict.fromkeys(errors, "Invalid webhook URL")
    assert names.asked == []  # it was settled before any name was looked up
    assert not trap.is_sprung()


def test_no_name_that_leads_there_is_reached_in_production(trap: Trap) -> None:
    bad = addresses()
    # Alone, before and behind a good one.
    names = Names(rebound=[*([each] for each in bad), *(["8.8.8.8", each] for each in bad),
                           *([each, "8.8.8.8"] for each in bad)])  # fmt: skip

    async def scenario(client: HttpClient) -> list[str | None]:
        return [
            (await client.post(f"{REBOUND}:{trap.port}/", b"{}", {}, connect_seconds=1)).error
            for _ in range(3 * len(bad))
        ]

    errors = with_client(scenario, PRODUCTION, lookup=names)

    assert set(errors) == {"Invalid webhook URL"}
    assert len(names.asked) == 3 * len(bad)
    assert not trap.is_sprung()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1.", "localhost"])
def test_the_trap_is_reached_where_it_may_be(trap: Trap, host: str) -> None:
    answer = post(f"http://{host}:{trap.port}/", DEVELOPMENT, total_seconds=0.2)

    assert answer.error == "Request failed"
    assert trap.is_sprung()


def test_the_trap_is_reached_by_a_name_where_it_may_be(trap: Trap) -> None:
    names = Names(rebound=[["127.0.0.1"]])

    post(f"{REBOUND}:{trap.port}/", DEVELOPMENT, lookup=names, total_seconds=0.2)

    assert trap.is_sprung()
