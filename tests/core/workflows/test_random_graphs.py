"""Random graphs and random acts: every step runs when it may, and none waits for ever."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.dead_letters import DeadLetters
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.renew import renew
from spooled_lite.core.lifecycle.retry import retry_dead_letters
from spooled_lite.core.lifecycle.settle import release
from spooled_lite.core.maintenance.remove import purge_dead_letters_pass, purge_queue_pass
from spooled_lite.errors import LeaseExpired
from tests.core.job_stage import JobStage, holder
from tests.core.workflows.graph_model import QUEUES, Model, random_steps
from tests.core.workflows.graphs import check, stored

LEASE_SECONDS: Final = 30
# Every life, as in the test of jobs: each attempt is claimed once and ends once.
LETTERS: Final = {
    **{"created": "N", "claimed": "L", "released": "R", "completed": "C", "failed": "F"},
    **{"retried": "T", "deadlettered": "D", "cancelled": "X"},
}
LEGAL: Final = re.compile(r"N(L(R|FT|FDT)|XT)*(L(C|FD)|L?X)")

WORK: Final = ("claim", "claim", "claim", "complete", "complete", "complete", "fail", "die")
REST: Final = (
    *("cancel", "retry", "retry all", "dead letters", "leases", "wait", "renew"),
    *("cancel all", "stop all"),
)
PURGES: Final = ("purge dead", "purge queue", "release", "loops")
PICKS: Final = st.integers(0, 1_000)


def acts(*names: str, size: int) -> st.SearchStrategy[list[tuple[str, int]]]:
    return st.lists(st.tuples(st.sampled_from(names), PICKS), min_size=size // 3, max_size=size)


class Life:
    """One graph, its workers and callers. With a model after every act the loops come to rest."""

    def __init__(self, stage: JobStage, size: int, parents_max: int, seed: int) -> None:
        steps = random_steps(size, parents_max, seed)
        self.stage = stage
        for queue in QUEUES:
            stage.configure(queue)
        self.graph = stored(stage, *steps)
        self.model: Model | None = Model.of(steps)
        self.held: list[JobRow] = []
        self._key_of = {job_id: key for key, job_id in self.graph.ids.items()}
        self.acts: dict[str, Callable[[int], Any]] = {
            "claim": self.claim,
            "complete": partial(self.settle, "complete"),
            "fail": partial(self.settle, "fail"),
            "die": partial(self.settle, "die"),
            "cancel": self.cancel,
            "retry": self.retry,
            "retry all": self.retry_all,
            "dead letters": self.retry_dead_letters,
            "leases": self.leases_end,
            "wait": self.wait,
            "renew": self.renew,
            "cancel all": self.cancel_all,
            "stop all": partial(self.cancel_all, stop_running=True),
            "purge dead": self.purge_dead,
            "purge queue": self.purge_queue,
            "release": self.release,
            "loops": lambda pick: self.stage.run_due(),
        }

    def act(self, name: str, pick: int) -> None:
        self.acts[name](pick)
        if self.model is not None:
            self.stage.run_due()
            assert self.graph.steps == self.model.statuses
            assert self.graph.claimable == self.model.claimable
            assert self.graph.counted == self.model.counted
            assert self.graph.status == self.model.status
        check(self.stage)

    def with_model(self, act: Callable[[Model], None]) -> None:
        if self.model is not None:
            act(self.model)

    # -- workers -----------------------------------------------------------------------------

    def claim(self, pick: int) -> None:
        for job in self.stage.claim(QUEUES[pick % len(QUEUES)], limit=1 + pick % 3):
            self.held.append(job)
            self.with_model(partial(Model.claim, key=self._key_of[job["id"]]))

    def settle(self, how: str, pick: int) -> None:
        if not self.held:
            return
        job = self.held.pop(pick % len(self.held))
        key = self._key_of[job["id"]]
        if how == "complete":
            self.stage.complete(job)
            self.with_model(lambda model: model.complete(key))
        else:
            may_retry = how == "fail"
            self.stage.fail(job, may_retry=may_retry)
            self.with_model(lambda model: model.fail(key, may_retry=may_retry))

    def release(self, pick: int) -> None:
        if self.held:
            assert self.stage.run(release, [self.held.pop(pick % len(self.held))]) == 1

    def renew(self, pick: int) -> None:
        """For as long as it was given at first, so that no lease outlasts `leases_end`."""
        if not self.held:
            return
        job = self.held[pick % len(self.held)]
        asked = (job["id"], holder(job), LEASE_SECONDS * 1000, ALL_QUEUES)
        goes_on = not isinstance(self.stage.run(renew, self.stage.org, *asked), LeaseExpired)
        if not goes_on:
            self.held.remove(job)
        if self.model is not None:
            assert goes_on == self.model.renew(self._key_of[job["id"]])

    def leases_end(self, pick: int) -> None:
        """All of them, and every retry that waits is due."""
        self.stage.wait(seconds=LEASE_SECONDS)
        for job in self.held:
            key = self._key_of[job["id"]]
            fail = partial(Model.fail, key=key, may_retry=True, at_once=True)
            self.with_model(fail)
        self.held.clear()
        self.with_model(Model.time_passes)

    def wait(self, pick: int) -> None:
        self.stage.wait(seconds=2)
        self.held = [job for job in self.held if self._is_held(job)]
        if self.model is not None:
            assert len(self.held) == len(self.model.of_status("processing")), "none has run out yet"
            self.model.time_passes()

    def _is_held(self, job: JobRow) -> bool:
        now: int = self.stage.value(
            "SELECT count(*) FROM jobs WHERE id = :id AND lease_id = :lease",
            id=job["id"],
            lease=job["lease_id"],
        )
        return now == 1

    # -- callers -----------------------------------------------------------------------------

    def cancel(self, pick: int) -> None:
        waiting = self._of_status("pending")
        if waiting:
            key = waiting[pick % len(waiting)]
            self.stage.cancel(self.graph.step(key))
            self.with_model(lambda model: model.cancel(key))

    def retry(self, pick: int) -> None:
        dead = self._of_status("deadletter")
        if dead:
            key = dead[pick % len(dead)]
            self.stage.retry(self.graph.step(key))
            self.with_model(lambda model: model.retry(key))

    def retry_all(self, pick: int) -> None:
        if self.graph.status == "failed" and self._of_status("deadletter"):
            self.graph.retry()
            self.with_model(Model.start_over)

    def retry_dead_letters(self, pick: int) -> None:
        if len(self._of_status("deadletter")) <= 100:
            wanted = DeadLetters(limit=100)
            self.stage.run(retry_dead_letters, self.stage.org, wanted, ALL_QUEUES, None)
            self.with_model(Model.start_over)

    def cancel_all(self, pick: int, *, stop_running: bool = False) -> None:
        # Seldom: there is little to see afterwards.
        open_to_it = ("pending", "running", *(("cancelled",) if stop_running else ()))
        if pick % 8 == 0 and self.graph.status in open_to_it:
            self.graph.cancel(stop_running=stop_running)
            self.with_model(partial(Model.cancel_all, stop_running=stop_running))

    def purge_dead(self, pick: int) -> None:
        wanted = DeadLetters(limit=1 + pick % 5)
        self.stage.run(purge_dead_letters_pass, self.stage.org, wanted, ALL_QUEUES)

    def purge_queue(self, pick: int) -> None:
        if pick % 4 == 0:
            self.stage.run(purge_queue_pass, self.stage.org, QUEUES[pick % len(QUEUES)])

    def _of_status(self, status: str) -> list[str]:
        return [key for key, found in self.graph.steps.items() if found == status]

    # -- the end -----------------------------------------------------------------------------

    def bring_to_an_end(self, picks: list[int]) -> None:
        """Workers take whatever there is; most of it goes well."""
        for turn in range(20 * len(self.graph.ids) + 20):
            if not {"pending", "processing"} & set(self.graph.steps.values()):
                break
            self.stage.run_due()
            pick = picks[turn % len(picks)]
            for queue in QUEUES:
                for job in self.stage.claim(queue, limit=3):
                    self.held.append(job)
                    self.with_model(partial(Model.claim, key=self._key_of[job["id"]]))
            if self.held:
                self.act(("complete", "complete", "fail", "die")[pick % 4], pick)
            else:
                self.act("wait", pick)
        self.stage.run_due()

    def assert_over(self) -> None:
        statuses = set(self.graph.steps.values())
        assert not {"pending", "scheduled", "processing"} & statuses, "somebody waits for ever"
        assert self.graph.status in ("completed", "failed", "cancelled")
        assert self.stage.value("SELECT count(*) FROM job_cascades") == 0
        for row in self.stage.rows("SELECT * FROM jobs"):
            story = "".join(LETTERS[name] for name in self.stage.story(row))
            assert LEGAL.fullmatch(story), story
        check(self.stage)


@contextmanager
def a_life(size: int, parents_max: int, seed: int) -> Iterator[Life]:
    stage = JobStage()
    try:
        yield Life(stage, size, parents_max, seed)
    finally:
        stage.close()


def follow(
    size: int, parents_max: int, seed: int, some: list[tuple[str, int]], picks: list[int]
) -> None:
    """Every act against the model."""
    with a_life(size, parents_max, seed) as life:
        for name, pick in some:
            life.act(name, pick)
        life.bring_to_an_end(picks)
        life.assert_over()


def survive(
    size: int, parents_max: int, seed: int, some: list[tuple[str, int]], picks: list[int]
) -> None:
    """Jobs are deleted, too, and the loops run only now and then: no model, but no one is stuck."""
    with a_life(size, parents_max, seed) as life:
        life.model = None
        for name, pick in some:
            life.act(name, pick)
        life.stage.run_due()
        life.bring_to_an_end(picks)
        life.assert_over()


SHORT: Final = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)
LONG: Final = settings(SHORT, max_examples=300)
ENDING: Final = st.lists(PICKS, min_size=1, max_size=20)
SEEDS: Final = st.integers(0, 2**32)


@SHORT
@given(st.integers(1, 25), st.integers(0, 5), SEEDS, acts(*WORK, *REST, size=60), ENDING)
def test_a_graph_does_what_the_model_says(
    size: int, parents_max: int, seed: int, some: list[tuple[str, int]], picks: list[int]
) -> None:
    follow(size, parents_max, seed, some, picks)


@SHORT
@given(st.integers(1, 25), st.integers(0, 5), SEEDS, acts(*WORK, *REST, *PURGES, size=60), ENDING)
def test_no_graph_is_stuck_whatever_is_deleted(
    size: int, parents_max: int, seed: int, some: list[tuple[str, int]], picks: list[int]
) -> None:
    survive(size, parents_max, seed, some, picks)


@pytest.mark.parametrize("play", [follow, survive])
def test_a_graph_of_two_hundred_steps_comes_to_its_end(play: Callable[..., None]) -> None:
    names = (*WORK, *REST) if play is follow else (*WORK, *REST, *PURGES)
    some = [(names[turn % len(names)], turn * 7 + 1) for turn in range(60)]

    play(200, 8, 4, some, [3, 0, 1, 5, 2, 0])


@pytest.mark.long
@LONG
@given(st.integers(1, 200), st.integers(0, 12), SEEDS, acts(*WORK, *REST, size=200), ENDING)
def test_a_graph_does_what_the_model_says_in_the_long_run(
    size: int, parents_max: int, seed: int, some: list[tuple[str, int]], picks: list[int]
) -> None:
    follow(size, parents_max, seed, some, picks)


@pytest.mark.long
@LONG
@given(
    st.integers(1, 200), st.integers(0, 12), SEEDS, acts(*WORK, *REST, *PURGES, size=200), ENDING
)
def test_no_graph_is_stuck_in_the_long_run(
    size: int, parents_max: int, seed: int, some: list[tuple[str, int]], picks: list[int]
) -> None:
    survive(size, parents_max, seed, some, picks)
