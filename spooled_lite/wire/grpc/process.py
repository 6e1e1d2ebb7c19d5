"""ProcessJobs: many requests may be under way; their answers are written in the same order."""

import asyncio
from collections import deque
from typing import Any, Final, cast

from grpc.aio import EOF

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.lifecycle.claim import Claim
from spooled_lite.errors import SpooledError, Unauthorized, WrongShape
from spooled_lite.wire.grpc.acts import SETTLEMENTS
from spooled_lite.wire.grpc.answers import (
    Arrived,
    AskedDequeue,
    RefusedRequest,
    Settled,
    StreamAnswer,
    begin,
)
from spooled_lite.wire.grpc.call import Call, parsed
from spooled_lite.wire.grpc.convert import as_field, claim_of, error_response
from spooled_lite.wire.grpc.descriptors import spooled_class
from spooled_lite.wire.grpc.errors import told
from spooled_lite.wire.grpc.parked import Parked
from spooled_lite.wire.grpc.streams import GrpcStreams
from spooled_lite.wire.waiting.claims import give_back

# How far requests are read ahead of their answers. Then the client has to wait: flow control.
AHEAD_MAX: Final = 256  # settlements, and jobs that dequeues ask for
AHEAD_BYTES_MAX: Final = 8 * 1024 * 1024
# Behind this many unwritten answers a request need not hurry: it is gathered with those that
# follow. Handed over together, they need a few commits instead of many.
IN_HAND_MAX: Final = 8
GATHER_SECONDS_MAX: Final = 0.02  # at the longest, even if the client does not take its answers
# How much of the jobs that came for waiting dequeues may be unwritten before no more are taken.
BACKLOG_BYTES_MAX: Final = 8 * 1024 * 1024
FINISH_SECONDS_MAX: Final = 10.0  # how long a client may take to read its last answers
# When a client sends a request while its stream ends, its library reports an internal error instead
# of the status. So an ending stream ignores requests until none has come for QUIET_SECONDS.
QUIET_SECONDS: Final = 0.05
QUIET_WITHIN_SECONDS: Final = 0.5  # at the longest, even if the client goes on

ERROR: Final = 5  # the number of `error` in ProcessResponse; see acts.py and answers.py for others

_ProcessRequest: Final = spooled_class("ProcessRequest")


async def process_jobs(call: Call, streams: GrpcStreams) -> None:
    """Serve one stream until the client ends it. Contract: grpc, 6.2.

    Raises:
        TooManyStreams: the organization has as many such streams as it may.
        Unavailable: the server stops.
        Unauthorized, AccessDenied: the caller has lost its rights.
        RuleBroken: a message is malformed.
    """
    stream = _Conversation(call)
    with streams.opened("ProcessJobs", stream, count_max=call.settings.streams_per_org_max):
        await stream.run()


