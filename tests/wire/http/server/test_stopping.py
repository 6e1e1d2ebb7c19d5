"""Listening, and stopping in order."""

import asyncio
import logging
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from spooled_lite.wire.http.server import protocol
from spooled_lite.wire.http.server.server import HttpServer
from spooled_lite.wire.listen import CannotListen, PortInUse
from tests.wire.http.raw_http import (
    GET,
    GET_AND_CLOSE,
    PATIENCE_SECONDS,
    UPGRADE,
    Answer,
    Waiting,
    assert_envelope,
    connected,
    echo,
    refusal,
    run,
    serving,
    soon,
)

# Listening


def test_a_port_in_use_is_an_error_that_names_host_and_port() -> None:
    async def main() -> None:
        async with serving(echo) as first:
            second = HttpServer(
                echo, host="127.0.0.1", port=first.port, grace_seconds=1, on_stopping=lambda: None
            )

            with pytest.raises(PortInUse, match=f"127.0.0.1, port {first.port}"):
                await second.start()

    run(main())


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_not_ours_is_an_error_that_names_it(host: str) -> None:
    async def main() -> None:
        server = HttpServer(echo, host=host, port=0, grace_seconds=1, on_stopping=lambda: None)

        with pytest.raises(CannotListen, match=host):
            await server.start()

    run(main())


def test_two_servers_run_side_by_side_and_a_port_is_free_again_after_the_stop() -> None:
    async def main() -> None:
        async with serving(echo) as one, serving(echo) as other:
            assert one.port != other.port
            assert (await refusal(one, GET_AND_CLOSE)).status == 200
            assert (await refusal(other, GET_AND_CLOSE)).status == 200
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", one.port))

    run(main())


# Stopping


def test_a_stop_lets_the_request_in_flight_finish_and_takes_no_new_one() -> None:
    app = Waiting()

    async def main() -> None:
        async with (
            serving(app, grace_seconds=PATIENCE_SECONDS, on_stopping=app.allowed.set) as server,
            connected(server) as idle,
            connected(server) as client,
        ):
            await client.send(GET)
            await soon(app.entered)
            await server.stop()
            said = Answer.parse(await client.read_to_end())

            assert (said.status, said.headers["connection"]) == (200, "close")
            assert await idle.read_to_end() == b""
            with pytest.raises(OSError, match=r"refused|failed"):
                await asyncio.open_connection("127.0.0.1", server.port)

    run(main())


