"""Random lives of a queue, a task or a step with a breaker, step by step against a reference."""

import random
from dataclasses import dataclass, field
from typing import Final

import pytest

from spooled_lite.core.breakers.columns import SCOPES, Scoped
from spooled_lite.core.breakers.set_back import set_back_breakers
from spooled_lite.core.breakers.standing import standing
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.policy import CircuitBreaker, stored
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.clock_jumps import set_back_leases
from spooled_lite.core.lifecycle.settle import hand_back, release
from spooled_lite.core.queues.query import get_queue
from spooled_lite.core.tasks.define import define_task
from spooled_lite.core.tasks.records import NewTaskRun, TaskDefinition
from spooled_lite.core.tasks.run import run_task
from tests.core.job_stage import JobStage
from tests.core.stage import OPEN
from tests.core.workflows.runs import a_node, begun

LINE: Final = "emails"
TASK: Final = "mail"
LEASE_MS: Final = 30_000  # of the claims of the stage
STEPS: Final = 150


@dataclass
class Reference:
    """A breaker as the contract says it, with the attempts that are under way and their ends."""

    threshold: int
    timeout_ms: int
    now_ms: int
    failures: int = 0
    until_ms: int | None = None
    trial: str | None = None  # a lease
    leases: dict[str, int] = field(default_factory=dict)

    @property
    def state(self) -> str:
        if self.until_ms is None:
            return "closed"
        return "open" if self.now_ms < self.until_ms else "half_open"

    def room(self, wanted: int) -> int:
        if self.state == "closed":
            return wanted
        return 1 if self.state == "half_open" and self.trial is None else 0

    def claimed(self, leases: list[str]) -> None:
        self.leases.update(dict.fromkeys(leases, self.now_ms + LEASE_MS))
        if self.state == "half_open":
            [self.trial] = leases

    def ended(self, lease: str, *, worked: bool | None) -> None:
        del self.leases[lease]
        is_trial, self.trial = lease == self.trial, None if lease == self.trial else self.trial
        if worked is None or not (self.state == "closed" or is_trial):
            return
        if worked:
            self.failures, self.until_ms = 0, None
            return
        self.failures += 1
        if is_trial or self.failures >= self.threshold:
            self.until_ms = self.now_ms + self.timeout_ms

    def passed(self, by_ms: int) -> None:
        self.now_ms += by_ms
        for lease in [each for each, ends_ms in self.leases.items() if ends_ms <= self.now_ms]:
            self.ended(lease, worked=None)


class Machine:
    def __init__(self, stage: JobStage, scope: Scoped, seed: int) -> None:
        self.chance = random.Random(seed)
        self.stage = stage
        threshold = self.chance.choice([1, 2, 3, 5])
        timeout_ms = self.chance.choice([1, 7_000, 45_000])
        breaker = CircuitBreaker(failure_threshold=threshold, open_timeout_ms=timeout_ms)
        self.breaker = breaker
        self.scope, self.target = scope, self.guard(scope, stored(breaker))
        self.reference = Reference(threshold, timeout_ms, stage.clock.now_ms())
        self.held: dict[str, JobRow] = {}
        self.fill()

    def guard(self, scope: Scoped, breaker: bytes | None) -> int:
        """The number of what the breaker is about."""
        stage = self.stage
        if scope == "queue":
            stage.configure(circuit_breaker=breaker)
            return stage.read(get_queue, stage.org, LINE)["seq"]
        if scope == "step":
            self.run_step()
            guard: int = stage.value("SELECT seq FROM step_guards")
            return guard
        task = TaskDefinition(queue_name=LINE, max_retries=0, circuit_breaker=breaker)
        return stage.run(define_task, stage.org, TASK, task, ALL_QUEUES, None).row["seq"]

    def add(self) -> None:
        if self.scope == "queue":
            self.stage.enqueue(max_retries=0)
        elif self.scope == "step":
            self.run_step()
        else:
            run = NewTaskRun(input=b"1")
            self.stage.run(run_task, self.stage.org, TASK, run, OPEN, ALL_QUEUES)

    def run_step(self) -> None:
        step = a_node("a", queue_name=LINE, max_retries=0, circuit_breaker=self.breaker)
        begun(self.stage, step, flow_name="orders")

    def fill(self) -> None:
        """More work than a claim asks for waits at any time."""
        waiting = self.stage.value("SELECT count(*) FROM jobs WHERE claimable = 1")
        for _ in range(10 - waiting):
            self.add()

    def step(self) -> None:
        acts = (self.claim, self.claim, self.complete, self.fail, self.fail, self.other, self.wait)
        self.chance.choice(acts)()
        self.fill()
        self.check()

    def claim(self) -> None:
        wanted = self.chance.randint(1, 4)
        rows = self.stage.claim(limit=1) if wanted == 1 else self.stage.claim(limit=wanted)
        assert len(rows) == self.reference.room(wanted)
        if not rows:
            return
        # All of one claim share a lease; the reference tells them apart by their jobs.
        keys = [self.key(row) for row in rows]
        self.held.update(zip(keys, rows, strict=True))
        self.reference.claimed(keys)

    def complete(self) -> None:
        if job := self.pick():
            self.stage.complete(job)
            self.reference.ended(self.key(job), worked=True)

    def fail(self) -> None:
        if job := self.pick():
            self.stage.fail(job)
            self.reference.ended(self.key(job), worked=False)

    def other(self) -> None:
        """An end that says nothing."""
        if job := self.pick():
            if self.chance.random() < 0.5:
                self.stage.run(release, [job])
            else:
                holder = Claimant(lease_id=job["lease_id"])
                self.stage.run(hand_back, self.stage.org, job["id"], holder, 0, ALL_QUEUES)
            self.reference.ended(self.key(job), worked=None)

    def wait(self) -> None:
        by_ms = self.chance.choice([1, 1_000, 6_999, 7_000, 29_999, 45_000, -3_600_000])
        if by_ms < 0:
            self.set_back(by_ms)
            return
        self.stage.wait(seconds=by_ms / 1000)
        self.reference.passed(by_ms)
        self.forget_lost()

    def set_back(self, by_ms: int) -> None:
        """The clock, with what the server does then: what lay ahead is as long from now."""
        self.stage.clock.advance(seconds=by_ms / 1000)
        while not self.stage.run(set_back_leases):
            pass
        self.stage.run(set_back_breakers)
        it = self.reference
        it.now_ms += by_ms
        it.leases = dict.fromkeys(it.leases, it.now_ms + LEASE_MS)
        if it.until_ms is not None:
            it.until_ms = it.now_ms + it.timeout_ms
        self.stage.run_due()

    def forget_lost(self) -> None:
        self.held = {key: job for key, job in self.held.items() if key in self.reference.leases}

    def pick(self) -> JobRow | None:
        if not self.held:
            return None
        return self.held.pop(self.chance.choice(list(self.held)))

    def key(self, job: JobRow) -> str:
        return f"{job['id']} {job['lease_id']}"

    def check(self) -> None:
        found = self.stage.read(standing, self.scope, self.target)
        it = self.reference
        assert (found.state, found.open_until_ms) == (it.state, it.until_ms)
        assert found.is_tried == (it.state == "half_open" and it.trial is not None)
        if it.state == "closed":
            assert found.failures == it.failures


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("scope", SCOPES)
def test_a_breaker_does_as_the_reference_does(stage: JobStage, scope: Scoped, seed: int) -> None:
    machine = Machine(stage, scope, seed)

    for _ in range(STEPS):
        machine.step()
