"""Runs of documents in short: each step has a queue of its own, which is named after it."""

from typing import Any

import msgspec

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.states import state_of
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.settle import complete
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.steps.outputs import output_of_run
from spooled_lite.core.steps.start import StartedRun, start_run
from spooled_lite.core.workflows.document import FlowDocument, StepDocument, terminal_steps
from spooled_lite.core.workflows.records import RunOptions
from spooled_lite.core.workflows.states import state_of_workflow
from spooled_lite.core.workflows.store_run import NewRun
from tests.core.job_stage import JobStage, holder
from tests.core.stage import OPEN
from tests.core.workflows.graphs import Graph


def a_node(key: str, *depends_on: str, **more: Any) -> StepDocument:
    """A step of a document."""
    return StepDocument(**{"key": key, "queue_name": key, "depends_on": depends_on, **more})


def a_document(*steps: StepDocument, **more: Any) -> FlowDocument:
    """As that of a flow, which fails at once when one of its steps does."""
    usual = {"output_priority": terminal_steps(steps), "failure_policy": "fail_fast"}
    return FlowDocument(steps=steps, **{**usual, **more})


def begun(
    stage: JobStage,
    *steps: StepDocument,
    document: FlowDocument | None = None,
    admission: Admission = OPEN,
    **options: Any,
) -> StartedRun:
    """As the caller gets it. `input` and `headers` are plain values."""
    for name in ("input", "headers"):
        if name in options:
            options[name] = msgspec.json.encode(options[name])
    new = NewRun(name="w", document=document or a_document(*steps), options=RunOptions(**options))
    return stage.run(start_run, stage.org, new, admission)


def started(
    stage: JobStage, *steps: StepDocument, document: FlowDocument | None = None, **options: Any
) -> "Run":
    run = begun(stage, *steps, document=document, **options)
    return Run(stage, run.row["id"], {step.key: step.job_id for step in run.steps})


class Run(Graph):
    """A stored run; its steps are named by their keys."""

    @property
    def state(self) -> str:
        return state_of_workflow(self.row)

    @property
    def states(self) -> dict[str, str]:
        """The state of each of its steps."""
        return {key: state_of(self.step(key)) for key in self.ids}

    @property
    def output(self) -> Any:
        """What it has given, as a value. Raises when it gave nothing."""
        found = self.stage.read(output_of_run, self.row)
        assert found is not None, "it gives nothing"
        return msgspec.json.decode(found)

    @property
    def has_output(self) -> bool:
        return self.stage.read(output_of_run, self.row) is not None

    def give(self, key: str, result: Any = None) -> JobRow:
        """A worker completes a step with this result."""
        job = self.take(key)
        self.settle(job, result)
        return job

    def settle(self, job: JobRow, result: Any = None) -> None:
        body = None if result is None else msgspec.json.encode(result)
        self.stage.run(complete, self.stage.org, job["id"], holder(job), body, ALL_QUEUES)
