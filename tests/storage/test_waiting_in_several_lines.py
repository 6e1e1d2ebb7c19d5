"""Claims that wait in several lines at once, beside a small model of who is to be served first."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spooled_lite.ids import Ids
from spooled_lite.storage import round as round_module
from spooled_lite.storage.backlog import Request
from spooled_lite.storage.disk_room import DiskRoom
from spooled_lite.storage.lanes import Lane
from spooled_lite.storage.round import Round
from spooled_lite.storage.slow import SlowOperations
from spooled_lite.storage.statement import Value
from spooled_lite.storage.transaction import Batch, Hooks, Line, Tx
from spooled_lite.wire.waiting.claims import Waiting
from tests.storage.stage import NOON_MS

ALL_LINES: Final = "abcd"
FIRST: Final = Value(
    int,
    """
SELECT min(seq) FROM jobs WHERE line IN (SELECT value FROM json_each(:lines))
""",
)

# -- what is done in a batch ---------------------------------------------------------------------


class Add(NamedTuple):
    """A job comes into a line."""

    line: Line


class Claim(NamedTuple):
    lines: tuple[Line, ...]
    parks: bool


class Leave(NamedTuple):
    """One of the claims leaves: by an operation, or it was gone before the batch began."""

    which: int
    is_noticed: bool


Act = Add | Claim | Leave


class Plan(NamedTuple):
    """The acts of one batch, and whether it is lost at the end."""

    acts: Sequence[Act]
    is_lost: bool


# -- the model -----------------------------------------------------------------------------------


class Model:
    """The oldest claim for which there is a job in any of its lines gets the oldest such job."""

    def __init__(self) -> None:
        self.jobs: dict[int, Line] = {}  # the line of each that nobody has
        self.waiting: dict[int, tuple[Line, ...]] = {}
        self.has: dict[int, int | None] = {}  # the job of each claim that is answered
        self._added = self._claims = 0

    def run(self, plan: Plan) -> None:
        for act in plan.acts:
            if isinstance(act, Leave) and not act.is_noticed:
                self.waiting.pop(act.which, None)
        if plan.is_lost:
            self._lose(plan.acts)
            return
        for act in plan.acts:
            match act:
                case Add(line):
                    self._added += 1
                    self.jobs[self._added] = line
                case Claim(lines, parks):
                    self._serve()
                    claim, self._claims = self._claims, self._claims + 1
                    self.waiting[claim] = lines
                    if not self._take(claim) and not parks:
                        del self.waiting[claim]
                        self.has[claim] = None
                case Leave(which, is_noticed) if is_noticed:
                    self.waiting.pop(which, None)
        self._serve()

    def _lose(self, acts: Sequence[Act]) -> None:
        """Nothing is left of its jobs and claims; who has left is gone all the same."""
        for act in acts:
            match act:
                case Add():
                    self._added += 1
                case Claim():
                    self._claims += 1
                case Leave(which):
                    self.waiting.pop(which, None)

    def _serve(self) -> None:
        while any(self._take(claim) for claim in tuple(self.waiting)):
            pass

    def _take(self, claim: int) -> bool:
        job = next((job for job, line in self.jobs.items() if line in self.waiting[claim]), None)
        if job is None:
            return False
        del self.jobs[job], self.waiting[claim]
        self.has[claim] = job
        return True


# -- the product ---------------------------------------------------------------------------------


class Stage:
    """Batches of the product, one after the other, on the thread of the test."""

    def __init__(self) -> None:
        self.waiting = Waiting()
        self.claims: list[Request] = []
        self.runs: Counter[Request] = Counter()
        self._hungry: set[Line] = set()
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("CREATE TABLE jobs (seq INTEGER PRIMARY KEY, line)")
        self._added = 0

    def close(self) -> None:
        self._connection.close()

    def claim(self, lines: tuple[Line, ...], *, parks: bool = True) -> Request:
        def take(tx: Tx) -> list[int]:
            self.runs[request] += 1
            asked = {"lines": json.dumps(lines)}
            seq = tx.value(FIRST, asked)
            tx.execute("DELETE FROM jobs WHERE seq = :seq", {"seq": seq})
            return [] if seq is None else [seq]

        request = Request(take, (), Lane.CLAIM, 1, Future(), lines=lines, parks=parks)
        self.claims.append(request)
        return request

    def add(self, line: Line) -> Request:
        self._added += 1
        seq = self._added

        def add(tx: Tx) -> None:
            tx.execute("INSERT INTO jobs VALUES (:seq, :line)", {"seq": seq, "line": line})
            tx.feed(line)

        return a_request(add)

    def serve(self, requests: Sequence[Request], *, is_lost: bool = False) -> None:
        """One batch, and those that serve what it had no room for."""
        while requests or self._hungry:
            requests = self._one_batch(requests, is_lost=is_lost)
            if is_lost:
                return

    def _one_batch(self, requests: Sequence[Request], *, is_lost: bool) -> Sequence[Request]:
        batch = Batch(self._connection, Hooks(), Ids(1))
        batch.fed |= self._hungry
        room = DiskRoom(":memory:", reserve_bytes=0)
        round_ = Round(
            batch, self.waiting, now_ms=lambda: NOON_MS, room=room, slow=SlowOperations()
        )
        self._connection.execute("BEGIN")
        for request in requests:
            round_.run(request)
        left = round_.serve_fed()
        if is_lost:
            round_.undo()
            self._connection.execute("ROLLBACK")
            return ()
        self._connection.execute("COMMIT")
        self._hungry = left
        round_.keep()
        for request, result in round_.answers:
            if not request.taker.done():
                request.taker.set_result(result)
        return round_.postponed

    def run(self, plan: Plan) -> None:
        for act in plan.acts:
            if isinstance(act, Leave) and not act.is_noticed and act.which < len(self.claims):
                self.claims[act.which].taker.cancel()
        requests = [self._request(act) for act in plan.acts]
        self.serve([each for each in requests if each is not None], is_lost=plan.is_lost)

    def _request(self, act: Act) -> Request | None:
        match act:
            case Add(line):
                return self.add(line)
            case Claim(lines, parks):
                return self.claim(lines, parks=parks)
            case Leave(which, is_noticed) if is_noticed and which < len(self.claims):
                leaver = self.claims[which]
                return a_request(lambda tx: self.waiting.leave(leaver))
            case _:
                return None

    def has(self) -> dict[int, int | None]:
        answered = {
            number: request.taker.result(timeout=0)
            for number, request in enumerate(self.claims)
            if request.taker.done() and not request.taker.cancelled()
        }
        return {number: found[0] if found else None for number, found in answered.items()}

    def left(self) -> list[int]:
        return [row[0] for row in self._connection.execute("SELECT seq FROM jobs ORDER BY seq")]


def a_request(operation: Callable[..., Any]) -> Request:
    return Request(operation, (), Lane.REST, 1, Future())


@contextmanager
def a_stage() -> Iterator[Stage]:
    stage = Stage()
    try:
        yield stage
    finally:
        stage.close()


# -- properties ----------------------------------------------------------------------------------

some_lines = st.lists(st.sampled_from(ALL_LINES), min_size=1, max_size=3, unique=True).map(tuple)
adds = st.builds(Add, st.sampled_from(ALL_LINES))
claims = st.builds(Claim, some_lines, st.booleans())
waiters = st.builds(Claim, some_lines, st.just(True))
leavers = st.builds(Leave, st.integers(0, 8), st.booleans())


def plans(*acts: st.SearchStrategy[Any], is_lost: st.SearchStrategy[bool]) -> Any:
    some = st.lists(st.one_of(*acts), max_size=8).map(leavers_first)
    return st.lists(st.builds(Plan, some, is_lost), max_size=8)


def leavers_first(acts: Sequence[Act]) -> Sequence[Act]:
    """Whoever leaves in the batch that has a job for it may get the job or not, by what else is in
    the batch: both are right, so the model is not asked.
    """
    return sorted(acts, key=lambda act: not isinstance(act, Leave))


@settings(deadline=None)  # machines may be busy
@given(plans(adds, claims, waiters, leavers, is_lost=st.sampled_from([False, False, False, True])))
def test_the_oldest_for_whom_there_is_something_in_any_of_its_lines_is_served_first(
    script: Sequence[Plan],
) -> None:
    model = Model()
    with a_stage() as stage:
        for plan in script:
            model.run(plan)
            stage.run(plan)
            assert stage.has() == model.has
            assert stage.left() == list(model.jobs)


@settings(deadline=None)  # machines may be busy
@given(plans(adds, waiters, is_lost=st.just(False)), st.integers(3, 5))
def test_so_it_is_when_one_batch_has_no_room_for_all_that_wait(
    script: Sequence[Plan], runs_max: int
) -> None:
    model = Model()
    with pytest.MonkeyPatch.context() as patch, a_stage() as stage:
        patch.setattr(round_module, "PARKED_RUN_MAX", runs_max)
        for plan in script:
            model.run(plan)
            stage.run(plan)
            assert stage.has() == model.has
            assert stage.left() == list(model.jobs)


# -- single cases --------------------------------------------------------------------------------


def test_one_that_finds_nothing_keeps_nobody_else_waiting_in_its_other_lines() -> None:
    with a_stage() as stage:
        both, other = stage.claim(("a", "b")), stage.claim(("b", "c"))
        stage.serve([both, other])

        stage.serve([stage.add("c")])

        assert not both.taker.done()
        assert other.taker.result(timeout=0) == [1]


def test_one_that_is_served_leaves_all_its_lines() -> None:
    with a_stage() as stage:
        both, behind = stage.claim(("a", "b")), stage.claim(("b",))
        stage.serve([both, behind])

        stage.serve([stage.add("a")])
        stage.serve([stage.add("b")])

        assert (both.taker.result(timeout=0), behind.taker.result(timeout=0)) == ([1], [2])
        assert all(not stage.waiting.waiting_in(line) for line in ALL_LINES)


def test_one_that_leaves_in_the_batch_that_has_a_job_for_it_takes_none_away() -> None:
    with a_stage() as stage:
        gone, other = stage.claim(("a", "b")), stage.claim(("a",), parks=False)

        stage.serve([gone, stage.add("b"), other, a_request(lambda _: stage.waiting.leave(gone))])

        assert not gone.taker.done()
        assert stage.left() == [1]


def test_a_fresh_claim_does_not_overtake_a_postponed_one_in_any_of_its_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(round_module, "PARKED_RUN_MAX", 1)
    with a_stage() as stage:
        stage.serve([stage.claim(("a",)), stage.claim(("a",))])

        first, second = stage.claim(("a", "b"), parks=False), stage.claim(("b",), parks=False)
        stage.serve([stage.add("a"), stage.add("a"), stage.add("b"), first, second])

        assert (first.taker.result(timeout=0), second.taker.result(timeout=0)) == ([3], [])


def test_claims_that_wait_in_many_crossing_lines_cost_a_job_one_run_each() -> None:
    count = 500
    with a_stage() as stage:
        waiting = [stage.claim((number, number + 1)) for number in range(count)]
        stage.serve(waiting)
        stage.runs.clear()

        stage.serve([stage.add(count)])  # only the youngest stands there

        assert waiting[-1].taker.result(timeout=0) == [1]
        assert stage.runs.total() == 1


def test_many_that_wait_are_not_looked_at_for_a_line_in_which_they_do_not_stand() -> None:
    with a_stage() as stage:
        stage.serve([stage.claim(("a", "b")) for _ in range(300)])
        stage.runs.clear()

        stage.serve([stage.add("c"), stage.claim(("c",), parks=False)])

        assert stage.runs.total() == 1
