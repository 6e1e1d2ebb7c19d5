"""Steps with items in short: what they are, and workers that double numbers."""

from typing import Any

import msgspec

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.claim import claim
from spooled_lite.core.lifecycle.settle import fail
from spooled_lite.core.lifecycle.step_items import ItemsAdded, NewItems, add_items
from spooled_lite.core.workflows.document import StepDocument
from tests.core.job_stage import JobStage, holder
from tests.core.stage import OPEN
from tests.core.workflows.runs import Run, a_node
from tests.factories import a_claim


def a_map(key: str, source: str = "input", *depends_on: str, **more: Any) -> StepDocument:
    return a_node(key, *depends_on, type="mapper", source=source, **more)


def a_generator(key: str, *depends_on: str, **more: Any) -> StepDocument:
    """Its items are in a queue of their own."""
    return a_node(key, *depends_on, type="generator", **{"item_queue_name": "numbers", **more})


def items_of(stage: JobStage, run: Run, key: str) -> list[JobRow]:
    asked = "SELECT * FROM jobs WHERE step_job = :step ORDER BY item_index"
    return stage.rows(asked, step=run.step(key)["seq"])


def take(stage: JobStage, queue_name: str, limit: int = 100) -> list[JobRow]:
    return stage.run(claim, stage.org, a_claim(queue_name=queue_name, limit=limit))


def give_up(stage: JobStage, job: JobRow, error: str = "boom", *, may_retry: bool = True) -> None:
    stage.run(fail, stage.org, job["id"], holder(job), error, ALL_QUEUES, may_retry)


def double(run: Run, job: JobRow) -> None:
    run.settle(job, msgspec.json.decode(job["payload"] or b"") * 2)


def double_all(run: Run, queue_name: str, *, backwards: bool = False) -> int:
    """Work all items off that can be claimed; how many there were."""
    count = 0
    while jobs := take(run.stage, queue_name):
        for job in reversed(jobs) if backwards else jobs:
            double(run, job)
        count += len(jobs)
        run.stage.run_due()
    return count


def add(run: Run, producer: JobRow, *items: Any, offset: int | None = None) -> ItemsAdded:
    """What a producer makes."""
    assert producer["lease_id"] is not None
    new = NewItems(
        job_id=producer["id"],
        lease_id=producer["lease_id"],
        items=[msgspec.json.encode(item) for item in items],
        offset=offset,
    )
    key = producer["step_key"] or ""
    return run.stage.run(add_items, run.stage.org, run.row["id"], key, new, OPEN, ALL_QUEUES)
