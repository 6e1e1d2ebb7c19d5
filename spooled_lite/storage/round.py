"""What one transaction runs: the requests of a batch, and the waiting claims that they feed."""

import sqlite3
import time
from collections import deque
from collections.abc import Callable, Container, Hashable, Sequence
from typing import Any, Final, Protocol

from spooled_lite.errors import SpooledError
from spooled_lite.storage.backlog import LINES_MAX, Request
from spooled_lite.storage.disk_room import DiskRoom
from spooled_lite.storage.lanes import Lane
from spooled_lite.storage.slow import SLOW_SECONDS, SlowOperations
from spooled_lite.storage.transaction import Batch, Line, Tx, together
from spooled_lite.storage.trouble import as_answer, reason_of, unavailable

# Waiting claims run in one batch; the rest of the line goes next time. More than one claim may have
# lines: each may cost a run before it is that claim's turn.
PARKED_RUN_MAX: Final = 256
assert PARKED_RUN_MAX > LINES_MAX, "else a claim with many lines would be postponed for ever"

Answer = tuple[Request, Any]  # the result, or the exception


class WaitingLines(Protocol):
    """Claims that found nothing and stay, oldest first. Used by the writing thread alone."""

    def park(self, request: Request) -> None: ...
    def waiting_in(self, line: Line) -> Sequence[Request]: ...
    def within(self, line: Line) -> Sequence[Line]: ...
    def has_claims(self, line: Line) -> bool: ...
    def leave(self, request: Request) -> None: ...


class TransactionLost(Exception):
    """SQLite ended the transaction because of one operation; the others are not to blame."""

    def __init__(self, culprit: Request, error: Exception) -> None:
        self.culprit = culprit
        self.error = error


