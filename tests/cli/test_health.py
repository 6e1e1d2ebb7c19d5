"""`spooled-lite health` against servers that are ready, are not, are others, or are silent."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spooled_lite.app import running
from spooled_lite.cli.health import line_about
from spooled_lite.cli.main import main
from spooled_lite.config import Settings
from spooled_lite.serving import serving
from spooled_lite.storage import disk_room

READY = b'HTTP/1.1 200 OK\r\n\r\n{"checks": {}}'


def health(*arguments: object, **environ: str) -> Result:
    return CliRunner(env=environ).invoke(main, ["health", *map(str, arguments)])


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A server that says the same to everyone, and then closes. Gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


def of_server(path: Path, *arguments: str) -> Result:
    async def work() -> Result:
        settings = Settings(database=str(path), port=0, grpc_port="off")
        async with running(settings) as app, serving(app) as server:
            return await asyncio.to_thread(health, "--url", server.url, *arguments)

    return asyncio.run(work())


def test_a_ready_server_is_told_by_code_0_and_one_line(tmp_path: Path) -> None:
    result = of_server(tmp_path / "s.db")

    assert (result.exit_code, result.output) == (0, "ready · writer ok · disk ok\n")


def test_a_server_on_a_full_disk_is_told_by_code_1_and_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_room, "free_bytes", lambda folder: 1000)

    result = of_server(tmp_path / "s.db")

    assert result.exit_code == 1
    assert result.output == "not ready: No room is left on the disk · writer ok · disk full\n"


def test_json_is_the_answer_of_the_server_with_what_came_of_it(tmp_path: Path) -> None:
    found = json.loads(of_server(tmp_path / "s.db", "--json").output)

    assert (found["ready"], found["http_status"], found["checks"]["disk"]) == (True, 200, "ok")


def test_where_nobody_listens_the_code_is_1_and_the_address_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    result = health("--port", port)

    assert result.exit_code == 1
    assert result.output.startswith(
        f"not ready: http://127.0.0.1:{port} cannot be reached: Connection refused"
    )


def test_a_server_that_does_not_answer_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        result = health("--port", listener.getsockname()[1], "--timeout", 0.2)

    assert result.exit_code == 1
    assert "no answer within 0.2 s" in result.output


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "does not speak HTTP"),
        (b"SSH-2.0-OpenSSH_9\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", "is not Spooled Lite"),
        (b'HTTP/1.1 200 OK\r\n\r\n{"status": "ok"}', "is not Spooled Lite"),
        (b"HTTP/1.1 200 OK\r\n\r\n[" + b"[" * 100_000, "is not Spooled Lite"),
    ],
)
def test_another_server_is_never_taken_for_a_ready_one(answer: bytes, reason: str) -> None:
    with answering(answer) as port:
        result = health("--port", port)

    assert result.exit_code == 1
    assert reason in result.output


def test_the_address_of_the_environment_counts_unless_another_is_typed() -> None:
    with answering(READY) as port:
        assert health(SPOOLED_URL=f"http://127.0.0.1:{port}").exit_code == 0
    with answering(READY) as port:
        assert health("--port", port, SPOOLED_URL="http://127.0.0.1:9").exit_code == 0


def test_the_port_is_that_of_the_setting_unless_another_is_named() -> None:
    with answering(READY) as port:
        assert health(SPOOLED_PORT=str(port)).exit_code == 0
    with answering(READY) as port:
        assert health("--port", port, SPOOLED_PORT="1").exit_code == 0


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:8080", "http://127.0.0.1:none"])
def test_an_address_that_is_none_is_an_error_of_use(url: str) -> None:
    result = health("--url", url)

    assert result.exit_code == 2
    assert "is no http or https address" in result.output


@pytest.mark.parametrize(
    ("backup", "words"),
    [
        ({"at": "2030-12-01T03:00:00Z", "verified": True}, "last backup 2030-12-01T03:00:00Z"),
        ({"at": "2030-12-01T03:00:00Z"}, "last backup 2030-12-01T03:00:00Z, not verified"),
        ({"at": None, "verified": False}, "last backup never, not verified"),
    ],
)
def test_the_last_backup_is_told_where_the_server_makes_some(
    backup: dict[str, Any], words: str
) -> None:
    found = {"checks": {"writer": "ok", "disk": "ok", "backup": backup}}

    assert line_about(found, is_ready=True) == f"ready · writer ok · disk ok · {words}"


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        ({"lag_seconds": 4.2, "well": True}, "archive 4.2 s behind"),
        ({"lag_seconds": 90.0, "well": False}, "archive 90.0 s behind, not well"),
    ],
)
def test_how_far_the_archive_is_is_told_where_there_is_one(
    archive: dict[str, Any], words: str
) -> None:
    found = {"checks": {"writer": "ok", "disk": "ok", "archive": archive}}

    assert line_about(found, is_ready=True) == f"ready · writer ok · disk ok · {words}"


def test_what_is_to_be_changed_is_told_of_a_server_that_is_ready() -> None:
    found = {"checks": {"writer": "ok", "disk": "ok", "warnings": ["no backups are made"]}}

    said = line_about(found, is_ready=True)

    assert said == "ready · writer ok · disk ok · warning: no backups are made"


def test_the_command_imports_nothing_of_the_server() -> None:
    """It runs every few seconds beside the server, on the same processor."""
    code = (
        "import sys, spooled_lite.cli.main, spooled_lite.cli.health;"
        "print(*[name for name in sys.modules if name.startswith('spooled_lite')"
        " or name in ('ssl', 'asyncio', 'http.client', 'msgspec', 'rich', 'sqlite3')])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert sorted(told.stdout.split()) == [
        "spooled_lite",
        "spooled_lite.cli",
        "spooled_lite.cli.health",
        "spooled_lite.cli.main",
        "spooled_lite.cli.suggesting",
        "spooled_lite.output",
    ]
