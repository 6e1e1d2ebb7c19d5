"""Workflows in short: each step has a queue of its own, which is named after it."""

from typing import Any, Final

from spooled_lite.core.jobs.columns import JobRow, NewJob
from spooled_lite.core.jobs.dead_letters import DeadLetters
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.retry import Retried, retry_dead_letters
from spooled_lite.core.lifecycle.settle import Failed
from spooled_lite.core.lifecycle.workflow import (
    cancel_workflow,
    delete_workflow,
    retry_workflow,
)
from spooled_lite.core.maintenance.check import recount
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.workflows.columns import ShownWorkflowRow, WorkflowRow
from spooled_lite.core.workflows.create import create_workflow
from spooled_lite.core.workflows.graph import graph_of
from spooled_lite.core.workflows.records import NewStep, NewWorkflow
from spooled_lite.plans import Caps
from tests.core.job_stage import JobStage
from tests.core.stage import OPEN, capped


def a_step(key: str, *depends_on: str, **more: Any) -> NewStep:
    """`mode` and `condition` are those of the step; the rest is its job."""
    how = {name: more.pop(name) for name in ("mode", "condition") if name in more}
    job = NewJob(**{"queue_name": key, "payload": b"{}", **more})
    return NewStep(key=key, job=job, depends_on=depends_on, **how)


DIAMOND: Final = (a_step("a"), a_step("b", "a"), a_step("c", "a"), a_step("d", "b", "c"))


def stored(stage: JobStage, *steps: NewStep, admission: Admission = OPEN) -> "Graph":
    new = NewWorkflow(name="w", steps=steps)
    created = stage.run(create_workflow, stage.org, new, graph_of(steps), admission)
    return Graph(stage, created.row["id"], {each.key: each.job_id for each in created.steps})


class Graph:
    """A stored workflow; its steps are named by their keys."""

    def __init__(self, stage: JobStage, workflow_id: str, ids: dict[str, str]) -> None:
        self.stage = stage
        self.id = workflow_id
        self.ids = ids

    # -- how it stands -----------------------------------------------------------------------

    @property
    def row(self) -> WorkflowRow:
        row: WorkflowRow
        [row] = self.stage.rows("SELECT * FROM workflows WHERE id = :id", id=self.id)
        return row

    @property
    def status(self) -> str:
        return self.row["status"]

    @property
    def counted(self) -> tuple[int, int, int, int, int]:
        """Waiting, processing, completed, failed, cancelled."""
        row = self.row
        return (
            row["waiting_jobs"],
            row["processing_jobs"],
            row["completed_jobs"],
            row["failed_jobs"],
            row["cancelled_jobs"],
        )

    @property
    def steps(self) -> dict[str, str]:
        """The status of each step that is there."""
        rows = self.stage.rows("SELECT id, status FROM jobs")
        by_id = {row["id"]: row["status"] for row in rows}
        return {key: by_id[job_id] for key, job_id in self.ids.items() if job_id in by_id}

    @property
    def claimable(self) -> set[str]:
        rows = self.stage.rows("SELECT id FROM jobs WHERE claimable = 1")
        found = {row["id"] for row in rows}
        return {key for key, job_id in self.ids.items() if job_id in found}

    def step(self, key: str) -> JobRow:
        return self.stage.job(self.ids[key])

    # -- what workers do ---------------------------------------------------------------------

    def take(self, key: str) -> JobRow:
        return self.stage.take(key)

    def complete(self, *keys: str) -> None:
        for key in keys:
            self.stage.complete(self.take(key))

    def fail(self, key: str, *, may_retry: bool = False) -> Failed:
        return self.stage.fail(self.take(key), may_retry=may_retry)

    # -- what callers do ---------------------------------------------------------------------

    def cancel(
        self, reason: str | None = None, *, stop_running: bool | None = None
    ) -> ShownWorkflowRow:
        return self.stage.run(
            cancel_workflow, self.stage.org, self.id, reason, ALL_QUEUES, stop_running
        ).row

    def retry(self, caps: Caps | None = None) -> ShownWorkflowRow:
        return self.stage.run(retry_workflow, self.stage.org, self.id, ALL_QUEUES, caps)

    def delete(self) -> None:
        self.stage.run(delete_workflow, self.stage.org, self.id, ALL_QUEUES)


def check(stage: JobStage) -> None:
    """All books agree: queues, organizations, workflows, and what can be claimed."""
    stage.check_books()
    stage.check_claimable()
    assert stage.read(recount) == []


def as_seen(workflow: WorkflowRow) -> list[Any]:
    """What a change of a workflow would show in."""
    return [
        workflow["status"],
        workflow["updated_at_ms"],
        workflow["completed_at_ms"],
        workflow["cancel_requested_at_ms"],
        workflow["cancel_reason"],
    ]


def caps(**limits: int) -> Caps:
    found = capped(**limits).caps
    assert found is not None
    return found


def dlq_retry(stage: JobStage, *ids: str, caps: Caps | None = None) -> Retried:
    wanted = DeadLetters(job_ids=ids or None, limit=100)
    return stage.run(retry_dead_letters, stage.org, wanted, ALL_QUEUES, caps)


def finish(graph: Graph) -> None:
    """Let workers complete whatever can be claimed, and the loops run, until nothing moves."""
    for _ in range(len(graph.ids) + 1):
        graph.stage.run_due()
        if not graph.claimable:
            return
        graph.complete(*sorted(graph.claimable))
    raise AssertionError(f"still {graph.claimable}")
