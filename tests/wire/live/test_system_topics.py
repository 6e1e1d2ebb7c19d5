"""What the server tells under `spooled.…`: once per transition, to whoever listens."""

import json
from typing import Any

from spooled_lite.core.flows.run import run_flow
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.topics.system import VALUE_BYTES_MAX
from spooled_lite.core.workflows.records import RunOptions
from tests.wire.live.test_streams import listening, played, sent
from tests.wire.realtime.stage import EventStream, Stage


async def told(stage: Stage, stream: EventStream) -> list[tuple[str, Any]]:
    """What a stream of everything has been told until now."""
    await sent(stage, "until.here")
    found = []
    while (frame := await stream.next()).event != "until.here":
        found.append((str(frame.event).removeprefix("spooled."), frame.json))
    return found


async def run(stage: Stage, task: str, body: Any) -> str:
    return str((await stage.post(f"tasks/{task}/runs", body))["id"])


async def run_of_flow(stage: Stage, given: bytes) -> str:
    org = (await stage.services.callers.find_key(stage.key)).org
    options = RunOptions(input=given)
    made = await stage.db.write(run_flow, org, "pay", options, Admission(), ALL_QUEUES)
    return made.row["id"]


async def claim(stage: Stage, queue_name: str) -> Any:
    [job] = (await stage.post("jobs/claim", {"queue": queue_name, "worker_id": "w"}))["jobs"]
    return job


def test_queues_and_tasks_come_and_go() -> None:
    async def test(stage: Stage) -> None:
        stream = await listening(stage, "#")
        await stage.post("queues", {"name": "emails"})
        await stage.post("queues", {"name": "emails"})
        await stage.enqueue("made-by-a-job")
        await stage.post("tasks/charge", {"queue_name": "emails"}, "PUT")
        await stage.post("tasks/charge", {"queue_name": "emails"}, "PUT")
        await stage.post("tasks", {"name": "charge"})
        await stage.post("tasks/charge", {"queue_name": "emails", "max_retries": 7}, "PUT")
        await stage.post("tasks/charge", None, "DELETE")
        await stage.post("queues/emails?delete_jobs=true", None, "DELETE")

        assert await told(stage, stream) == [
            ("queue.created", {"queue": "emails"}),
            ("queue.created", {"queue": "made-by-a-job"}),
            ("task.created", {"task": "charge"}),
            ("task.deleted", {"task": "charge"}),
            ("queue.deleted", {"queue": "emails"}),
        ]

    played(test)


def test_every_end_of_a_run_is_told_once() -> None:
    async def test(stage: Stage) -> None:
        await stage.post(
            "tasks/charge",
            {"queue_name": "charge", "max_retries": 1, "condition": "not input.is_skipped"},
            "PUT",
        )
        stream = await listening(stage, "spooled.task.*", "until.here")
        ok = await run(stage, "charge", {"input": {"n": 1}, "concurrency_key": "k"})
        assert await run(stage, "charge", {"input": 2, "concurrency_key": "k"}) == ok
        job = await claim(stage, "charge")
        await stage.complete(job, result={"paid": True})
        skipped = await run(stage, "charge", {"input": {"is_skipped": True}})
        failing = await run(stage, "charge", {"input": 3})
        await stage.fail(await claim(stage, "charge"), "once", retry_after_ms=0)
        await stage.fail(await claim(stage, "charge"), "for good")
        gone = await run(stage, "charge", {"input": 4})
        await stage.post(f"tasks/charge/runs/{gone}/cancel")
        await stage.post(f"tasks/charge/runs/{gone}/cancel")
        late = await run(stage, "charge", {"input": 5, "expires_in_ms": 1_000})
        stage.clock.advance(seconds=2)
        assert (await stage.post("jobs/claim", {"queue": "charge", "worker_id": "w"}))["jobs"] == []
        expired = ("task.expired", {"task": "charge", "run_id": late})

        found = await told(stage, stream)
        while expired not in found:  # by the loop that looks for them
            found += await told(stage, stream)

        def of(run_id: str, **more: Any) -> Any:
            return {"task": "charge", "run_id": run_id, **more}

        assert found == [
            ("task.started", of(ok, input={"n": 1})),
            ("task.completed", of(ok, output={"paid": True})),
            ("task.started", of(skipped, input={"is_skipped": True})),
            ("task.skipped", of(skipped)),
            ("task.started", of(failing, input=3)),
            ("task.failed", of(failing, error="for good")),
            ("task.started", of(gone, input=4)),
            ("task.canceled", of(gone)),
            ("task.started", of(late, input=5)),
            expired,
        ]

    played(test)


