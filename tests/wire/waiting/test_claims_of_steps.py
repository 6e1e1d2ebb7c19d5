"""Claims by the names of steps of flows that wait: contract amendments, G9."""

from typing import Any

import pytest

from spooled_lite.core.flows.run import run_flow
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.workflows.document import StepDocument
from spooled_lite.core.workflows.records import RunOptions
from tests.core.flows.defined import keep_flow
from tests.core.stage import OPEN
from tests.core.workflows.runs import a_node
from tests.wire.http.raw_http import Client
from tests.wire.waiting.stage import LONG_MS, Stage, a_request, given, play


async def defined(stage: Stage, *steps: StepDocument, name: str = "orders") -> None:
    await stage.db.write(keep_flow, stage.org, name, *steps)


async def ran(stage: Stage, body: bytes = b"1", name: str = "orders") -> dict[str, str]:
    """The ids of the steps of a run, by their keys."""
    chosen = RunOptions(input=body)
    run = await stage.db.write(run_flow, stage.org, name, chosen, OPEN, ALL_QUEUES)
    return {step.key: step.job_id for step in run.steps}


async def waits(stage: Stage, *handlers: str, **fields: Any) -> Client:
    """A client whose claim of steps stands in line."""
    count = stage.it.services.waiting.count()
    client = await stage.connect()
    body = {"step_handlers": handlers, "wait_ms": LONG_MS, **fields}
    await client.send(a_request("POST", "jobs/claim", body, stage.key))
    await stage.until(lambda: stage.it.services.waiting.count() == count + 1)
    await stage.db.write(lambda tx: None)
    return client


@pytest.mark.parametrize("fields", [{}, {"queue_name": "a"}])
def test_a_step_answers_the_claim_that_waits_for_it(fields: dict[str, Any]) -> None:
    async def script(stage: Stage) -> None:
        await defined(stage, a_node("a"), a_node("b", queue_name="a"))
        other = await waits(stage, "orders.b", **fields)
        client = await waits(stage, "orders.a", "orders.unknown", **fields)
        plain = await stage.enqueue("a")

        steps = await ran(stage)

        assert await given(client) == [steps["a"]]
        assert await given(other) == [steps["b"]]
        assert (await stage.shown(plain))["status"] == "pending"

    play(script)


def test_items_answer_a_claim_that_waits_for_items_and_no_other() -> None:
    async def script(stage: Stage) -> None:
        each = a_node("a", type="mapper", source="input", item_queue_name="items")
        await defined(stage, each)
        producers = await waits(stage, "orders.a", phase="generate")
        items = await waits(stage, "orders.a", phase="item", limit=5)
        any_phase = await waits(stage, "orders.a", limit=5)

        await ran(stage, b"[1,2]")
        assert len(await given(items)) == 2
        await ran(stage, b"[3]")
        assert len(await given(any_phase)) == 1
        stage.it.begin_stop()
        assert await given(producers) == []

    play(script)


def test_a_step_that_becomes_free_by_the_end_of_another_answers_it() -> None:
    async def script(stage: Stage) -> None:
        await defined(stage, a_node("a"), a_node("b", "a"))
        steps = await ran(stage)
        [job] = await stage.claim("a")
        client = await waits(stage, "orders.b")

        await stage.post(f"jobs/{job['id']}/complete", {"lease_id": job["lease_id"]})

        assert await given(client) == [steps["b"]]

    play(script)


def test_steps_and_tasks_wait_together() -> None:
    async def script(stage: Stage) -> None:
        await defined(stage, a_node("a"))
        await stage.call("PUT", "tasks/send_email", {})
        client = await waits(stage, "orders.a", task_names=["send_email"])
        run = str((await stage.post("tasks/send_email/runs", {"input": 1}))["id"])
        assert await given(client) == [run]

        client = await waits(stage, "orders.a", task_names=["send_email"])
        steps = await ran(stage)
        assert await given(client) == [steps["a"]]

    play(script)
