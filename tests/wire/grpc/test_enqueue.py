"""Enqueue over gRPC. Contract: grpc, sections 4 and 5.1."""

import asyncio
import json
import math
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.wire.bodies import in_full
from spooled_lite.wire.grpc.json_structs import length_of, struct_of
from tests.wire.grpc.stage import NOW_MS, Held, Stage, play, refusal, struct


def test_a_job_is_stored_as_its_twin_over_rest_would_store_it() -> None:
    async def script(stage: Stage) -> None:
        request = pb.EnqueueRequest(
            queue_name="emails",
            payload=struct({"job_type": "mail", "to": ["a", "b"], "n": 3, "half": 0.5, "no": None}),
            priority=-7,
            max_retries=9,
            timeout_seconds=60,
            idempotency_key="k-1",
            tags={"team": "blue"},
        )

        answer = await stage.client.call("Enqueue", request)

        row = await stage.row(answer.job_id)
        assert answer.created
        assert json.loads(row["payload"]) == {
            "job_type": "mail", "to": ["a", "b"], "n": 3, "half": 0.5, "no": None,
        }  # fmt: skip
        assert b'"n":3' in row["payload"]
        assert (row["priority"], row["max_retries"], row["timeout_seconds"]) == (-7, 9, 60)
        assert (row["job_type"], row["idempotency_key"]) == ("mail", "k-1")
        assert json.loads(row["tags"]) == {"team": "blue"}
        assert await stage.history(answer.job_id) == ["created"]

    play(script)


def test_zero_and_nothing_are_the_defaults() -> None:
    async def script(stage: Stage) -> None:
        answer = await stage.client.call("Enqueue", pb.EnqueueRequest(queue_name="emails"))

        row = await stage.row(answer.job_id)
        assert (row["payload"], row["tags"], row["idempotency_key"]) == (b"{}", None, None)
        assert (row["priority"], row["max_retries"], row["timeout_seconds"]) == (0, 3, 300)
        assert (row["status"], row["scheduled_at_ms"]) == ("pending", None)

    play(script)


def test_a_repeated_idempotency_key_is_the_first_job_again() -> None:
    async def script(stage: Stage) -> None:
        first = await stage.client.enqueue(idempotency_key="k")

        request = pb.EnqueueRequest(queue_name="other", idempotency_key="k", priority=5)
        answer = await stage.client.call("Enqueue", request)

        assert (answer.job_id, answer.created) == (first, False)
        assert (await stage.row(first))["queue_name"] == "emails"

    play(script)


@pytest.mark.parametrize(
    ("seconds", "nanos", "at_ms"),
    [
        (NOW_MS // 1000 + 60, 5_999_999, NOW_MS + 60_005),
        (NOW_MS // 1000 - 60, 0, NOW_MS - 60_000),
        (0, 0, None),
        (-1, 0, -1000),
    ],
)
def test_a_time_is_kept_to_the_millisecond_and_zero_is_none(
    seconds: int, nanos: int, at_ms: int | None
) -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.client.enqueue(scheduled_at=Timestamp(seconds=seconds, nanos=nanos))

        row = await stage.row(job_id)
        assert row["scheduled_at_ms"] == at_ms
        assert row["status"] == ("scheduled" if at_ms and at_ms > NOW_MS else "pending")

    play(script)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"queue_name": ""}, "Queue name"),
        ({"queue_name": "q" * 101}, "Queue name"),
        ({"queue_name": "a b"}, "alphanumeric"),
        ({"queue_name": ".a"}, "Queue name"),
        ({"priority": 101}, "priority"),
        ({"priority": -101}, "priority"),
        ({"priority": -(2**31)}, "priority"),
        ({"max_retries": 101}, "max_retries"),
        ({"max_retries": -1}, "max_retries"),
        ({"timeout_seconds": 86_401}, "timeout_seconds"),
        ({"timeout_seconds": -1}, "timeout_seconds"),
        ({"idempotency_key": "k" * 256}, "idempotency_key"),
        ({"tags": {"t": "x" * 65_536}}, "tags"),
        ({"payload": struct({"a": math.nan})}, "not finite"),
        ({"payload": struct({"a": [1, {"b": math.inf}]})}, "not finite"),
        ({"payload": struct({"a": "x" * 1_048_576})}, "1048576"),
        ({"scheduled_at": Timestamp(seconds=2**40)}, "scheduled_at"),
        ({"scheduled_at": Timestamp(seconds=1, nanos=-1)}, "scheduled_at"),
        ({"scheduled_at": Timestamp(seconds=1, nanos=10**9)}, "scheduled_at"),
    ],
)
def test_a_broken_rule_is_named(fields: dict[str, Any], said: str) -> None:
    async def script(stage: Stage) -> None:
        request = pb.EnqueueRequest(**{"queue_name": "emails", **fields})

        refused = await refusal(stage.client.call("Enqueue", request))

        assert refused.code == "INVALID_ARGUMENT"
        assert said in refused.text
        assert refused.retry_after is None

    play(script)


def test_the_largest_payload_is_stored_and_comes_back() -> None:
    async def script(stage: Stage) -> None:
        text = "x" * (1_048_576 - len('{"a":""}'))

        job_id = await stage.client.enqueue(payload={"a": text})

        [job] = await stage.client.dequeue()
        assert (job.id, job.payload["a"]) == (job_id, text)

    play(script)


