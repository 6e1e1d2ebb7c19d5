"""The answers of a ProcessJobs stream: their work is begun early, and they are written in order."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, Final, Protocol

from spooled_lite.core.jobs.bodies import body_bytes
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.lifecycle.claim import Claim
from spooled_lite.errors import SpooledError
from spooled_lite.storage.backlog import Request
from spooled_lite.storage.transaction import PreparedStep, together
from spooled_lite.wire.grpc.acts import Command, Settlement
from spooled_lite.wire.grpc.call import Call
from spooled_lite.wire.grpc.errors import told
from spooled_lite.wire.grpc.hand_out import handed_out
from spooled_lite.wire.waiting.claims import ask_once, give_back

# Settlements done in one operation. Each may inform a thousand dependent jobs, which takes 8 ms.
TOGETHER_MAX: Final = 6
JOB: Final = 1  # the number of `job` in ProcessResponse; acts.py has those of the three acts


class AnswerStream(Protocol):
    """The stream that answers are written to."""

    call: Call

    async def say(self, field: int, message: bytes) -> None: ...
    async def refuse(self, error: SpooledError) -> None: ...

    async def park(self, wanted: Claim) -> None:
        """Let a dequeue that found no job wait for one."""
        ...


class StreamAnswer(Protocol):
    """An answer that waits to be written."""

    weight: int  # how much it counts against the limit of requests read ahead
    size_bytes: int  # of its request, which is kept until the answer is written
    backlog_bytes: int  # of jobs that waited for the client and are not written yet

    def begin(self, group: "Group") -> None:
        """Ask the writing thread for the result. Called before `write` and `hand_back`."""
        ...

    async def write(self, stream: AnswerStream) -> None: ...

    def hand_back(self, call: Call) -> None:
        """Give back jobs that were not written, because the stream ends before."""
        ...


def begin(call: Call, answers: Sequence[StreamAnswer]) -> None:
    """Begin the work of these answers on the writing thread, in their order."""
    for at in range(0, len(answers), TOGETHER_MAX):
        group = Group(call)
        for answer in answers[at : at + TOGETHER_MAX]:
            answer.begin(group)
        group.submit()


class Group:
    """Settlements handed to the writing thread as one request; their outcomes come together."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self._steps: list[PreparedStep] = []
        self._outcomes: asyncio.Future[list[Any]] | None = None

    def add(self, step: PreparedStep) -> int:
        """Add a settlement. Returns its place in the group."""
        self._steps.append(step)
        return len(self._steps) - 1

    def submit(self) -> None:
        if self._steps:
            call = self.call
            self._outcomes = call.write(together, self._steps)

    async def outcome(self, place: int) -> Any:
        """The result of the settlement at this place, once committed. Raises its refusal."""
        assert self._outcomes is not None, "a group with places was submitted"
        if not self._outcomes.done():
            await asyncio.wait({self._outcomes})
        outcome = self._outcomes.result()[place]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class RefusedRequest:
    weight = 1
    size_bytes = backlog_bytes = 0

    def __init__(self, error: SpooledError) -> None:
        self._error = error

    def begin(self, group: Group) -> None: ...

    async def write(self, stream: AnswerStream) -> None:
        await stream.refuse(self._error)

    def hand_back(self, call: Call) -> None: ...


class Settled:
    """The answer to a settlement, which is done even if the client does not get the answer."""

    weight = 1
    backlog_bytes = 0

    def __init__(self, act: Settlement, command: Command, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._act = act
        self._command = command
        self._group: Group | None = None
        self._place = 0

    def begin(self, group: Group) -> None:
        self._group = group
        self._place = group.add(self._act.step(group.call, self._command))

    async def write(self, stream: AnswerStream) -> None:
        assert self._group is not None, "it was begun"
        try:
            outcome = self._group.outcome(self._place)
            response = await self._act.answer(self._command, outcome)
        except Exception as error:
            await stream.refuse(told(error))
        else:
            await stream.say(self._act.field, response)

    def hand_back(self, call: Call) -> None: ...


class Arrived:
    """Jobs for a dequeue that had waited; when the client can read none, it waits again."""

    weight = size_bytes = 0

    def __init__(self, wanted: Claim, jobs: list[JobRow]) -> None:
        self.backlog_bytes = sum(map(body_bytes, jobs))
        self._wanted = wanted
        self._jobs = deque(jobs)

    def begin(self, group: Group) -> None: ...

    async def write(self, stream: AnswerStream) -> None:
        has_said = False
        while self._jobs:
            for message in (await handed_out(stream.call, [self._jobs[0]])).messages:
                await stream.say(JOB, message)
                has_said = True
            self._jobs.popleft()
        if not has_said:
            await stream.park(self._wanted)

    def hand_back(self, call: Call) -> None:
        if self._jobs:
            give_back(call.db, call.claimer, list(self._jobs))


class AskedDequeue:
    """The answer to a dequeue: its jobs, or none yet, and then the dequeue waits."""

    size_bytes = backlog_bytes = 0

    def __init__(self, wanted: Claim) -> None:
        self.weight = wanted.limit
        self._wanted = wanted
        self._request: Request | None = None
        self._jobs: Arrived | None = None

    def begin(self, group: Group) -> None:
        # The claim is tried once now. If it finds nothing, it parks when it is this answer's turn.
        self._request = ask_once(group.call.db, group.call.claimer, self._wanted)

    async def write(self, stream: AnswerStream) -> None:
        taker = self._taker
        if not taker.done():
            await asyncio.wait({taker})
        error = taker.exception()
        if error is not None:
            await stream.refuse(told(error))
        elif taker.result():
            self._jobs = Arrived(self._wanted, taker.result())
            await self._jobs.write(stream)
        else:
            await stream.park(self._wanted)

    def hand_back(self, call: Call) -> None:
        taker = self._taker
        if self._jobs is not None:
            self._jobs.hand_back(call)
        elif not taker.done():
            taker.cancel()  # the writing thread gives back jobs that it still finds
        elif taker.exception() is None and taker.result():
            give_back(call.db, call.claimer, taker.result())

    @property
    def _taker(self) -> asyncio.Future[list[JobRow]]:
        assert self._request is not None, "it was begun"
        taker: asyncio.Future[list[JobRow]] = self._request.taker
        return taker
