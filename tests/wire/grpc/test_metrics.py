"""What is counted of gRPC."""

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families
from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.core.lifecycle import settle
from tests.wire.grpc.stage import PATIENCE_SECONDS, Held, Stage, play, refusal

CALLS = "spooled_grpc_calls_total"
STREAMS = "spooled_grpc_streams"
SECONDS = "spooled_grpc_call_duration_seconds_count"


def measured(stage: Stage, name: str) -> dict[str, float]:
    """The values of a metric by their labels, as scrapers see it."""
    text = stage.services.metrics.text().decode()
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    return {
        " ".join(each.labels[label] for label in ("method", "code") if label in each.labels): (
            each.value
        )
        for each in samples
        if each.name == name
    }


def test_a_call_counts_with_the_status_it_ended_with() -> None:
    async def script(stage: Stage) -> None:
        await stage.client.enqueue()
        await stage.client.enqueue()
        await refusal(stage.client.call("Complete", pb.CompleteRequest(job_id="j")))
        await refusal(stage.client_with("sk_test_nobody").enqueue())

        assert measured(stage, CALLS) == {
            "Enqueue OK": 2,
            "Complete NOT_FOUND": 1,
            "Enqueue UNAUTHENTICATED": 1,
        }
        assert measured(stage, SECONDS) == {"": 4}

    play(script)


def test_a_bug_and_a_caller_that_left_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object) -> None:
        raise ZeroDivisionError

    async def script(stage: Stage) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(settle, "complete", bug)
            await refusal(stage.client.call("Complete", pb.CompleteRequest(job_id="j")))
        held = await Held(stage).begun()
        left = stage.client.start("Fail", pb.FailRequest(job_id="j"))
        await held.until_waiting(settle.fail)

        left.cancel()

        async with asyncio.timeout(PATIENCE_SECONDS):
            while "Fail CANCELLED" not in measured(stage, CALLS):
                await stage.db.readers.read(lambda _: None)
        held.let_go()
        assert measured(stage, CALLS) == {"Complete INTERNAL": 1, "Fail CANCELLED": 1}

    play(script)


def test_a_stream_is_open_until_it_has_ended_and_counts_then() -> None:
    async def script(stage: Stage) -> None:
        streams = [stage.client.stream_jobs(), stage.client.process_jobs()]
        for stream in streams:
            await stream.initial_metadata()
        assert measured(stage, STREAMS) == {"StreamJobs": 1, "ProcessJobs": 1}
        assert measured(stage, CALLS) == {}

        streams[0].cancel()
        await streams[1].done_writing()
        await streams[1].code()
        await stage.until(lambda: len(measured(stage, CALLS)) == 2)

        assert measured(stage, STREAMS) == {}
        assert measured(stage, CALLS) == {"StreamJobs CANCELLED": 1, "ProcessJobs OK": 1}

    play(script)
