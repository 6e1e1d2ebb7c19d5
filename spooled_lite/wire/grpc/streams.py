"""The streams that are open: how many there may be, who may go on, and their end."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from spooled_lite.errors import AccessDenied, SpooledError, Unauthorized, Unavailable
from spooled_lite.events import OF_CREDENTIALS, Event
from spooled_lite.wire.grpc.call import Call
from spooled_lite.wire.grpc.errors import Context, TooManyStreams

logger = logging.getLogger(__name__)

CHECK_SECONDS: Final = 30.0  # between two looks at the credentials of all streams
DELIVERIES_MAX: Final = 100  # StreamJobs of one organization


class OpenStream(Protocol):
    """An open stream that must end when its caller loses the right to it."""

    @property
    def call(self) -> Call: ...

    def check(self) -> None:
        """Raises AccessDenied if the caller may no longer use the queues of this stream."""
        ...

    def end(self, reason: SpooledError) -> None:
        """End with the status of this error. May come twice; must not wait."""
        ...


class GrpcStreams:
    """Use it from the event loop. One timer looks after all of them."""

    def __init__(self) -> None:
        self._open: set[OpenStream] = set()
        self._concerned: set[OpenStream] = (
            set()
        )  # to be looked at before it is time for all of them
        self._wake = asyncio.Event()
        self._counts: Counter[tuple[str, int]] = Counter()
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self._is_ended = False  # no more may be opened

    def __len__(self) -> int:
        return len(self._open)

    def counts(self) -> Mapping[str, int]:
        """How many are open, by their kind."""
        found: Counter[str] = Counter()
        for (kind, _), count in self._counts.items():
            found[kind] += count
        return found

    @contextmanager
    def opened(self, kind: str, stream: OpenStream, *, count_max: int) -> Iterator[None]:
        """Keep a stream among the open ones.

        Raises:
            TooManyStreams: the organization has as many of this kind as it may.
            Unavailable: the server is stopping.
        """
        if self._is_ended:
            raise stopping()
        place = (kind, stream.call.org)
        if self._counts[place] >= count_max:
            raise TooManyStreams(f"Too many {kind} streams are open; at most {count_max} may be")
        self._counts[place] += 1
        self._open.add(stream)
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

    async def look_after(self, stop: asyncio.Event, seconds: float = CHECK_SECONDS) -> None:
        """Check all credentials again and again, and at once those that a change concerns.

        Real time: it is about connections.
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
        """Take in committed events; streams whose caller has changed are checked soon."""
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
        """End every stream whose caller may not go on. Contract: grpc, section 2."""
        await self._check(self._open)

    async def _check(self, streams: Iterable[OpenStream]) -> None:
        for stream in tuple(streams):
            try:
                await stream.call.authenticate()
                stream.check()
            except (Unauthorized, AccessDenied) as error:
                stream.end(error)
            except SpooledError as error:
                # Trouble of the storage says nothing of the caller: the next look will tell.
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
        """The server stops: no stream goes on, and none is opened."""
        self._is_ended = True
        for stream in tuple(self._open):
            stream.end(stopping())

    async def all_ended(self, *, seconds_max: float) -> bool:
        """Wait until what the streams have to hand back is handed back. False: not in time."""
        try:
            async with asyncio.timeout(seconds_max):
                await self._is_empty.wait()
        except TimeoutError:
            return False
        return True


def stopping() -> Unavailable:
    return Unavailable("shutting_down", "The server is stopping")


class Ending:
    """Work on a call that goes on until it is done, or somebody says why it must not go on."""

    def __init__(self) -> None:
        self._limit = asyncio.timeout(None)
        self._reason: SpooledError | None = None
        self._has_begun = False

    async def until_done(self, context: Context, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work; it is cancelled when it is ended. Raises the reason it was ended for.

        The client is told first that its stream is open. That is not cut short: the library could
        then not say any more why the stream ends, and would wait for the client to leave.
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
