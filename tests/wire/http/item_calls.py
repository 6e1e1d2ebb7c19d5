"""Runs whose one step is a generator that a worker has begun with, and calls about its items."""

from typing import Any, Final

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.lifecycle.claim import Claim, claim
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.steps.start import StartedRun, start_run
from tests.wire.http.run_calls import A_STEP, a_node, new_run
from tests.wire.http.served import Api


class Generating(str):
    """The id of a run, with the body by which its producer adds two items."""

    __slots__ = ("body",)
    body: dict[str, Any]


ADD: Final = "/steps/{key}/items"
COMPLETE: Final = "/steps/{key}/items/complete"
OF_NOBODY: Final = {"items": [{"id": "of-nobody"}]}


def a_generating_run(api: Api, org: int, queue_name: str) -> Generating:
    """Nothing else may wait in the queue."""
    step = a_node(A_STEP, queue_name=queue_name, type="generator")
    stored: StartedRun = api.write(start_run, org, new_run(step), Admission())
    wanted = Claim(queue_name=queue_name, worker_id="w-1", limit=100, lease_ms=600_000)
    rows: list[JobRow] = api.write(claim, org, wanted)
    [producer] = [row for row in rows if row["workflow_id"] == stored.row["id"]]
    run = Generating(stored.row["id"])
    run.body = {"items": [1, 2], "job_id": producer["id"], "lease_id": producer["lease_id"]}
    return run