def an_enqueue(payload: bytes) -> bytes:
    """A request with this Struct, which no class has to hold."""
    name = pb.EnqueueRequest(queue_name="emails").SerializeToString()
    return name + b"\x12" + length_of(payload) + payload


def test_a_payload_counts_as_json_however_long_it_is_in_its_message() -> None:
    async def script(stage: Stage) -> None:
        # A one and its comma are eleven bytes there.
        text = b'{"a":[' + b"1," * 524_000 + b"1]}"
        payload = struct_of(text)
        assert payload is not None
        assert len(text) < 1_048_576 < 5 * 1_048_576 < len(payload)

        raw = await stage.client.raw("Enqueue", an_enqueue(payload))

        job_id = pb.EnqueueResponse.FromString(raw).job_id
        assert (await in_full(stage.db.readers.of(stage.org), await stage.row(job_id)))[
            "payload"
        ] == text

    play(script)


@pytest.mark.parametrize("count", [2, 6, 15])
def test_a_payload_that_is_too_large_breaks_a_rule_however_large_it_is(count: int) -> None:
    async def script(stage: Stage) -> None:
        refused = await refusal(stage.client.enqueue(payload={"a": "x" * count * 1_048_576}))

        assert refused.code == "INVALID_ARGUMENT"
        assert refused.text == "Field `payload` is larger than 1048576 bytes"

    play(script)


def nested(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize(("levels", "is_stored"), [(33, True), (100, True), (101, False)])
def test_a_payload_may_be_nested_a_hundred_levels_deep(levels: int, is_stored: bool) -> None:
    async def script(stage: Stage) -> None:
        # Written by hand: the classes of clients in this language go to 33 levels.
        payload = struct_of(nested(levels), messages_max=1_000)
        assert payload is not None

        call = stage.client.raw("Enqueue", an_enqueue(payload))

        if is_stored:
            stored = pb.EnqueueResponse.FromString(await call)
            assert (await stage.row(stored.job_id))["payload"] == nested(levels)
        else:
            refused = await refusal(call)
            assert (refused.code, "100 levels" in refused.text) == ("INVALID_ARGUMENT", True)

    play(script)


@pytest.mark.parametrize(
    "raw", [b"\xff", b"\x0a\x05ab", b"\x0a\x02\xff\xfe", b"\x12\x03\x0a\xff\x01"]
)
def test_a_malformed_message_is_refused_and_nothing_is_stored(raw: bytes) -> None:
    async def script(stage: Stage) -> None:
        name = pb.EnqueueRequest(queue_name="emails").SerializeToString()

        refused = await refusal(stage.client.raw("Enqueue", name + raw))

        assert refused.code == "INVALID_ARGUMENT"
        assert await stage.client.dequeue() == []

    play(script)


def test_a_field_that_is_not_known_is_ignored() -> None:
    async def script(stage: Stage) -> None:
        name = pb.EnqueueRequest(queue_name="emails").SerializeToString()

        raw = await stage.client.raw("Enqueue", name + b"\xfa\x06\x01x")

        assert pb.EnqueueResponse.FromString(raw).created

    play(script)


def test_an_oversize_message_is_refused_and_the_connection_goes_on() -> None:
    async def script(stage: Stage) -> None:

        refused = await refusal(stage.client.raw("Enqueue", bytes(17 * 1024 * 1024)))

        assert refused.code == "RESOURCE_EXHAUSTED"
        assert "limit reached" not in refused.text
        assert await stage.client.enqueue()

    play(script)


def test_many_at_once_share_the_writes() -> None:
    async def script(stage: Stage) -> None:
        held = await Held(stage).begun()
        calls = asyncio.gather(*(stage.client.enqueue() for _ in range(100)))
        await held.until_waiting(enqueue, 100)

        held.let_go()

        assert len(set(await calls)) == 100
        assert stage.shared_commits(above=64) == 1

    # However slow the machine is, a batch is not cut short.
    play(script, write_batch_ms_max=60_000)


@pytest.mark.parametrize(
    ("method", "request_with_nul", "field"),
    [
        ("Enqueue", pb.EnqueueRequest(queue_name="a", idempotency_key="k\0x"), "idempotency_key"),
        ("Enqueue", pb.EnqueueRequest(queue_name="a", tags={"k": "a\0"}), "tags"),
        ("Enqueue", pb.EnqueueRequest(queue_name="a", tags={"\0": "a"}), "tags"),
        ("Dequeue", pb.DequeueRequest(queue_name="a", worker_id="w\0x"), "worker_id"),
        ("Complete", pb.CompleteRequest(job_id="j\0x", worker_id="w"), "job_id"),
        ("Fail", pb.FailRequest(job_id="j", worker_id="w", lease_id="\0"), "lease_id"),
    ],
)
def test_a_nul_in_an_id_a_name_a_key_or_a_tag_is_refused(
    method: str, request_with_nul: Any, field: str
) -> None:
    async def script(stage: Stage) -> None:
        refused = await refusal(stage.client.call(method, request_with_nul))

        assert refused.code == "INVALID_ARGUMENT"
        assert refused.text == f"Field `{field}` must not contain the character NUL"

    play(script)
