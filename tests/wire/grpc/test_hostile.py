"""What no client library sends, and clients that leave at the wrong moment: nobody else notices."""

import asyncio
import contextlib
import logging
from pathlib import Path

import pytest
from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.wire.grpc import server
from tests.server_process import ServerProcess
from tests.wire.grpc.raw_http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    HEADERS,
    RESET,
    Peer,
    field,
    frame,
    head,
    message,
)
from tests.wire.grpc.stage import Stage, play, refusal

pytestmark = pytest.mark.alone

GET_JOB = b"/spooled.v1.QueueService/GetJob"
CHECK, WATCH = b"/grpc.health.v1.Health/Check", b"/grpc.health.v1.Health/Watch"
REFLECTION = b"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
NO_TEXT = b"sk_\xff\xfe"
FLOOD_BYTES = 256 * 1024 * 1024
FLOOD_SECONDS = 6.0
GROWN_MAX = 64 * 1024 * 1024  # what the library keeps is known and not closed: see README


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def records(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("path", [b"/\xff\xfe/\x80", b"\xff", b"/spooled.v1.QueueService/\xe9"])
def test_a_path_that_is_no_text_is_unimplemented_and_calls_go_on(
    path: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(stage: Stage) -> None:
        peer = await Peer.of(stage.server.port)

        for _ in range(3):
            await peer.call(path)
            said = await peer.until(b"grpc-status")
            await peer.close()
            peer = await Peer.of(stage.server.port)

        assert b"grpc-status\x0212" in said
        assert await stage.client.enqueue()
        await peer.close()

    play(script)
    assert records(caplog) == []


def test_a_method_that_there_is_not_is_unimplemented() -> None:
    async def script(stage: Stage) -> None:
        for name in ("Enqeue", "Enqueue/x", ""):
            call = stage.client.raw(name, b"")
            assert (await refusal(call)).code == "UNIMPLEMENTED"

    play(script)


@pytest.mark.parametrize("name", [b"x-api-key", b"authorization", b"x-other", b"user-agent"])
def test_headers_that_are_no_text_are_no_line_of_the_log(
    name: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(stage: Stage) -> None:
        peer = await Peer.of(stage.server.port)
        keys = () if name == b"x-api-key" else ((b"x-api-key", stage.key.encode()),)

        await peer.call(GET_JOB, *keys, (name, NO_TEXT), data=b"\x0a\x01x")
        said = await peer.until(b"grpc-status")

        assert (b"grpc-status\x0216" in said) is (name == b"x-api-key")
        await peer.close()

    play(script)
    # A refused credential is told of once, without what it held.
    told = [record for record in caplog.records if record.name != "spooled_lite.wire.refused"]
    assert told == []
    assert "\\x" not in caplog.text


@pytest.mark.parametrize("path", [CHECK, WATCH, REFLECTION])
def test_a_message_that_is_none_is_told_to_whoever_sent_it(
    path: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(stage: Stage) -> None:
        peer = await Peer.of(stage.server.port)

        await peer.call(path, data=b"\xff\xff")

        assert b"grpc-status\x013" in await peer.until(b"grpc-status")
        await peer.close()

    play(script)
    assert records(caplog) == []


@pytest.mark.parametrize("leaves", ["closes", "resets"])
@pytest.mark.parametrize("path", [REFLECTION, b"/spooled.v1.QueueService/ProcessJobs"])
def test_who_leaves_while_it_is_written_to_is_no_line_of_the_log(
    path: bytes, leaves: str, caplog: pytest.LogCaptureFixture
) -> None:
    # Answers that do not fit into what the client has room for: a file, or a refusal.
    symbol = b"spooled.v1.QueueService"
    asked = b"\x22" + bytes([len(symbol)]) + symbol if path == REFLECTION else b""

    async def script(stage: Stage) -> None:
        for _ in range(10):
            peer = await Peer.of(stage.server.port)
            key = (b"x-api-key", stage.key.encode())
            await peer.send(frame(HEADERS, END_HEADERS, head(path, key)))
            await peer.send(frame(DATA, 0, message(asked)) * 2_000)
            await peer.until(b"grpc")
            if leaves == "resets":
                await peer.send(frame(RESET, 0, b"\x00\x00\x00\x08"))
            await peer.close()
        assert await stage.client.enqueue()

    play(script)
    assert records(caplog) == []


@pytest.mark.slow
def test_headers_without_end_do_not_cost_memory_without_end(tmp_path: Path) -> None:
    headers = field(b"x-a", b"v" * 126) * 115  # almost a whole frame
    flood = frame(CONTINUATION, 0, headers) * 16

    async def script(server: ServerProcess) -> int:
        peer = await Peer.of(int(server.ready["grpc_address"].rpartition(":")[2]))
        await peer.send(frame(HEADERS, 0, head(GET_JOB)))
        before = server.resident_bytes
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(FLOOD_SECONDS):
                for _ in range(FLOOD_BYTES // len(flood)):
                    await peer.send(flood)
        grown = server.resident_bytes - before
        await peer.close()
        return grown

    with ServerProcess(tmp_path, grpc_port="auto") as server:
        server.start()

        grown = asyncio.run(script(server))

        assert grown < GROWN_MAX
        assert server.stop() == 0


def test_one_call_too_many_at_a_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CALLS_MAX", 2)

    async def script(stage: Stage) -> None:
        streams = [stage.client.stream_jobs() for _ in range(2)]
        for stream in streams:
            await stream.initial_metadata()

        refused = await refusal(stage.client.call("GetJob", pb.GetJobRequest(job_id="x")))
        streams[0].cancel()

        assert refused.code == "RESOURCE_EXHAUSTED"
        await stage.until(lambda: stage.count() == 1)
        assert await stage.client.enqueue("other")

    play(script)
