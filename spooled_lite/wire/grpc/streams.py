"""The open streams: limits their number, checks their callers again, ends them."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, Protocol
from weakref import WeakSet

from spooled_lite.errors import AccessDenied, SpooledError, Unauthorized, Unavailable
from spooled_lite.events import OF_CREDENTIALS, Event
from spooled_lite.wire.grpc.call import Call
from spooled_lite.wire.grpc.errors import Context, TooManyStreams
from spooled_lite.wire.services import ServerState, Services

logger = logging.getLogger(__name__)

CHECK_SECONDS: Final = 30.0  # between two checks of the credentials of all streams
DELIVERIES_MAX: Final = 100  # StreamJobs of one organization


class OpenStream(Protocol):
    """An open stream that must end when its caller loses the right to it."""

    @property
    def call(self) -> Call: ...

    def check(self) -> None:
        """Raises AccessDenied if the caller may no longer use the queues of this stream."""
        ...

    def end(self, reason: SpooledError) -> None:
        """End with the status of this error. May be called twice; must not wait."""
        ...


class GrpcStreams:
    """All open streams of a server, with one timer. Use it from the event loop."""

    def __init__(self) -> None:
        self._open: set[OpenStream] = set()
        self._known = WeakSet[ServerState]()  # calls may be of several applications
        self._concerned: set[OpenStream] = set()  # to be checked at once
        self._wake = asyncio.Event()
        self._counts: Counter[tuple[str, int]] = Counter()
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self._is_ended = False  # True: no stream may be opened any more

    def __len__(self) -> int:
        return len(self._open)

    def counts(self) -> Mapping[str, int]:
        """How many streams are open, by kind."""
        found: Counter[str] = Counter()
        for (kind, _), count in self._counts.items():
            found[kind] += count
        return found

    @contextmanager
    def opened(self, kind: str, stream: OpenStream, *, count_max: int) -> Iterator[None]:
        """Count a stream among the open ones while entered.

        Raises:
            TooManyStreams: the organization has `count_max` of this kind open.
            Unavailable: the server is stopping.
        """
        if self._is_ended:
            raise stopping()
        self._know(stream.call.services)
        place = (kind, stream.call.org)
        if self._counts[place] >= count_max:
            raise TooManyStreams(f"Too many {kind} streams are open; at most {count_max} may be")
        self._counts[place] += 1
        self._open.add(stream)
        stream.call.stream = stream
        self._is_empty.clear()
        try:
            yield
        finally:
            self._open.remove(stream)
            self._concerned.discard(stream)
            self._counts[place] -= 1
            if not self._counts[place]:
                del self._counts[place]
            if not self._open:
                self._is_empty.set()

    def _know(self, services: Services) -> None:
        if services.state not in self._known:
            self._known.add(services.state)
            services.bus.listen(self.hear)
            services.state.on_stopping.append(partial(self._end_of, services.state))

    def _end_of(self, state: ServerState) -> None:
        for stream in tuple(self._open):
            if stream.call.services.state is state:
                stream.end(stopping())

    async def look_after(self, stop: asyncio.Event, seconds: float = CHECK_SECONDS) -> None:
        """Check all credentials every `seconds`, and at once those that a change concerns.

        It goes by real time and not by the server's clock, which test mode can move.
        """
        stopping = asyncio.create_task(self._until(stop), name="grpc-streams-stop")
        while not stop.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                await self.check()
                continue
            self._wake.clear()
            concerned, self._concerned = self._concerned, set()
            await self._check(concerned)
        await stopping

    def hear(self, events: Sequence[Event]) -> None:
        """Note from committed events which streams must be checked, since their callers changed."""
        if not self._open:
            return
        for event in events:
            if event.type not in OF_CREDENTIALS:
                continue
            for stream in self._open:
                if stream.call.admitted.is_concerned_by(event):
                    self._concerned.add(stream)
                    self._wake.set()

    async def check(self) -> None:
        """End every stream whose caller has lost its rights. Contract: grpc, section 2."""
        await self._check(self._open)

    async def _check(self, streams: Iterable[OpenStream]) -> None:
        for stream in tuple(streams):
            try:
                await stream.call.authenticate()
                stream.check()
            except (Unauthorized, AccessDenied) as error:
                stream.end(error)
            except SpooledError as error:
                # A failure of the storage says nothing about the caller: it is checked again later.
                stream.call.services.counted.log(
                    logger,
                    logging.WARNING,
                    "credentials of streams that were not checked",
                    "the credential of a stream could not be checked: %s",
                    error,
                )

    async def _until(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    def end_all(self) -> None:
        """End every stream and open no further one, because the server stops."""
        self._is_ended = True
        for stream in tuple(self._open):
            stream.end(stopping())

    async def all_ended(self, *, seconds_max: float) -> bool:
        """Wait until all streams have ended and handed back their jobs. False when not in time."""
        try:
            async with asyncio.timeout(seconds_max):
                await self._is_empty.wait()
        except TimeoutError:
            return False
        return True


def stopping() -> Unavailable:
    return Unavailable("shutting_down", "The server is stopping")


class Ending:
    """Runs the work of a stream until it is done or `end` gives a reason to stop it."""

    def __init__(self) -> None:
        self._limit = asyncio.timeout(None)
        self._reason: SpooledError | None = None
        self._has_begun = False

    async def until_done(self, context: Context, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work, which `end` cancels. Raises the reason that `end` was given.

        First the client is told that its stream is open. That is never cut short: the library could
        then no longer say why the stream ends, and would wait for the client to leave.
        """
        await context.send_initial_metadata(())
        if self._reason is not None:
            raise self._reason
        self._has_begun = True
        try:
            async with self._limit:
                await work()
        except TimeoutError:
            if self._reason is None:
                raise
            raise self._reason from None

    def end(self, reason: SpooledError) -> None:
        if self._reason is None:
            self._reason = reason
            if self._has_begun:
                self._limit.reschedule(asyncio.get_running_loop().time())
