"""The official async client behind the face of the sync one: each test is written once for both."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

from spooled.async_client import AsyncSpooledClient
from spooled.client import SpooledClient
from spooled.config import CircuitBreakerConfig, RetryConfig

from tests.server_process import API_KEY

CALL_SECONDS_MAX: Final = 20.0


def options(url: str, api_key: str | None = API_KEY, **more: Any) -> dict[str, Any]:
    """A client that shows every answer: it neither asks again nor stops asking."""
    return {
        "api_key": api_key,
        "base_url": url,
        "timeout": CALL_SECONDS_MAX,
        "retry": RetryConfig(max_retries=0),
        "circuit_breaker": CircuitBreakerConfig(enabled=False),
        **more,
    }


@contextmanager
def a_client(
    kind: str, url: str, api_key: str | None = API_KEY, **more: Any
) -> Iterator[SpooledClient]:
    """`kind`: sync or async. `more`: other options of the client, tokens for example."""
    if kind == "sync":
        with SpooledClient(**options(url, api_key, **more)) as client:
            yield client
        return
    with asyncio.Runner() as runner:
        behind = AsyncSpooledClient(**options(url, api_key, **more))
        try:
            yield cast(SpooledClient, _Driven(behind, runner.run))
        finally:
            runner.run(behind.close())


class _Driven:
    """Passes everything on, and waits for what is awaited."""

    def __init__(self, behind: object, run: Callable[[Any], Any]) -> None:
        self._behind = behind
        self._run = run

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._behind, name)
        if inspect.iscoroutinefunction(found):
            return lambda *args, **more: self._run(found(*args, **more))
        return _Driven(found, self._run) if type(found).__name__.startswith("Async") else found
