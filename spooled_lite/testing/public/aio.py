"""The same as coroutines. Each call waits on a thread, so the event loop of the test goes on."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from functools import wraps
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    Literal,
    ParamSpec,
    Self,
    TypeVar,
    Unpack,
)

from spooled_lite.testing.public.choice import ServerOptions
from spooled_lite.testing.public.clock import Clock
from spooled_lite.testing.public.faults import Fault, FaultRequest, Faults
from spooled_lite.testing.public.inboxes import MailInbox, WebhookInbox
from spooled_lite.testing.public.journal import Journal
from spooled_lite.testing.public.server import Server
from spooled_lite.testing.public.worker import SOON
from spooled_lite.testing.public.world import World

if TYPE_CHECKING:
    from spooled.async_client import AsyncSpooledClient

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
W = TypeVar("W", bound=World)


class AsCoroutine(Generic[P, R]):
    """A method of the object that waits, as a coroutine: it takes and gives the same."""

    def __init__(self, method: Callable[Concatenate[Any, P], R]) -> None:
        self._method = method

    def __get__(self, it: "_Async[Any]", kind: object) -> Callable[P, Coroutine[Any, Any, R]]:
        method = self._method

        @wraps(method)
        async def awaited(*args: P.args, **kwargs: P.kwargs) -> R:
            return await asyncio.to_thread(method, it._it, *args, **kwargs)

        return awaited


class _Async(Generic[T]):
    def __init__(self, it: T) -> None:
        self._it = it


class AsyncClock(_Async[Clock]):
    """See `Clock`."""

    advance = AsCoroutine(Clock.advance)
    next = AsCoroutine(Clock.next)
    idle = AsCoroutine(Clock.idle)
    settle = AsCoroutine(Clock.settle)
    outage = AsCoroutine(Clock.outage)
    freeze = AsCoroutine(Clock.freeze)
    run = AsCoroutine(Clock.run)
    tick = AsCoroutine(Clock.tick)

    async def now(self) -> datetime:
        return await asyncio.to_thread(lambda: self._it.now)

    def on_move(self, tell: Callable[[datetime], None]) -> None:
        self._it.on_move(tell)


class AsyncFault(_Async[Fault]):
    """See `Fault`."""

    remove = AsCoroutine(Fault.remove)

    @property
    def id(self) -> str:
        return self._it.id

    @property
    def note(self) -> str | None:
        return self._it.note

    async def seen(self) -> int:
        return await asyncio.to_thread(lambda: self._it.seen)

    async def struck(self) -> int:
        return await asyncio.to_thread(lambda: self._it.struck)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.remove()


class AsyncFaults(_Async[Faults]):
    """See `Faults`."""

    clear = AsCoroutine(Faults.clear)

    async def add(self, **rule: Unpack[FaultRequest]) -> AsyncFault:
        return AsyncFault(await asyncio.to_thread(lambda: self._it.add(**rule)))

    async def all(self) -> list[AsyncFault]:
        return [AsyncFault(each) for each in await asyncio.to_thread(self._it.all)]


class AsyncJournal(_Async[Journal]):
    """See `Journal`."""

    entries = AsCoroutine(Journal.entries)
    clear = AsCoroutine(Journal.clear)
    save = AsCoroutine(Journal.save)
    tail = AsCoroutine(Journal.tail)


class AsyncWebhookInbox(_Async[WebhookInbox]):
    """See `WebhookInbox`."""

    received = AsCoroutine(WebhookInbox.received)
    clear = AsCoroutine(WebhookInbox.clear)


class AsyncMailInbox(_Async[MailInbox]):
    """See `MailInbox`."""

    to = AsCoroutine(MailInbox.to)
    received = AsCoroutine(MailInbox.received)
    clear = AsCoroutine(MailInbox.clear)


class _AsyncWorld(_Async[W]):
    call = AsCoroutine(World.call)
    reset = AsCoroutine(World.reset)
    baseline = AsCoroutine(World.baseline)
    seed = AsCoroutine(World.seed)
    expect = AsCoroutine(World.expect)
    drain = AsCoroutine(World.drain)
    sign_stripe = AsCoroutine(World.sign_stripe)

    @property
    def world(self) -> W:
        """The same, for code that may wait."""
        return self._it

    @property
    def clock(self) -> AsyncClock:
        return AsyncClock(self._it.clock)

    @property
    def faults(self) -> AsyncFaults:
        return AsyncFaults(self._it.faults)

    @property
    def journal(self) -> AsyncJournal:
        return AsyncJournal(self._it.journal)

    @property
    def webhooks(self) -> AsyncWebhookInbox:
        return AsyncWebhookInbox(self._it.webhooks)

    @property
    def mails(self) -> AsyncMailInbox:
        return AsyncMailInbox(self._it.mails)

    @property
    def url(self) -> str:
        return self._it.url

    @property
    def api_key(self) -> str:
        return self._it.api_key

    @property
    def admin_key(self) -> str | None:
        return self._it.admin_key

    @property
    def organization_id(self) -> str:
        return self._it.organization_id

    @property
    def grpc_address(self) -> str | None:
        return self._it.grpc_address

    async def fork(
        self,
        name: str | None = None,
        *,
        at: datetime | str | None = None,
        keys: Sequence[Mapping[str, Any]] = (),
        faults: Literal["none", "copy"] = "none",
    ) -> "AsyncWorld":
        forked = asyncio.to_thread(self._it.fork, name, at=at, keys=keys, faults=faults)
        return AsyncWorld(await forked)

    def client(self, **options: Any) -> "AsyncSpooledClient":
        """See `World.client`."""
        from spooled.async_client import AsyncSpooledClient

        return AsyncSpooledClient(
            api_key=self.api_key, base_url=self.url, **{"retry": SOON, **options}
        )

    async def close(self) -> None:
        await asyncio.to_thread(self._it.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class AsyncWorld(_AsyncWorld[World]):
    """See `World`."""


class AsyncServer(_AsyncWorld[Server]):
    """See `Server`."""

    def __init__(self, **options: Unpack[ServerOptions]) -> None:
        super().__init__(Server(**options))

    @classmethod
    def at(cls, url: str, api_key: str) -> Self:
        it = cls()
        it._it = Server.at(url, api_key)
        return it

    async def start(self) -> Self:
        await asyncio.to_thread(self._it.start)
        return self

    async def __aenter__(self) -> Self:
        return await self.start()
