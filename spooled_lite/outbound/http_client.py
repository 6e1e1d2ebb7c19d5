"""Calls to receivers: every address is checked, every call is bounded, none raises."""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Final, Protocol

from msgspec import Struct

from spooled_lite.clock import Clock
from spooled_lite.errors import RuleBroken
from spooled_lite.outbound.addresses import Address
from spooled_lite.outbound.answers import reason_of, retry_after_seconds, shown
from spooled_lite.outbound.exchange import NotConnected, exchange
from spooled_lite.outbound.lookup import Lookup, SystemLookup
from spooled_lite.outbound.response import RawAnswer
from spooled_lite.outbound.targets import Policy, Target, check_target

logger = logging.getLogger(__name__)

REFUSED: Final = "Invalid webhook URL"  # clients search for these words
# Says neither address nor cause: the caller chose the address.
REQUEST_FAILED: Final = "Request failed"
CONNECTIONS_MAX: Final = 1100  # more than the deliveries at once that the settings allow
ADDRESSES_TRIED_MAX: Final = 4  # of those that a name has; all of them are checked


class ReceiverAnswer(Struct, frozen=True, kw_only=True):
    """The result of a call."""

    status_code: int | None = None  # None: there was no whole answer
    reason: str = ""
    body: str = ""  # its first 500 characters
    retry_after_seconds: int | None = None  # at most 60
    error: str | None = None  # None: a 2xx
    duration_ms: int

    @property
    def succeeded(self) -> bool:
        return self.error is None


class CallRefused(Exception):
    """The name leads to an address that must not be called."""


class Poster(Protocol):
    """Makes the calls: the client below, or something in front of it."""

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, total_seconds: float
    ) -> ReceiverAnswer: ...

    async def close(self) -> None: ...


class HttpClient:
    """Posts to addresses that callers chose."""

    def __init__(
        self,
        policy: Policy,
        clock: Clock,
        *,
        lookup: Lookup | None = None,
        context: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._lookup = SystemLookup() if lookup is None else lookup
        self._make_context = context
        self._context: ssl.SSLContext | None = None
        self._loading = asyncio.Lock()
        self._slots = asyncio.Semaphore(CONNECTIONS_MAX)
        self._deadlines: set[asyncio.Timeout] = set()  # of the calls under way
        self._is_closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        total_seconds: float = 30.0,
        connect_seconds: float = 10.0,
    ) -> ReceiverAnswer:
        """Post once, to an address that the policy permits. Every failure is an answer.

        `connect_seconds` limits the lookup, the connection and TLS, `total_seconds` everything.
        Redirects are not followed. The policy is asked twice: for the text of the URL, and for all
        addresses of its name, to one of which the connection goes.

        Contract: schedules-workflows-webhooks, sections 3.4 to 3.6.
        """
        began = time.monotonic()
        error: str | None
        try:
            target = check_target(url, self._policy)
            received = await self._bounded(target, body, headers, total_seconds, connect_seconds)
        except (RuleBroken, CallRefused):
            error = REFUSED
        except OSError as cause:  # a time-out is one as well
            logger.debug("a call failed: %s", type(cause.__cause__ or cause).__name__)
            error = REQUEST_FAILED
        except Exception:
            # A fault of ours or of the library. The courier must be able to record it and go on.
            logger.exception("a webhook call failed unexpectedly")
            error = REQUEST_FAILED
        else:
            return self._answer(received, _ms_since(began))
        return ReceiverAnswer(error=error, duration_ms=_ms_since(began))

    async def close(self) -> None:
        """End the calls under way. They fail, as do calls made from now on."""
        self._is_closed = True
        now = asyncio.get_running_loop().time()
        for deadline in self._deadlines:
            if not deadline.expired():
                deadline.reschedule(now)
        await self._idle.wait()

    async def _bounded(
        self,
        target: Target,
        body: bytes,
        headers: Mapping[str, str],
        total_seconds: float,
        connect_seconds: float,
    ) -> RawAnswer:
        if self._is_closed:
            raise ConnectionAbortedError
        async with asyncio.timeout(total_seconds) as deadline:
            self._deadlines.add(deadline)
            self._idle.clear()
            try:
                async with self._slots:
                    context = await self._loaded()
                    return await self._exchange(target, body, headers, context, connect_seconds)
            finally:
                self._deadlines.remove(deadline)
                if not self._deadlines:
                    self._idle.set()

    async def _loaded(self) -> ssl.SSLContext:
        """Load the certificates once, when first needed, in a thread: it takes 100 ms."""
        async with self._loading:
            if self._context is None:
                self._context = await asyncio.to_thread(self._make_context)
        return self._context

    async def _exchange(
        self,
        target: Target,
        body: bytes,
        headers: Mapping[str, str],
        context: ssl.SSLContext,
        connect_seconds: float,
    ) -> RawAnswer:
        """Try the addresses in turn until one accepts the connection; then only that one counts."""
        now = asyncio.get_running_loop().time
        async with asyncio.timeout(connect_seconds) as connecting:
            ends = now() + connect_seconds
            addresses = await self._addresses(target)

            def on_connected() -> None:
                if not connecting.expired():
                    connecting.reschedule(None)

            for left in range(len(addresses), 0, -1):
                try:
                    return await exchange(
                        target,
                        addresses[-left],
                        body,
                        headers,
                        context=context,
                        connect_seconds=max(0.0, ends - now()) / left,
                        on_connected=on_connected,
                    )
                except NotConnected:
                    if left == 1:
                        raise
        raise AssertionError("a target has at least one address")

    async def _addresses(self, target: Target) -> Sequence[Address]:
        """The addresses of the target. One that is not permitted has all of them refused, because
        it is hardly there by accident.

        Raises:
            CallRefused: an address is not permitted.
            OSError: the name is unknown or has no address.
        """
        if target.address is not None:
            return [target.address]
        try:
            addresses = [ip_address(each) for each in await self._lookup(target.host)]
        except ValueError:
            raise CallRefused from None
        if not addresses:
            raise OSError("the host name has no address")
        if not all(target.permits(self._policy, each) for each in addresses):
            raise CallRefused
        return addresses[:ADDRESSES_TRIED_MAX]

    def _answer(self, received: RawAnswer, duration_ms: int) -> ReceiverAnswer:
        status, headers = received.status_code, received.headers
        return ReceiverAnswer(
            status_code=status,
            reason=reason_of(status),
            body=shown(received.body),
            retry_after_seconds=retry_after_seconds(
                headers.get("retry-after"), headers.get("date"), self._clock.now_ms()
            ),
            error=None if 200 <= status < 300 else f"HTTP {status} {reason_of(status)}".rstrip(),
            duration_ms=duration_ms,
        )


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
