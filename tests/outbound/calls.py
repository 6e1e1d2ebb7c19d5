"""Posting to a receiver in tests: one client a test, and names that lead where the test says."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_network
from typing import Any, Final, TypeVar

from spooled_lite.clock import ManualClock
from spooled_lite.outbound.http_client import HttpClient, ReceiverAnswer
from spooled_lite.outbound.targets import Policy
from tests.outbound.receiver import CERTIFICATE

DEVELOPMENT: Final = Policy(is_production=False)
PRODUCTION: Final = Policy(is_production=True)
# What lets a test in production mode have a receiver at all.
LISTED: Final = Policy(is_production=True, allow_networks=(ip_network("127.0.0.0/8"),))
NOW_MS: Final = 1_767_225_600_000

T = TypeVar("T")


class Names:
    """A resolver that leads each name where it is told: each time further along its answers."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self._answers = {name: list(each) for name, each in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        answers = self._answers.get(host.split(".")[0])
        if not answers:
            raise OSError("no such name")
        return answers.pop(0) if len(answers) > 1 else answers[0]


def trusting() -> ssl.SSLContext:
    """What a client has that knows the certificate of the test."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))


def a_client(policy: Policy = DEVELOPMENT, **more: Any) -> HttpClient:
    return HttpClient(policy, ManualClock(NOW_MS), **{"context": trusting, **more})


def with_client(
    act: Callable[[HttpClient], Awaitable[T]], policy: Policy = DEVELOPMENT, **more: Any
) -> T:
    async def scenario() -> T:
        client = a_client(policy, **more)
        try:
            return await act(client)
        finally:
            await client.close()

    return asyncio.run(scenario())


def post(
    url: str,
    policy: Policy = DEVELOPMENT,
    *,
    body: bytes = b"{}",
    total_seconds: float = 10.0,
    connect_seconds: float = 10.0,
    **more: Any,
) -> ReceiverAnswer:
    return with_client(
        lambda client: client.post(
            url,
            body,
            {"Content-Type": "application/json"},
            total_seconds=total_seconds,
            connect_seconds=connect_seconds,
        ),
        policy,
        **more,
    )