def test_long_values_are_left_out() -> None:
    async def test(stage: Stage) -> None:
        await stage.post("tasks/charge", {"queue_name": "charge", "max_retries": 0}, "PUT")
        stream = await listening(stage, "spooled.task.*", "until.here")
        long = "x" * (VALUE_BYTES_MAX - 2)  # with its quotes it is as long as what is left out
        first = await run(stage, "charge", {"input": long})
        await stage.complete(await claim(stage, "charge"), result={"long": long})
        second = await run(stage, "charge", {"input": long[1:]})

        assert await told(stage, stream) == [
            ("task.started", {"task": "charge", "run_id": first}),
            ("task.completed", {"task": "charge", "run_id": first}),
            ("task.started", {"task": "charge", "run_id": second, "input": long[1:]}),
        ]

    played(test)


def test_flows_and_their_runs_come_and_go() -> None:
    async def test(stage: Stage) -> None:
        await stage.post("queues", {"name": "steps"})
        stream = await listening(stage, "#")
        flow = {"steps": [{"key": "only", "queue_name": "steps", "max_retries": 0}]}
        await stage.post("flows/pay", flow, "PUT")
        await stage.post("flows/pay", flow, "PUT")
        ok = await run_of_flow(stage, b'{"n": 1}')
        await stage.complete(await claim(stage, "steps"), result={"paid": True})
        failing = await run_of_flow(stage, b"2")
        await stage.fail(await claim(stage, "steps"), "for good")
        gone = await run_of_flow(stage, b"3")
        await stage.post(f"workflows/{gone}/cancel")
        await stage.post("flows/pay", None, "DELETE")

        found = await told(stage, stream)
        error = found[4][1].pop("error")

        def of(run_id: str, **more: Any) -> Any:
            return {"flow": "pay", "run_id": run_id, **more}

        assert found == [
            ("flow.created", {"flow": "pay"}),
            ("flow.started", of(ok, input={"n": 1})),
            ("flow.completed", of(ok, output={"paid": True})),
            ("flow.started", of(failing, input=2)),
            ("flow.failed", of(failing)),
            ("flow.started", of(gone, input=3)),
            ("flow.canceled", of(gone)),
            ("flow.deleted", {"flow": "pay"}),
        ]
        assert "for good" in error

    played(test)


def test_workers_start_and_stop() -> None:
    async def test(stage: Stage) -> None:
        worker = {"queue_name": "emails", "worker_id": "w-1", "hostname": "h"}
        await stage.post("queues", {"name": "emails"})
        stream = await listening(stage, "#")

        await stage.post("workers/register", worker)
        await stage.post("workers/register", worker)
        await stage.post("workers/w-1/deregister")
        await stage.post("workers/w-1/deregister")
        await stage.post("workers/register", worker)

        of_it = {"worker_id": "w-1"}
        assert await told(stage, stream) == [
            ("worker.started", of_it),
            ("worker.stopped", of_it),
            ("worker.started", of_it),
        ]

    played(test)


def test_plain_jobs_and_workflows_are_no_topic() -> None:
    async def test(stage: Stage) -> None:
        await stage.post("queues", {"name": "emails"})
        stream = await listening(stage, "#")
        await stage.done()
        step = {"key": "a", "queue_name": "emails", "payload": 1}
        await stage.post("workflows", {"name": "w", "jobs": [step]})
        await stage.complete(await stage.claim())

        assert await told(stage, stream) == []

    played(test)


def test_webhooks_with_topics_are_told_as_well() -> None:
    async def test(stage: Stage) -> None:
        hook = {"name": "h", "url": "http://127.0.0.1:9/x", "topics": ["spooled.queue.#"]}
        made = await stage.post("outgoing-webhooks", hook)
        assert (made["events"], made["topics"]) == ([], ["spooled.queue.#"])

        await stage.post("queues", {"name": "emails"})

        path = f"/api/v1/outgoing-webhooks/{made['id']}/deliveries"
        [delivery] = (await stage.call("GET", path)).json
        data = delivery["payload"]["data"]
        assert (delivery["event"], data["topic"]) == ("topic.notified", "spooled.queue.created")
        assert json.loads(data["message"]) == {"queue": "emails"}

    played(test)
