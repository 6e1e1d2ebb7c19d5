"""Waiting for what a run of a document gives, over a real server.

Contract: catbird-capabilities, F19; amendments, G19.
"""

from typing import Any

import msgspec

from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.steps.expire import expire_run
from spooled_lite.core.steps.start import start_run
from spooled_lite.core.workflows.document import StepDocument
from spooled_lite.core.workflows.query import get_workflow
from spooled_lite.core.workflows.records import RunOptions
from spooled_lite.core.workflows.store_run import NewRun
from spooled_lite.storage.transaction import Tx
from tests.core.workflows.runs import a_document, a_node
from tests.wire.waiting.stage import LONG_MS, Stage, play
from tests.wire.waiting.test_outcomes import asked, begun, settle


async def a_run(stage: Stage, *steps: StepDocument, **options: Any) -> tuple[str, dict[str, str]]:
    """Its id, and those of its jobs by their keys."""
    if "input" in options:
        options["input"] = msgspec.json.encode(options["input"])
    new = NewRun(name="orders", document=a_document(*steps), options=RunOptions(**options))
    made = await stage.db.write(start_run, stage.org, new, Admission())
    return made.row["id"], {step.key: step.job_id for step in made.steps}


def expire(tx: Tx, org: int, run_id: str) -> None:
    expire_run(tx, get_workflow(tx, org, run_id, ALL_QUEUES))


def test_the_end_of_a_run_gives_its_output() -> None:
    async def script(stage: Stage) -> None:
        run_id, ids = await a_run(stage, a_node("a"), a_node("b", "a", condition="a.go"))
        client = await begun(stage, f"workflows/{run_id}")
        assert (await asked(stage, f"workflows/{run_id}")).status == 202

        await settle(stage, ids["a"], "complete", "a", result={"go": True})
        await settle(stage, ids["b"], "complete", "b", result=[1, None])

        answer = await client.read_answer()
        said = {"id": run_id, "state": "completed", "status": "completed", "output": [1, None]}
        assert (answer.status, answer.json) == (200, said)
        assert (await asked(stage, f"workflows/{run_id}", LONG_MS)).json == said

    play(script)


def test_a_run_that_gives_null_says_so() -> None:
    async def script(stage: Stage) -> None:
        run_id, ids = await a_run(stage, a_node("a"))

        await settle(stage, ids["a"], "complete", "a")

        assert (await asked(stage, f"workflows/{run_id}")).json["output"] is None

    play(script)


def test_a_failed_run_says_at_which_step_and_why() -> None:
    async def script(stage: Stage) -> None:
        run_id, ids = await a_run(stage, a_node("a", max_retries=0), a_node("b"))

        await settle(stage, ids["a"], "fail", "a", error="no")

        assert (await asked(stage, f"workflows/{run_id}")).json == {
            "id": run_id,
            "state": "failed",
            "status": "failed",
            "failed_step": "a",
            "error_message": "no",
        }

    play(script)


def test_a_run_that_gives_nothing_has_failed_at_no_step() -> None:
    async def script(stage: Stage) -> None:
        run_id, _ = await a_run(stage, a_node("a", condition="input.go"), input={"go": False})

        assert (await asked(stage, f"workflows/{run_id}")).json == {
            "id": run_id,
            "state": "failed",
            "status": "failed",
            "error_message": "no output candidate produced output",
        }

    play(script)


def test_a_run_that_expires_answers_who_waits_for_it() -> None:
    async def script(stage: Stage) -> None:
        run_id, _ = await a_run(stage, a_node("a"))
        client = await begun(stage, f"workflows/{run_id}")

        await stage.db.write(expire, stage.org, run_id)
        answer = await client.read_answer()

        said = {"id": run_id, "state": "expired", "status": "cancelled"}
        assert (answer.status, answer.json) == (200, said)

    play(script)
