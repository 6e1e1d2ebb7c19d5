"""Steps of flows over gRPC, which reads objects alone: catbird-capabilities, section 19.6."""

from typing import Any

from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.core.steps.start import start_run
from spooled_lite.core.workflows.document import StepDocument
from spooled_lite.core.workflows.records import RunOptions
from spooled_lite.core.workflows.store_run import NewRun
from tests.core.stage import OPEN
from tests.core.workflows.runs import a_document, a_node
from tests.wire.grpc.stage import Stage, as_json, holder, play, struct

GIVEN = {"input": 5.0, "deps": {}, "skipped_deps": [], "signal": None}


def a_step(key: str, *depends_on: str, **more: Any) -> StepDocument:
    return a_node(key, *depends_on, **{"queue_name": "q", "payload_mode": "envelope", **more})


async def a_run(stage: Stage, *steps: StepDocument, body: bytes = b"5") -> None:
    new = NewRun(name="w", document=a_document(*steps), options=RunOptions(input=body))
    await stage.db.write(start_run, stage.org, new, OPEN)


def test_a_dequeue_gives_the_envelope_as_the_payload() -> None:
    async def script(stage: Stage) -> None:
        await a_run(stage, a_step("a"), a_step("b", "a"))
        plain = await stage.client.enqueue("q", payload={"n": 1})

        first, other = await stage.client.dequeue("q", batch_size=10)
        assert as_json(first.payload) == GIVEN
        assert (other.id, as_json(other.payload)) == (plain, {"n": 1})
        await stage.client.complete(first, result=struct({"m": 2}))

        [second] = await stage.client.dequeue("q")
        assert as_json(second.payload) == {**GIVEN, "deps": {"a": {"m": 2.0}}}

    play(script)


def test_both_streams_give_it_too() -> None:
    async def script(stage: Stage) -> None:
        stream = stage.client.stream_jobs("q")
        await stage.until(lambda: stage.count("q") == 1)
        await a_run(stage, a_step("a"))
        job = await stream.read()
        assert as_json(job.payload) == GIVEN
        await stage.client.call("Complete", pb.CompleteRequest(**holder(job)))
        stream.cancel()

        conversation = stage.client.process_jobs()
        await a_run(stage, a_step("a"))
        asked = pb.DequeueRequest(queue_name="q", worker_id="w-2", batch_size=1)
        await conversation.write(pb.ProcessRequest(dequeue=asked))
        answer = await conversation.read()
        assert as_json(answer.job.payload) == GIVEN
        conversation.cancel()

    play(script)


def test_an_envelope_that_is_too_deep_fails_its_attempt_and_spoils_no_other() -> None:
    async def script(stage: Stage) -> None:
        deep = b'{"a":' * 33 + b"1" + b"}" * 33  # read by itself, but not in an envelope
        await a_run(stage, a_step("deep"), body=deep)
        plain = await stage.client.enqueue("q")

        assert [job.id for job in await stage.client.dequeue("q", batch_size=10)] == [plain]
        [row] = await stage.db.write(
            lambda tx: tx._connection.execute(
                "SELECT last_error, retry_count FROM jobs WHERE step_key = 'deep'"
            ).fetchall()
        )
        assert row["last_error"] == "nested 34 levels deep; gRPC clients read 33"
        assert row["retry_count"] == 1

    play(script)


def test_steps_for_which_a_message_has_no_room_go_back() -> None:
    async def script(stage: Stage) -> None:
        body = b'"%b"' % (b"x" * 900_000)
        await a_run(stage, *(a_step(f"s{n}") for n in range(8)), body=body)

        first = await stage.client.dequeue("q", batch_size=10)
        rest = await stage.client.dequeue("q", batch_size=10)

        assert len(first) >= 1
        assert len(rest) >= 1
        ids = [job.id for job in (*first, *rest)]
        assert len(set(ids)) == len(ids)
        assert {job.retry_count for job in rest} == {0}

    play(script)
