"""Random claims by the names of tasks and steps, against a reference that sorts everything."""

import random
from collections import Counter
from typing import Any, Final

import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.claim_handlers import claim_for_handlers
from spooled_lite.core.lifecycle.handlers import HandlerClaim, StepName
from spooled_lite.core.queues.pause import pause, resume
from tests.core.job_stage import JobStage
from tests.core.stage import OPEN
from tests.core.workflows.runs import a_node, started

QUEUES: Final = ("q0", "q1", "q2")
TASKS: Final = ("t0", "t1", "t2")
KEYS: Final = ("s0", "s1", "s2")
ROUNDS: Final = 40


class Machine:
    def __init__(self, stage: JobStage, seed: int) -> None:
        self.chance = random.Random(seed)
        self.stage = stage
        self.held: list[JobRow] = []
        self.paused: set[str] = set()
        for queue in QUEUES:
            stage.configure(queue, max_concurrency=self.chance.choice([None, None, 2, 5]))
        self.steps = [
            a_node(
                key,
                queue_name=self.chance.choice(QUEUES),
                max_concurrency=self.chance.choice([None, 1, 3]),
                max_retries=0,
            )
            for key in KEYS
        ]

    def add(self) -> None:
        priority = self.chance.randint(0, 2)
        match self.chance.choice(("task", "run", "run", "plain")):
            case "task":
                job = self.stage.enqueue(self.chance.choice(QUEUES), priority=priority)
                task = self.chance.choice(TASKS)
                made = "UPDATE jobs SET kind = 'task_run', task_name = :name WHERE id = :id"
                self.stage.rows(made, id=job["id"], name=task)
            case "run":
                run = started(self.stage, *self.steps, flow_name="f", priority=priority)
                self.add_items(run.ids[self.chance.choice(KEYS)], priority)
            case "plain":
                self.stage.enqueue(self.chance.choice(QUEUES), priority=priority)

    def add_items(self, step_id: str, priority: int) -> None:
        """As if some items of the step had been released."""
        [step] = self.stage.rows("SELECT * FROM jobs WHERE id = :id", id=step_id)
        for index in range(self.chance.randint(0, 2)):
            job = self.stage.enqueue(self.chance.choice(QUEUES), priority=priority)
            self.stage.rows(
                "UPDATE jobs SET kind = 'item', phase = 'item', flow_name = 'f', step_key = :key,"
                " step_job = :step, item_index = :place, guard = :guard WHERE id = :id",
                id=job["id"],
                key=step["step_key"],
                step=step["seq"],
                place=index,
                guard=step["guard"],
            )

    def turn(self) -> None:
        for _ in range(self.chance.randint(0, 3)):
            self.add()
        if self.chance.random() < 0.2:
            self.toggle(self.chance.choice(QUEUES))
        self.stage.clock.advance(seconds=self.chance.choice([0, 1]))
        wanted = HandlerClaim(
            queue_name=self.chance.choice([None, None, *QUEUES]),
            task_names=self.some(TASKS),
            steps=[StepName("f", key) for key in self.some(KEYS)],
            phase=self.chance.choice([None, None, "run", "item"]),
            places=(),
            worker_id="w-1",
            limit=self.chance.randint(1, 6),
            lease_ms=3_600_000,
        )
        expected = self.expected(wanted)

        taken = self.stage.run(claim_for_handlers, self.stage.org, wanted, ALL_QUEUES)

        assert [job["id"] for job in taken] == expected
        self.held += taken
        self.chance.shuffle(self.held)
        for _ in range(self.chance.randint(0, len(self.held))):
            self.stage.complete(self.held.pop())

    def toggle(self, queue: str) -> None:
        is_paused = queue in self.paused
        self.stage.run(resume if is_paused else pause, self.stage.org, queue, *self.how(is_paused))
        self.paused ^= {queue}

    @staticmethod
    def how(is_paused: bool) -> tuple[Any, ...]:
        return () if is_paused else (None, OPEN)

    def some(self, names: tuple[str, ...]) -> list[str]:
        return self.chance.sample(names, self.chance.randint(0, len(names)))

    def expected(self, wanted: HandlerClaim) -> list[str]:
        rows = self.stage.rows("SELECT * FROM jobs")
        running = [row for row in rows if row["lease_id"] is not None]
        in_queue = Counter(row["queue_name"] for row in running)
        of_guard = Counter(row["guard"] for row in running)
        most_in = {
            row["queue_name"]: row["max_concurrency"]
            for row in self.stage.rows("SELECT * FROM queues")
        }
        most_of = {
            row["seq"]: row["max_concurrency"]
            for row in self.stage.rows("SELECT * FROM step_guards")
        }
        found: list[str] = []
        for row in sorted(
            rows, key=lambda row: (-row["priority"], row["created_at_ms"], row["seq"])
        ):
            queue, guard = row["queue_name"], row["guard"]
            if not row["claimable"] or queue in self.paused or not self.is_for(row, wanted):
                continue
            if most_in[queue] is not None and in_queue[queue] >= most_in[queue]:
                continue
            if guard is not None and of_guard[guard] >= most_of[guard]:
                continue
            in_queue[queue] += 1
            of_guard[guard] += 1
            found.append(row["id"])
        return found[: wanted.limit]

    @staticmethod
    def is_for(row: JobRow, wanted: HandlerClaim) -> bool:
        if wanted.queue_name not in (None, row["queue_name"]):
            return False
        if row["kind"] == "task_run":
            return row["task_name"] in wanted.task_names
        if row["flow_name"] is None or wanted.phase not in (None, row["phase"]):
            return False
        return StepName("f", row["step_key"] or "") in wanted.steps


@pytest.mark.parametrize("seed", range(6))
def test_claims_take_what_a_reference_takes(stage: JobStage, seed: int) -> None:
    machine = Machine(stage, seed)

    for _ in range(ROUNDS):
        machine.turn()
