"""`spooled-lite serve` and its gRPC port."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from spooled.grpc import SpooledGrpcClient

from tests.server_process import API_KEY, ServerProcess

pytestmark = pytest.mark.slow

SECONDS_MAX = 30.0


def serve(*arguments: str, program: str = "", **environ: str) -> "subprocess.CompletedProcess[str]":
    """A start that is expected to fail."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPOOLED")}
    started = ["-c", program] if program else ["-m", "spooled_lite"]
    return subprocess.run(
        [sys.executable, *started, "serve", "--port", "0", *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        env=kept | environ,
        check=False,
    )


def test_the_ready_file_names_the_address_of_grpc(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, grpc_port="auto") as server:
        server.start()
        client = SpooledGrpcClient(server.ready["grpc_address"], API_KEY)

        assert client.queue.enqueue("q", {}).created

        client.close()
        assert server.stop() == 0, server.log
        assert "Traceback" not in server.log


def test_off_is_off(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, grpc_port="off") as server:
        server.start()

        assert server.ready["grpc_address"] is None
        assert server.stop() == 0


def test_a_grpc_port_in_use_is_an_error_that_names_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        answer = serve("--grpc-port", port, "--database", str(tmp_path / "s.db"))

    assert answer.returncode == 1
    assert port in answer.stderr
    assert "Traceback" not in answer.stderr
    assert len(answer.stderr.splitlines()) < 5  # and nothing of the library's own


def test_two_servers_never_share_a_port(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, grpc_port="auto") as server:
        server.start()
        port = server.ready["grpc_address"].rpartition(":")[2]

        answer = serve("--grpc-port", port, "--database", str(tmp_path / "other.db"))

        assert (answer.returncode, port in answer.stderr) == (1, True)


def test_tls_without_its_files_refuses_to_start(tmp_path: Path) -> None:
    answer = serve(
        *("--grpc-port", "auto", "--database", str(tmp_path / "s.db")),
        SPOOLED_GRPC_TLS_ENABLED="true",
        SPOOLED_GRPC_TLS_CERT_PATH="/nonexistent/cert.pem",
        SPOOLED_GRPC_TLS_KEY_PATH="/nonexistent/key.pem",
    )

    assert answer.returncode == 1
    assert "/nonexistent/cert.pem" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("missing", ["grpc", "google"])
def test_without_its_extra_the_server_runs_unless_a_port_was_asked_for(
    tmp_path: Path, missing: str
) -> None:
    """As if the libraries were not installed."""
    program = f"""
import asyncio, os, signal, sys
sys.modules[{missing!r}] = None
from spooled_lite.cli import serve
greet = serve.greet
def greeted(*arguments):
    greet(*arguments)
    os.kill(os.getpid(), signal.SIGTERM)
serve.greet = greeted
from spooled_lite.cli.main import main
main()
"""
    answer = serve(*("--database", str(tmp_path / "s.db")), program=program)

    assert answer.returncode == 0, answer.stderr
    [about] = [line for line in answer.stderr.splitlines() if "gRPC" in line]
    assert "spooled-lite[grpc]" in about
    assert " INFO " in about
    assert "gRPC" not in answer.stdout
    assert "WARNING" not in answer.stderr

    asked = serve(*("--database", str(tmp_path / "s.db"), "--grpc-port", "auto"), program=program)

    assert asked.returncode == 1
    assert "spooled-lite[grpc]" in asked.stderr
    assert "Traceback" not in asked.stderr


def test_the_first_signal_lets_calls_finish_and_ends_streams(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, grpc_port="auto") as server:
        server.start()
        channel = grpc.insecure_channel(server.ready["grpc_address"])
        method: Any = channel.unary_stream("/spooled.v1.QueueService/StreamJobs")
        request = b"\x0a\x01q\x12\x01w"  # a queue, a worker
        stream = method(request, metadata=(("x-api-key", API_KEY),))
        stream.initial_metadata()

        assert server.stop() == 0

        with pytest.raises(grpc.RpcError):
            next(stream)
        assert stream.code() is grpc.StatusCode.UNAVAILABLE
        channel.close()
