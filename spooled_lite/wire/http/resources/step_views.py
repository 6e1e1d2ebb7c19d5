"""The part of a claimed job that says which step it is."""

from collections.abc import Sequence

from msgspec import Raw

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.workflows.columns import ParentResultRow
from spooled_lite.core.workflows.query import results_of_parents
from spooled_lite.storage.readers import Reads
from spooled_lite.wire.http.resources.job_views import NOT_THERE, attempts_of
from spooled_lite.wire.shapes.jobs import Step


async def steps_of(reads: Reads, jobs: Sequence[JobRow]) -> list[tuple[int, Step]]:
    """The steps among claimed jobs, each with its position, and the results of its parents."""
    results = await reads.read(results_of_parents, jobs)
    return [
        (place, _step(job, workflow_id, results[job["seq"]]))
        for place, job in enumerate(jobs)
        if (workflow_id := job["workflow_id"]) is not None
    ]


def _step(job: JobRow, workflow_id: str, results: Sequence[ParentResultRow] | None) -> Step:
    step = Step(
        workflow_id=workflow_id,
        flow_name=None,
        key=job["step_key"] or "",
        type="normal",
        phase="run",
        item=None,
        item_index=None,
        attempts=attempts_of(job),
    )
    if results is None:
        step.deps_omitted = True
    else:
        step.deps = {
            row["step_key"]: NOT_THERE if row["result"] is None else Raw(row["result"])
            for row in results
        }
    return step