def test_a_stop_answers_a_client_that_has_only_just_connected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A connection that is closed before its first request looks like a failure."""
    monkeypatch.setattr(protocol, "FIRST_REQUEST_SECONDS", PATIENCE_SECONDS)

    async def main() -> None:
        begun = asyncio.Event()
        async with (
            serving(echo, grace_seconds=PATIENCE_SECONDS, on_stopping=begun.set) as server,
            connected(server) as client,
        ):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not server.connection_count:  # noqa: ASYNC110 - nothing announces it
                    await asyncio.sleep(0)
            stop = asyncio.create_task(server.stop())
            await soon(begun)
            await client.send(GET)
            said = Answer.parse(await client.read_to_end())
            await stop

            assert (said.status, said.headers["connection"]) == (200, "close")

    run(main())


@pytest.mark.parametrize("at_once", [False, True])
def test_an_open_stream_does_not_keep_the_server_from_stopping(at_once: bool) -> None:
    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await asyncio.Event().wait()

    async def main() -> None:
        grace_seconds = PATIENCE_SECONDS * 2 if at_once else 0.2
        async with (
            serving(stream, grace_seconds=grace_seconds) as server,
            connected(server) as client,
        ):
            await client.send(GET)
            await client.read_until(b"x\r\n")
            stopping = asyncio.create_task(server.stop())
            if at_once:
                await server.stop(at_once=True)
            async with asyncio.timeout(PATIENCE_SECONDS):
                await stopping

    run(main())


def test_a_websocket_is_told_that_the_server_stops() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()

    async def main() -> None:
        async with serving(app) as server, connected(server) as client:
            await client.send(UPGRADE + b"\r\n")
            await client.read_until(b"\r\n\r\n")
            await server.stop()

            assert await client.read_to_end() == b"\x88\x02\x03\xf4"  # close, 1012

    run(main())


@pytest.mark.parametrize("end", ["accept", "refuse", "fail"])
def test_a_websocket_that_is_being_opened_is_told_that_the_server_stops(
    end: str, caplog: pytest.LogCaptureFixture
) -> None:
    entered, decided = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        entered.set()
        await decided.wait()
        if end == "accept":
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": "late"})
        elif end == "refuse":
            await send({"type": "websocket.http.response.start", "status": 401, "headers": []})
            await send({"type": "websocket.http.response.body", "body": b""})
        else:
            await send({"type": "websocket.close"})

    async def main() -> None:
        async with (
            serving(app, grace_seconds=PATIENCE_SECONDS) as server,
            connected(server) as client,
        ):
            await client.send(UPGRADE + b"\r\n")
            await soon(entered)
            stopping = asyncio.create_task(server.stop())
            said = Answer.parse(await client.read_to_end())
            decided.set()
            await stopping

            assert_envelope(said, 503, "SERVICE_UNAVAILABLE")
            assert said.json["details"] == {"reason": "shutting_down"}

    with caplog.at_level(logging.INFO):
        run(main())
    assert caplog.records == []


def test_a_websocket_whose_request_is_cut_off_by_the_stop_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        await asyncio.Event().wait()

    async def main() -> None:
        async with serving(app, grace_seconds=0.1) as server, connected(server) as client:
            await client.send(UPGRADE + b"\r\n")
            await client.read_until(b"\r\n\r\n")
            await server.stop()

    with caplog.at_level(logging.INFO):
        run(main())
    assert [each.message for each in caplog.records] == [
        "cut off 1 requests that did not finish in time"
    ]


PROGRAM = """
import asyncio, sys, uvloop
from spooled_lite.wire.http.server.server import HttpServer
from spooled_lite.wire.signals import StopSignals, stop_on_signal

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x", "more_body": True})
    while not (ends.is_set() and sys.argv[1] == "obedient"):
        await asyncio.sleep(0.01)
    await send({"type": "http.response.body", "body": b"end"})

ends = asyncio.Event()

def on_stopping():
    print("stopping", flush=True)
    ends.set()

async def main():
    server = HttpServer(app, host="127.0.0.1", port=0, grace_seconds=60, on_stopping=on_stopping)
    with StopSignals() as signals:
        await server.start()
        print(server.port, flush=True)
        await stop_on_signal(server, signals)
    print("stopped", flush=True)

with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main())
"""


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("stream", ["obedient", "stubborn"])
def test_the_first_signal_stops_in_order_and_the_second_at_once(
    stream: str, signal_name: str, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)

    async def main() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(program), stream, stdout=asyncio.subprocess.PIPE
        )
        try:
            said = await talk(process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

        assert said.endswith(b"3\r\nend\r\n0\r\n\r\n") is (stream == "obedient")
        assert process.returncode == 0

    async def talk(process: Any) -> bytes:
        async with asyncio.timeout(PATIENCE_SECONDS * 2):
            port = int(await process.stdout.readline())
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(GET)
            await reader.readuntil(b"x\r\n")
            process.send_signal(getattr(signal, signal_name))
            assert await process.stdout.readline() == b"stopping\n"
            if stream == "stubborn":
                process.send_signal(getattr(signal, signal_name))
            assert await process.stdout.readline() == b"stopped\n"
            await process.wait()
            try:
                return bytes(await reader.read())
            except ConnectionError:
                return b""
            finally:
                writer.close()

    run(main())