class _Conversation:
    """One stream: a task reads requests, another writes answers, and a line is between them."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.parked = Parked(call, arrived=self._arrived, refused=self._refused)
        self._line: deque[StreamAnswer] = deque()
        # The last answers of the line, whose work has not begun.
        self._gathered: list[StreamAnswer] = []
        self._hurry: asyncio.TimerHandle | None = None  # begins their work after a while
        self._changed = asyncio.Event()  # set when there is an answer to write or reading has ended
        self._has_room = asyncio.Event()
        self._ahead = self._ahead_bytes = self._backlog_bytes = 0
        # Dequeues that wait again once the client has read more of its jobs.
        self._held_back: dict[tuple[str, str], Claim] = {}
        self._is_closed = False  # whether reading has stopped
        self._reason: SpooledError | None = None  # why the server ends the stream
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._last_call: asyncio.TimerHandle | None = None  # cuts off the last answers
        self._quiet: asyncio.TimerHandle | None = None  # ends the reading of ignored requests
        self._quiet_within = 0.0  # on the loop's clock: when they are read no longer in any case

    # -- as one of the streams ---------------------------------------------------------------------

    def check(self) -> None:
        """Nothing to check here: each request checks its queue itself."""

    def end(self, reason: SpooledError) -> None:
        """Stop the stream. Requests that were read before are still answered."""
        if self._reason is not None:
            return
        self._reason = reason
        if self._tasks:
            reader, writer = self._tasks
            loop = asyncio.get_running_loop()
            self._quiet_within = loop.time() + QUIET_WITHIN_SECONDS
            self._quiet = loop.call_later(QUIET_SECONDS, reader.cancel)
            self._last_call = loop.call_later(FINISH_SECONDS_MAX, writer.cancel)

    async def run(self) -> None:
        await self.call.context.send_initial_metadata(())
        if self._reason is not None:
            raise self._reason
        reader = asyncio.create_task(self._read(), name="process-read")
        writer = asyncio.create_task(self._write(), name="process-write")
        self._tasks = (reader, writer)
        try:
            # The writer ends first only when it fails, and then the client is gone.
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            self._close()
            await asyncio.wait({writer})
        finally:
            await self._leave()
        if self._reason is not None:
            raise self._reason
        for task in self._tasks:
            if not task.cancelled():  # one task is cancelled when the other fails
                task.result()

    def _close(self) -> None:
        self._is_closed = True
        self._hand_over()
        self._changed.set()
        self._held_back.clear()
        self.parked.drop_all()

    async def _leave(self) -> None:
        """Stop both tasks, and give back the jobs that the client has not received."""
        for task in self._tasks:
            task.cancel()
        for timer in (self._last_call, self._quiet):
            if timer is not None:
                timer.cancel()
        self._close()
        # Given back before the wait, which may be cut short. Nothing is written from here on.
        for answer in self._line:
            answer.hand_back(self.call)
        await asyncio.wait(self._tasks)

    # -- in ----------------------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            while (raw := await self._next()) is not None:
                request = parsed(_ProcessRequest, raw)
                # A credential that was valid a moment ago is found in memory.
                await self.call.authenticate()
                self._put(await self._answer_to(request, len(raw)))
        except SpooledError as error:
            self.end(error)
            await self._next()

    async def _next(self) -> bytes | None:
        """The next request, once there is room for it; None when the client has ended the stream.

        Once the server ends the stream, requests are ignored until the reading task is cancelled.
        """
        while self._ahead >= AHEAD_MAX or self._ahead_bytes >= AHEAD_BYTES_MAX:
            self._has_room.clear()
            await self._has_room.wait()
        while (raw := cast(Any, await self.call.context.read())) is not EOF:
            if self._reason is None:
                return bytes(raw)
            self._quieten()
        return None

    def _quieten(self) -> None:
        """A request was ignored: wait a little longer for the client to fall silent."""
        assert self._quiet is not None, "the server has ended the stream"
        self._quiet.cancel()
        loop = asyncio.get_running_loop()
        until = min(loop.time() + QUIET_SECONDS, self._quiet_within)
        self._quiet = loop.call_at(until, self._tasks[0].cancel)

    async def _answer_to(self, request: Any, size_bytes: int) -> StreamAnswer:
        name = request.WhichOneof("request")
        try:
            self.call.charge(is_spared=name in SETTLEMENTS)
            if name == "dequeue":
                return self._dequeue(request.dequeue)
            if name is None:
                raise WrongShape.missing("request")
            act = SETTLEMENTS[name]
            command = await self.call.off_loop(size_bytes, act.read, getattr(request, name))
            return Settled(act, command, size_bytes)
        except Exception as error:
            return RefusedRequest(told(error))

    def _dequeue(self, request: Any) -> StreamAnswer:
        wanted = claim_of(request)
        self.call.scope.check(wanted.queue_name)
        return AskedDequeue(wanted)

    def _put(self, answer: StreamAnswer) -> None:
        self._ahead += answer.weight
        self._ahead_bytes += answer.size_bytes
        self._line.append(answer)
        self._gathered.append(answer)
        if not self._is_busy():
            self._hand_over()
        elif self._hurry is None:
            loop = asyncio.get_running_loop()
            self._hurry = loop.call_later(GATHER_SECONDS_MAX, self._hand_over)
        self._changed.set()

    def _is_busy(self) -> bool:
        """Whether IN_HAND_MAX answers are to be written before those that are gathered."""
        return len(self._line) - len(self._gathered) >= IN_HAND_MAX

    def _hand_over(self) -> None:
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None
        gathered, self._gathered = self._gathered, []
        begin(self.call, gathered)

    # -- from parked dequeues ----------------------------------------------------------------------

    def _arrived(self, wanted: Claim, jobs: list[JobRow]) -> None:
        if self._backlog_bytes >= BACKLOG_BYTES_MAX:
            give_back(self.call.db, self.call.claimer, jobs)
            self._held_back[(wanted.queue_name, wanted.worker_id)] = wanted
            return
        self._hand_over()  # gathered answers must be the last of the line
        answer = Arrived(wanted, jobs)
        self._backlog_bytes += answer.backlog_bytes
        self._line.append(answer)
        self._changed.set()

    def _refused(self, error: SpooledError) -> None:
        if isinstance(error, Unauthorized):
            self.end(error)
        else:
            self._put(RefusedRequest(error))

    # -- out ---------------------------------------------------------------------------------------

    async def _write(self) -> None:
        line = self._line
        while True:
            while not line:
                if self._is_closed:
                    return
                self._changed.clear()
                await self._changed.wait()
            answer = line[0]
            await answer.write(self)
            line.popleft()
            self._make_room(answer)

    def _make_room(self, answer: StreamAnswer) -> None:
        self._ahead -= answer.weight
        self._ahead_bytes -= answer.size_bytes
        self._backlog_bytes -= answer.backlog_bytes
        self._has_room.set()
        if self._gathered and not self._is_busy():
            self._hand_over()
        if self._held_back and self._backlog_bytes < BACKLOG_BYTES_MAX:
            held_back, self._held_back = self._held_back, {}
            for wanted in held_back.values():
                self.parked.park(wanted)

    async def say(self, field: int, message: bytes) -> None:
        await self.call.context.write(as_field(field, message))

    async def refuse(self, error: SpooledError) -> None:
        await self.say(ERROR, error_response(error).SerializeToString())

    async def park(self, wanted: Claim) -> None:
        """Let a dequeue wait for jobs, unless the stream no longer reads."""
        if self._is_closed:
            return
        try:
            self.parked.park(wanted)
        except SpooledError as error:
            await self.refuse(error)