class Round:
    """Runs what shares a commit, in order. End it with `keep` after the commit, or with `undo`."""

    def __init__(
        self,
        batch: Batch,
        waiting: WaitingLines,
        *,
        now_ms: Callable[[], int],
        room: DiskRoom,
        slow: SlowOperations,
    ) -> None:
        self.answers: list[Answer] = []
        self.postponed: list[Request] = []  # for the next batch, in order
        self._batch = batch
        self._waiting = waiting
        self._now_ms = now_ms
        self._room = room
        self._slow = slow
        self._parked: list[Request] = []
        self._served: dict[Request, None] = {}  # of those that wait
        self._looked_at: set[Line] = (
            set()
        )  # lines in which claims wait; nothing is there for them until the line is fed
        self._held: set[Line] = set()  # of postponed claims: no other claim may go first in these
        self._runs_left = PARKED_RUN_MAX

    def run(self, request: Request) -> None:
        """Run a request; a claim goes behind those that wait in its lines.

        Raises:
            TransactionLost: the request, or a waiting claim, has ended the transaction.
            sqlite3.Error: trouble of the storage.
        """
        if request.lines:
            if request.taker.done():
                return  # the caller has gone away and cannot be given a job
            if not self._is_next(request):
                self.postponed.append(request)
                self._held.update(request.lines)
                return
        result = self._result_of(request)
        if request.parks and not result:
            # At once: an operation later in this batch may feed its lines.
            self._waiting.park(request)
            self._parked.append(request)
        else:
            self.answers.append((request, result))

    def serve_fed(self) -> set[Line]:
        """Run the waiting claims of every fed line. Returns the lines that were not served whole.

        Raises: as `run`.
        """
        fed = self._batch.fed  # a claim that runs may feed a line itself
        waits_in = self._waiting.has_claims
        while fed and self._runs_left:
            line = next(iter(fed))
            if waits_in(line):
                self._serve(line)
            else:
                fed.discard(line)  # nearly always: most lines have nobody in them
        return {line for line in fed if waits_in(line)}

    def keep(self) -> None:
        """The commit is done."""
        for request in self._served:
            self._waiting.leave(request)
        for request, _ in self.answers:
            request.answered = True

    def undo(self) -> None:
        """The transaction is lost: claims that waited before it keep their places."""
        for request in self._parked:
            self._waiting.leave(request)

    def _is_next(self, request: Request) -> bool:
        """Serve those that wait in the lines of a fresh claim. False: this batch has no room to."""
        if self._held and not self._held.isdisjoint(request.lines):
            return False
        fed = self._batch.fed
        parts = [
            part for line in request.lines if line in fed for part in self._waiting.within(line)
        ]
        fed.update(parts)
        return all(map(self._serve, (*parts, *request.lines)))

    def _serve(self, line: Line) -> bool:
        """Run the claims that wait in a line, oldest first, until one finds nothing.

        One that looks for some of the jobs only ends the run of those that look for the same.
        A claim that stands in other fed lines as well is run when it is the first in all of them:
        those before it there are run before it. One that finds nothing ends the run of its own
        lines and of no other. False when there was no room for all of them in this batch.
        """
        fed = self._batch.fed
        left = _Left(self._waiting, self._served)
        path = [line]  # the first claim of each line has an older one before it in the next line
        while path:
            here = path[-1]
            if self._is_empty(here):
                path.pop()
                continue
            first = left.first_in(here)
            if first is None:
                self._note_empty(here)
            elif (before := self._line_before(first, here, left)) is not None:
                path.append(before)
            elif not self._runs_left:
                fed.add(line)
                return False
            elif not self._run_waiting(first):
                if first.looks_for is not None:
                    left.found_nothing(first)
                    continue
                for each in first.lines:
                    self._note_empty(each)
        return True

    def _is_empty(self, line: Line) -> bool:
        """Whether it is known that nothing is there for those that wait in this line."""
        return line in self._looked_at and line not in self._batch.fed

    def _note_empty(self, line: Line) -> None:
        fed = self._batch.fed
        if line in fed:
            fed.discard(line)
            fed.update(self._waiting.within(line))  # what is for nobody here may be for those
        self._looked_at.add(line)

    def _line_before(self, request: Request, here: Line, left: "_Left") -> Line | None:
        """A fed line in which another claim stands before this one, which is the first one here.

        A claim joins all its lines at one moment, so the one before it has waited longer: going
        from one such line to the next comes to an end.
        """
        if len(request.lines) == 1:
            return None
        for line in request.lines:
            if line in self._batch.fed and line != here:
                first = left.first_in(line)
                if first is not None and first is not request:
                    return line
        return None

    def _run_waiting(self, request: Request) -> bool:
        """Run a waiting claim. False if it found nothing and goes on waiting."""
        if not request.taker.done():
            self._runs_left -= 1
            result = self._result_of(request)
            if not result:
                return False
            self.answers.append((request, result))
        self._served[request] = None
        return True

    def _result_of(self, request: Request) -> Any:
        """The result of a request, or the exception it ends with."""
        began = time.monotonic()
        result = self._outcome_of(request)
        seconds = time.monotonic() - began
        if seconds > SLOW_SECONDS:
            self._slow.ran(request, seconds)
        return result

    def _outcome_of(self, request: Request) -> Any:
        if self._room.is_near and request.lane == Lane.CREATE and self._room.is_low():
            return unavailable("storage_full")
        result = self._attempt(request, request.operation, request.arguments)
        if request.operation is together and isinstance(result, Exception):
            # Nothing is left of any of them; each on its own, only the culprits are refused.
            (steps,) = request.arguments
            return [self._attempt(request, *step) for step in steps]
        return result

    def _attempt(
        self, request: Request, operation: Callable[..., Any], arguments: tuple[Any, ...]
    ) -> Any:
        if self._room.is_near:
            arguments = (request.lane, operation, arguments)
            operation = self._within_the_room
        try:
            return self._batch.run(self._now_ms(), operation, *arguments)
        except Exception as error:
            if isinstance(error, sqlite3.Error) and reason_of(error) is not None:
                raise
            if not self._batch.connection.in_transaction:
                raise TransactionLost(request, error) from error
            if isinstance(error, SpooledError):
                # A refusal is no bug. Its traceback would hold the frames of this thread, and
                # through them every answer of the batch, until a garbage collection.
                return error.with_traceback(None)
            return as_answer(error)

    def _within_the_room(
        self, tx: Tx, lane: Lane, operation: Callable[..., Any], arguments: tuple[Any, ...]
    ) -> Any:
        """Run an operation, and undo it when it took room that is kept for others."""
        connection = self._batch.connection
        pages_before = self._room.pages_of(connection)
        result = operation(tx, *arguments)
        if not self._room.is_left_for(lane, connection, pages_before=pages_before):
            raise unavailable("storage_full")
        return result


class _Left:
    """The waiting claims that one run through their lines may still serve."""

    def __init__(self, waiting: WaitingLines, served: Container[Request]) -> None:
        self._waiting = waiting
        self._served = served
        self._in_line: dict[Line, deque[Request]] = {}
        self._in_vain: set[tuple[Line, Hashable]] = set()  # what is looked for and is not there

    def first_in(self, line: Line) -> Request | None:
        """The oldest in a line that was not served yet and may find something."""
        requests = self._in_line.get(line)
        if requests is None:
            requests = self._in_line[line] = deque(self._waiting.waiting_in(line))
        while requests and self._is_done(requests[0], line):
            requests.popleft()
        return requests[0] if requests else None

    def found_nothing(self, request: Request) -> None:
        self._in_vain.update((line, request.looks_for) for line in request.lines)

    def _is_done(self, request: Request, line: Line) -> bool:
        return request in self._served or (
            request.looks_for is not None and (line, request.looks_for) in self._in_vain
        )
