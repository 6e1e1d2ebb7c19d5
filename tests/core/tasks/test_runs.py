"""Runs of tasks over time: sums, expiry, retention, deletion, export."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.core.jobs.check import conservation
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.policy import Backoff, stored
from spooled_lite.core.jobs.states import state_of
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.cancel import Cancelling, cancel_now
from spooled_lite.core.maintenance.prune import SWEEP_MS
from spooled_lite.core.maintenance.remove_task import delete_task, prune_task_runs
from spooled_lite.core.tasks.define import create_task
from spooled_lite.core.tasks.records import NewTaskRun, TaskDefinition
from spooled_lite.core.tasks.run import run_task
from spooled_lite.events import Deadline
from tests.core.export.stage import exported, read, taken, whole
from tests.core.job_stage import JobStage
from tests.core.stage import OPEN

TASK = "charge_card"


class TaskStage(JobStage):
    def defined(self, name: str = TASK, **fields: Any) -> None:
        wanted = TaskDefinition(**{"queue_name": "payments", **fields})
        self.run(create_task, self.org, name, wanted, ALL_QUEUES)

    def ran(self, name: str = TASK, **fields: Any) -> JobRow:
        run = NewTaskRun(**{"input": b"{}", **fields})
        return self.run(run_task, self.org, name, run, OPEN, ALL_QUEUES).row

    def in_every_state(self) -> dict[str, str]:
        """A run for each state, by it."""
        runs = {}
        done = self.ran()
        self.complete(self.take("payments"))
        runs["completed"] = done["id"]
        runs["failed"] = self.ran()["id"]
        self.fail(self.take("payments"), may_retry=False)
        held = self.ran()
        self.take("payments")
        self.run(cancel_now, self.org, held["id"], Cancelling(reason="why"), ALL_QUEUES)
        runs["canceled"] = held["id"]
        runs["skipped"] = self.ran(input=b'{"skip": true}')["id"]
        late = self.ran(expires_in_ms=1_000)
        self.take("payments")
        self.wait(seconds=1)
        runs["expired"] = late["id"]
        runs["started"] = self.ran()["id"]
        self.take("payments")
        runs["queued"] = self.ran(delay_ms=60_000)["id"]
        return runs

    def problems(self) -> list[str]:
        return self.read(conservation)

    def states(self) -> dict[str, str]:
        rows = self.rows("SELECT id FROM jobs WHERE kind = 'task_run'")
        return {state_of(job := self.job(row["id"])): job["id"] for row in rows}


@pytest.fixture
def stage() -> Iterator[TaskStage]:
    it = TaskStage()
    it.defined(condition="not input.skip exists")
    yield it
    it.close()


def test_the_sums_hold_for_runs_in_every_state(stage: TaskStage) -> None:
    runs = stage.in_every_state()

    assert stage.states() == runs
    assert stage.problems() == []


def test_tasks_and_their_runs_are_exported_and_come_back(stage: TaskStage) -> None:
    stage.defined(
        "refund",
        description="Give it back",
        backoff=stored(Backoff(strategy="fixed", base_delay_ms=5)),
        retention_ms=250,
    )
    runs = stage.in_every_state()

    lines = whole(stage)
    there = taken(lines[1:-1])

    assert whole(there)[1:] == lines[1:]
    assert there.problems() == []
    assert [task["name"] for task in read(exported(there), "task")] == [TASK, "refund"]
    assert {job["id"] for job in read(exported(there), "job")} == set(runs.values())
    there.close()


def test_runs_are_deleted_when_they_are_older_than_their_task_says(stage: TaskStage) -> None:
    stage.defined("kept_short", retention_ms=1_500)
    kept = stage.ran()
    stage.complete(stage.take("payments"))
    old = stage.ran("kept_short")
    stage.complete(stage.take("payments"))
    stage.wait(seconds=1.5)
    young = stage.ran("kept_short")
    stage.complete(stage.take("payments"))
    waiting = stage.ran("kept_short")

    stage.clock.advance(seconds=0.001)
    assert stage.run(prune_task_runs, stage.org) == 1
    assert stage.run(prune_task_runs, stage.org) == 0

    assert old["id"] not in stage.states().values()
    stage.wait(seconds=SWEEP_MS / 1000)
    left = {row["id"] for row in stage.rows("SELECT id FROM jobs")}
    assert left == {kept["id"], waiting["id"]}
    assert young["id"] not in left
    assert stage.problems() == []


def test_a_run_that_a_waiting_job_needs_is_kept(stage: TaskStage) -> None:
    stage.defined("kept_short", retention_ms=1)
    run = stage.ran("kept_short")
    child = stage.enqueue("emails", parent_job_id=run["id"], delay_ms=60_000)
    stage.complete(stage.take("payments"))
    stage.clock.advance(seconds=1)

    assert stage.run(prune_task_runs, stage.org) == 0

    stage.cancel(child)
    assert stage.run(prune_task_runs, stage.org) == 1


def test_what_a_crash_left_of_a_deleted_task_goes_in_the_background(stage: TaskStage) -> None:
    stage.in_every_state()
    kept = stage.enqueue("payments")

    stage.run(delete_task, stage.org, TASK, ALL_QUEUES)
    stage.run_due(Deadline.DELETION)

    assert [row["id"] for row in stage.rows("SELECT id FROM jobs")] == [kept["id"]]
    assert stage.value("SELECT count(*) FROM tasks") == 0
    assert stage.problems() == []


def test_a_run_that_a_worker_has_expires_at_its_time(stage: TaskStage) -> None:
    run = stage.ran(expires_in_ms=10_000)
    stage.take("payments")
    plain = stage.enqueue("payments", expires_at_ms=stage.clock.now_ms() + 10_000)
    stage.take("payments")

    stage.wait(seconds=9.999)
    assert state_of(stage.job(run["id"])) == "started"
    stage.wait(seconds=0.001)

    job = stage.job(run["id"])
    assert (state_of(job), job["stop_reason"], job["lease_id"]) == ("expired", "expired", None)
    assert stage.job(plain["id"])["status"] == "processing", "other jobs go on"


def test_what_waits_for_a_run_is_told_of_its_end(stage: TaskStage) -> None:
    skipped = stage.ran(input=b'{"skip": 1}')
    run = stage.ran()
    child = stage.enqueue("emails", parent_job_id=run["id"])
    freed = stage.enqueue("emails", parent_job_id=skipped["id"])
    stage.take("payments")

    stage.run(cancel_now, stage.org, run["id"], Cancelling(), ALL_QUEUES)
    stage.run_due()

    assert stage.job(child["id"])["status"] == "cancelled"
    assert stage.job(freed["id"])["claimable"] == 1
