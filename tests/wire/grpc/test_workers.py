"""WorkerService. Contract: grpc, section 7."""

import json
from typing import Any

import pytest
from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.workers.query import get_worker
from tests.wire.grpc.stage import Stage, play, refusal


async def register(stage: Stage, **fields: Any) -> Any:
    asked = {"queue_name": "emails", "hostname": "host-1", **fields}
    return await stage.client.call("Register", pb.RegisterWorkerRequest(**asked))


async def stored(stage: Stage, worker_id: str) -> Any:
    return await stage.db.readers.read(get_worker, stage.org, worker_id, ALL_QUEUES)


def test_a_worker_is_kept_as_its_twin_over_rest_would_be() -> None:
    async def script(stage: Stage) -> None:
        answer = await register(
            stage,
            worker_type="python",
            max_concurrency=7,
            version="1.2",
            metadata={"zone": "a"},
            worker_id="w.1_a-b",
        )

        row = await stored(stage, "w.1_a-b")
        assert answer == pb.RegisterWorkerResponse(
            worker_id="w.1_a-b", lease_duration_secs=30, heartbeat_interval_secs=10
        )
        assert (row["queue_name"], row["hostname"], row["worker_type"]) == (
            "emails",
            "host-1",
            "python",
        )
        assert (row["max_concurrency"], row["version"], row["status"]) == (7, "1.2", "healthy")
        assert json.loads(row["metadata"]) == {"zone": "a"}

    play(script)


@pytest.mark.parametrize(
    ("asked", "kept"), [(0, 5), (1, 1), (1_000, 1_000), (1_001, 1_000), (-1, 1)]
)
def test_concurrency_is_clamped(asked: int, kept: int) -> None:
    async def script(stage: Stage) -> None:
        answer = await register(stage, max_concurrency=asked)

        assert (await stored(stage, answer.worker_id))["max_concurrency"] == kept

    play(script)


def test_what_is_not_said_has_its_default() -> None:
    async def script(stage: Stage) -> None:
        answer = await register(stage, hostname="", worker_id="")

        row = await stored(stage, answer.worker_id)
        assert len(answer.worker_id) == 36
        assert (row["hostname"], row["worker_type"], row["version"]) == ("unknown", None, None)
        assert row["metadata"] == b"{}"

    play(script)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"queue_name": ""}, "Queue name"),
        ({"queue_name": "a b"}, "alphanumeric"),
        ({"hostname": "h" * 256}, "hostname"),
        ({"hostname": "a b"}, "hostname"),
        ({"worker_type": "t" * 51}, "worker_type"),
        ({"version": "v" * 51}, "version"),
        ({"worker_id": "a b"}, "Worker ID"),
        ({"worker_id": "w" * 129}, "Worker ID"),
        ({"metadata": {"m": "x" * 65_536}}, "metadata"),
    ],
)
def test_a_broken_rule_of_a_registration_is_named(fields: dict[str, Any], said: str) -> None:
    async def script(stage: Stage) -> None:
        refused = await refusal(register(stage, **fields))

        assert (refused.code, said in refused.text) == ("INVALID_ARGUMENT", True)

    play(script)


def test_an_id_of_the_organization_is_the_same_worker_and_a_foreign_one_is_taken() -> None:
    async def script(stage: Stage) -> None:
        await register(stage, worker_id="w-1", hostname="before")
        await register(stage, worker_id="w-1", hostname="after")
        other = await stage.other_org()

        foreign = pb.RegisterWorkerRequest(queue_name="q", worker_id="w-1")
        refused = await refusal(other.call("Register", foreign))

        assert (await stored(stage, "w-1"))["hostname"] == "after"
        assert refused.code == "ALREADY_EXISTS"

    play(script)


@pytest.mark.parametrize(
    ("said", "kept"),
    [("healthy", "healthy"), ("degraded", "degraded"), ("", "healthy"), ("odd", "healthy")],
)
def test_a_heartbeat_is_taken(said: str, kept: str) -> None:
    async def script(stage: Stage) -> None:
        await register(stage, worker_id="w-1", metadata={"a": "1"})

        beat = pb.HeartbeatRequest(worker_id="w-1", current_jobs=3, status=said)
        answer = await stage.client.call("Heartbeat", beat)

        row = await stored(stage, "w-1")
        assert answer == pb.HeartbeatResponse(acknowledged=True)
        assert (row["status"], row["current_jobs"]) == (kept, 3)
        assert json.loads(row["metadata"]) == {"a": "1"}

    play(script)


def test_a_heartbeat_with_odd_values_is_taken_as_well() -> None:
    async def script(stage: Stage) -> None:
        await register(stage, worker_id="w-1", metadata={"a": "1"})

        beat = pb.HeartbeatRequest(worker_id="w-1", current_jobs=-4, metadata={"b": "2"})
        await stage.client.call("Heartbeat", beat)

        row = await stored(stage, "w-1")
        assert (row["current_jobs"], json.loads(row["metadata"])) == (0, {"b": "2"})

    play(script)


def test_who_drains_is_told_so_and_goes_on_draining() -> None:
    async def script(stage: Stage) -> None:
        await register(stage, worker_id="w-1")

        answers = [
            await stage.client.call("Heartbeat", pb.HeartbeatRequest(worker_id="w-1", status=each))
            for each in ("draining", "healthy", "degraded")
        ]

        assert [answer.should_drain for answer in answers] == [True, True, False]

    play(script)


def test_a_server_that_stops_has_its_workers_drain() -> None:
    async def script(stage: Stage) -> None:
        await register(stage, worker_id="w-1")
        stage.it.begin_stop()

        beat = pb.HeartbeatRequest(worker_id="w-1")

        assert (await stage.client.call("Heartbeat", beat)).should_drain

    play(script)


def test_a_worker_signs_off_and_its_jobs_keep_their_leases() -> None:
    async def script(stage: Stage) -> None:
        await register(stage, worker_id="w-1")
        job_id = await stage.client.enqueue()
        await stage.client.dequeue(worker_id="w-1")

        answers = [
            await stage.client.call("Deregister", pb.DeregisterRequest(worker_id="w-1"))
            for _ in range(2)
        ]

        assert [answer.success for answer in answers] == [True, True]
        assert (await stored(stage, "w-1"))["status"] == "offline"
        assert await stage.status(job_id) == "processing"

    play(script)


@pytest.mark.parametrize("worker_id", ["unknown", "", "x" * 1_000])
def test_an_unknown_worker_is_no_error(worker_id: str) -> None:
    async def script(stage: Stage) -> None:
        beat = await stage.client.call("Heartbeat", pb.HeartbeatRequest(worker_id=worker_id))
        off = await stage.client.call("Deregister", pb.DeregisterRequest(worker_id=worker_id))

        assert (beat.acknowledged, off.success) == (False, False)

    play(script)


def test_a_worker_of_another_organization_is_unknown() -> None:
    async def script(stage: Stage) -> None:
        await register(stage, worker_id="w-1")
        other = await stage.other_org()

        beat = await other.call("Heartbeat", pb.HeartbeatRequest(worker_id="w-1"))

        assert not beat.acknowledged

    play(script)
