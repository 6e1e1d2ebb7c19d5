"""Runs of documents behind a server whose callers cannot store one with every feature."""

from typing import Any, Final

import msgspec

from spooled_lite.core.queues.records import Admission
from spooled_lite.core.steps.start import StartedRun, start_run
from spooled_lite.core.workflows.document import FlowDocument, StepDocument, terminal_steps
from spooled_lite.core.workflows.records import RunOptions
from spooled_lite.core.workflows.store_run import NewRun
from tests.wire.http.served import Api
from tests.wire.http.workflow_calls import WorkflowApi

A_STEP: Final = "a"  # of `a_run_of`
# The ends of paths that take no other workflow than a run of a document.
OF_RUNS: Final = ("/workflows/{id}/complete", "/signal")


def a_node(key: str, *depends_on: str, **more: Any) -> StepDocument:
    return StepDocument(**{"key": key, "queue_name": key, "depends_on": depends_on, **more})


def new_run(*steps: StepDocument, **options: Any) -> NewRun:
    """`on_fail` and `failure_policy` are of the document; `input` is a plain value."""
    of_document: dict[str, Any] = {
        name: options.pop(name) for name in ("on_fail", "failure_policy") if name in options
    }
    for name in ("input", "headers"):
        if name in options:
            options[name] = msgspec.json.encode(options[name])
    usual: dict[str, Any] = {"failure_policy": "fail_fast"}
    document = FlowDocument(
        steps=steps, output_priority=terminal_steps(steps), **{**usual, **of_document}
    )
    return NewRun(name="w", document=document, options=RunOptions(**options))


def a_run_of(api: Api, org: int, queue_name: str) -> str:
    """The id of a new run whose one step waits for its signal."""
    step = a_node(A_STEP, queue_name=queue_name, signal=True)
    stored: StartedRun = api.write(start_run, org, new_run(step), Admission())
    return stored.row["id"]


class RunApi(WorkflowApi):
    def run(self, *steps: StepDocument, **options: Any) -> str:
        """The id of a new run."""
        started: StartedRun = self.write(
            start_run, self.served.org, new_run(*steps, **options), Admission()
        )
        return started.row["id"]

    def step(self, run: str, key: str) -> Any:
        return self.shown("GET", f"workflows/{run}/steps/{key}")

    def signal(self, run: str, key: str, value: Any = None, **more: Any) -> Any:
        body = {"input": value}
        return self.shown("POST", f"workflows/{run}/steps/{key}/signal", json=body, **more)

    def wait(self, run: str, of_step: str = "", status: int = 200) -> Any:
        path = f"workflows/{run}/{of_step and f'steps/{of_step}/'}wait?timeout_ms=0"
        return self.shown("GET", path, status)
