"""Claims that wait: until a commit has work for one of their lines, their time is up or they leave.

A claim may stand in several lines, and leaves all of them together.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from spooled_lite.core.auth.columns import RevokedRow
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.keys.columns import KeyRow
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle.claim import Claim, claim_if_still_allowed
from spooled_lite.core.lifecycle.claim_handlers import claim_for_handlers_if_still_allowed
from spooled_lite.core.lifecycle.handlers import HandlerClaim
from spooled_lite.core.lifecycle.settle import release
from spooled_lite.core.lifecycle.statements import HeldRow
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.core.workers.columns import WorkerRow
from spooled_lite.errors import AccessDenied, SpooledError, Unauthorized
from spooled_lite.events import OF_CREDENTIALS, Event
from spooled_lite.storage.backlog import Request
from spooled_lite.storage.database import Database
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Line, Tx

Jobs = TypeVar("Jobs", bound=Sequence[HeldRow])


class Waiting:
    """The lines of waiting claims, oldest first. The lines are changed by the writing thread."""

    def __init__(self) -> None:
        self._lines: dict[Line, dict[Request, None]] = {}
        self._parts: dict[Line, dict[Line, None]] = {}  # of a line, in which claims wait
        # Used only on the loop: the caller of each claim and the queues it claims from.
        self._waiting: dict[Request, tuple[Claimer, Sequence[str]]] = {}
        self._of_worker: dict[tuple[int, str], dict[Request, None]] = {}
        self.is_over = False  # the server stops: a claim takes what there is and does not wait

    # -- for the writing thread --------------------------------------------------------------

    def park(self, request: Request) -> None:
        for line in request.lines:
            self._lines.setdefault(line, {})[request] = None
        for line, whole in zip(request.lines, request.within, strict=False):
            self._parts.setdefault(whole, {})[line] = None

    def waiting_in(self, line: Line) -> Sequence[Request]:
        return tuple(self._lines.get(line, ()))

    def within(self, line: Line) -> Sequence[Line]:
        return tuple(self._parts.get(line, ()))

    def has_claims(self, line: Line) -> bool:
        """Whether claims wait in a line or in a part of it."""
        return line in self._lines or line in self._parts

    def leave(self, request: Request) -> None:
        for line in request.lines:
            those = self._lines.get(line, {})
            those.pop(request, None)
            if not those:
                self._lines.pop(line, None)
        for line, whole in zip(request.lines, request.within, strict=False):
            parts = self._parts.get(whole, {})
            if line not in self._lines:
                parts.pop(line, None)
            if not parts:
                self._parts.pop(whole, None)

    # -- for the loop ------------------------------------------------------------------------

    def count(self) -> int:
        """The number of waiting claims."""
        return len(self._waiting)

    def count_in(self, line: Line) -> int:
        """The number of claims in a line and its parts. May be called from any thread."""
        waiting = set(self._lines.get(line, ()))
        for part in self.within(line):
            waiting.update(self._lines.get(part, ()))
        return len(waiting)

    def begin(self, request: Request, caller: "Claimer", queue_names: Sequence[str]) -> None:
        self._waiting[request] = caller, queue_names
        request.taker.add_done_callback(lambda _: self._waiting.pop(request, None))

    def begin_of_worker(self, request: Request, org: int, worker_id: str) -> None:
        """This claim is answered empty when its worker drains or deregisters."""
        worker = (org, worker_id)
        self._of_worker.setdefault(worker, {})[request] = None

        def forget(_: object) -> None:
            requests = self._of_worker[worker]
            del requests[request]
            if not requests:
                del self._of_worker[worker]

        request.taker.add_done_callback(forget)

    def end(self, database: Database, request: Request) -> None:
        """End a wait. A job that the claim is handed from now on goes back to its queue."""
        request.parks = False
        if not request.taker.done():
            request.taker.set_result([])
        database.submit(request.owner, _leave, self, request)

    def end_all(self, database: Database) -> None:
        """Answer every waiting claim empty, because the server stops, and let no other wait."""
        self.is_over = True
        for request in tuple(self._waiting):
            self.end(database, request)

    def hear(self, database: Database, events: Sequence[Event]) -> None:
        """End the waits of workers that drain or deregister, and of callers that lost their rights.

        This only spares them the rest of the wait. Whether a claim may have a job is checked in
        the transaction that hands it out, so nothing depends on this event coming in time.
        """
        for event in events:
            if event.type in ("worker.heartbeat", "worker.deregistered"):
                worker: WorkerRow = event.row
                if event.type == "worker.deregistered" or worker["status"] == "draining":
                    for request in tuple(self._of_worker.get((event.org, worker["id"]), ())):
                        self.end(database, request)
            if event.type not in OF_CREDENTIALS:
                continue
            for request, (caller, queue_names) in tuple(self._waiting.items()):
                refused = _refusal_by(event, caller, queue_names)
                if refused is not None and not request.taker.done():
                    request.taker.set_exception(refused)
                    self.end(database, request)


class Claimer(Struct, frozen=True):
    """The caller of a claim: its key, its token, and whether it is still connected."""

    org: int
    key: int
    secret_id: str  # of the key, when the caller was admitted
    is_gone: Callable[[], bool]  # whether its connection has ended
    # Returns when the caller has left. None over gRPC, where the call is cancelled instead.
    until_gone: Callable[[], Coroutine[Any, Any, None]] | None = None
    token_id: str | None = None  # when the caller shows a token


class Left(Exception):
    """The caller left before it got its jobs; they go back to their queue."""


AnyClaim = Claim | HandlerClaim


async def claim_now(database: Database, caller: Claimer, wanted: AnyClaim) -> list[JobRow]:
    """Claim without waiting, behind the claims that wait.

    Raises:
        Left: the caller is gone. Its jobs can be claimed again at once, with no attempt counted.
        Unauthorized, AccessDenied: the key or its token was revoked or changed just before.
    """
    request = ask_once(database, caller, wanted)
    try:
        jobs: list[JobRow] = await request.taker
    except asyncio.CancelledError:
        _release_taken(database, caller, request)
        raise
    return handed(database, caller, jobs)


def ask_once(database: Database, caller: Claimer, wanted: AnyClaim) -> Request:
    """Hand in a claim that does not wait for jobs. Its answer comes in the request's `taker`.

    Cancel the taker to give up.
    """
    return _line_up(database, caller, wanted, parks=False)


async def claim_or_wait(
    database: Database, waiting: Waiting, caller: Claimer, wanted: AnyClaim, *, wait_ms: int
) -> list[JobRow]:
    """Claim, and wait up to `wait_ms` for something to claim.

    Returns an empty list when nothing came, and at once when its worker begins to drain or
    deregisters and when the server stops.

    Raises:
        Left: as `claim_now`.
        Unauthorized, AccessDenied: while it waited, its key was revoked, changed or given a new
            secret, or its token was logged out. Raised at once, not at the end of the wait.

    Contract: jobs, J11; catbird-capabilities, section 19.3 (`wait_ms`); amendments, G5.
    """
    assert caller.until_gone is not None, "without it, nothing would notice that it leaves"
    request = stand_in_line(database, waiting, caller, wanted)
    waiting.begin_of_worker(request, caller.org, wanted.worker_id)
    leaving = asyncio.create_task(caller.until_gone(), name="until-gone")
    try:
        await asyncio.wait(
            {request.taker, leaving},
            timeout=wait_ms / 1000,
            return_when=asyncio.FIRST_COMPLETED,
        )
        leaving.cancel()
        await asyncio.wait({leaving})
    except asyncio.CancelledError:
        leaving.cancel()
        leave_line(database, waiting, caller, request)
        raise
    if not request.taker.done():
        waiting.end(database, request)
    jobs: list[JobRow] = request.taker.result()
    return handed(database, caller, jobs)


async def claim_when_there_is(
    database: Database, waiting: Waiting, caller: Claimer, wanted: Claim
) -> list[JobRow]:
    """Claim, and wait as long as it takes; an empty list when the server stops.

    Raises: as `claim_or_wait` but for Left: cancel this call when the caller leaves.
    """
    request = stand_in_line(database, waiting, caller, wanted)
    try:
        await asyncio.wait({request.taker})
    except asyncio.CancelledError:
        leave_line(database, waiting, caller, request)
        raise
    jobs: list[JobRow] = request.taker.result()
    return jobs


def stand_in_line(
    database: Database, waiting: Waiting, caller: Claimer, wanted: AnyClaim
) -> Request:
    """Hand in a claim that waits until there is something for it, or until it leaves its line.
    While the server stops it does not wait.

    Its answer comes in the request's `taker`, which raises as `claim_or_wait`.
    """
    request = _line_up(database, caller, wanted, parks=not waiting.is_over)
    waiting.begin(request, caller, () if wanted.queue_name is None else (wanted.queue_name,))
    return request


def _line_up(database: Database, caller: Claimer, wanted: AnyClaim, *, parks: bool) -> Request:
    # A claim that does not park still waits for the writes that were handed in before it.
    if isinstance(wanted, HandlerClaim):
        return database.submit_claim(
            claim_for_handlers_if_still_allowed,
            (caller.org, wanted, caller.key, caller.secret_id, caller.token_id),
            owner=caller.org,
            lines=tuple(place.line(caller.org) for place in wanted.places),
            within=tuple((caller.org, place.queue_name) for place in wanted.places),
            looks_for=wanted.phase,
            parks=parks,
            gives_back=release,
        )
    return database.submit_claim(
        claim_if_still_allowed,
        (caller.org, wanted, caller.key, caller.secret_id, caller.token_id),
        owner=caller.org,
        lines=((caller.org, wanted.queue_name),),
        looks_for=wanted.kind,
        parks=parks,
        gives_back=release,
    )


def leave_line(database: Database, waiting: Waiting, caller: Claimer, request: Request) -> None:
    """Give up a claim; if it was handed jobs just now, they go back at once."""
    if not request.taker.done():
        waiting.end(database, request)
    else:
        _release_taken(database, caller, request)


def _release_taken(database: Database, caller: Claimer, request: Request) -> None:
    """Give back the jobs of a claim whose caller no longer takes them."""
    taker: asyncio.Future[Any] = request.taker
    if not taker.done() or taker.cancelled() or taker.exception() is not None:
        return  # the writing thread gives back jobs that nobody takes
    if taker.result():
        give_back(database, caller, taker.result())


def give_back(database: Database, caller: Claimer, jobs: Sequence[HeldRow]) -> None:
    """Return jobs that did not reach their caller to their queue at once. Does not wait."""
    database.submit(caller.org, release, jobs)


def handed(database: Database, caller: Claimer, jobs: Jobs) -> Jobs:
    """The jobs, when the caller is still there.

    Raises:
        Left: it is not, and the jobs go back to their queue.
    """
    if jobs and caller.is_gone():
        give_back(database, caller, jobs)
        raise Left
    return jobs


def _refusal_by(event: Event, caller: Claimer, queue_names: Sequence[str]) -> SpooledError | None:
    """The error with which this event ends the wait of a caller; None when it may go on waiting."""
    match event.type:
        case "token.revoked":
            token: RevokedRow = event.row
            if token["id"] == caller.token_id:
                return Unauthorized()
        case "key.changed":
            key: KeyRow = event.row
            if key["seq"] != caller.key:
                return None
            if not key["is_active"] or key["secret_id"] != caller.secret_id:
                return Unauthorized()
            scope = Scope(msgspec.json.decode(key["queues"], type=list[str]))
            if not all(map(scope.allows, queue_names)):
                return AccessDenied("This key may not use this queue")
        case "org.changed" if event.org == caller.org:
            org: OrgRow = event.row
            if org["deleted_at_ms"] is not None or org["plan_tier"] == "deleted":
                return Unauthorized()
            if not org["is_active"]:
                return AccessDenied("This organization is suspended")
    return None


@in_lane(Lane.SETTLE)
def _leave(tx: Tx, waiting: Waiting, request: Request) -> None:
    waiting.leave(request)
