"""`spooled-lite serve` as a process: what it prints, refuses, writes down and leaves behind."""

import json
import os
import re
import socket
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.server_process import API_KEY, ServerProcess

pytestmark = pytest.mark.slow

SECONDS_MAX = 30.0


def serve(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A start that is expected to fail."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPOOLED")}
    return subprocess.run(
        [sys.executable, "-m", "spooled_lite", "serve", *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        env=kept | {"SPOOLED_GRPC_PORT": "off"} | environ,
        check=False,
    )


def asked(url: str, path: str, key: str) -> dict[str, Any]:
    request = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def test_the_ready_file_says_where_the_server_is_and_only_to_its_owner(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        server.start()

        about = server.ready
        assert set(about) == {
            "url", "grpc_address", "organization_id", "api_key", "admin_key", "pid",
        }  # fmt: skip
        assert about["pid"] == server.process.pid
        assert about["api_key"] == API_KEY
        assert asked(about["url"], "/api/v1/jobs/stats", API_KEY)["total"] == 0
        assert stat.S_IMODE((tmp_path / "ready.json").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "spooled.db").stat().st_mode) == 0o600
        assert server.stop() == 0


def test_the_first_start_prints_a_key_that_opens_the_door_and_later_ones_do_not(
    tmp_path: Path,
) -> None:
    with ServerProcess(tmp_path) as server:
        server._settings.clear()
        server.start()
        first = server.ready["api_key"]
        assert asked(server.url, "/api/v1/jobs/stats", first)["total"] == 0
        server.stop()

        server.start()

        assert server.ready["api_key"] is None
        assert asked(server.url, "/api/v1/jobs/stats", first)["total"] == 0
        assert first not in server.log


def test_a_port_in_use_is_named_before_anything_is_served(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        answer = serve("--port", port, "--database", str(tmp_path / "s.db"))

    assert answer.returncode == 1
    assert port in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_file_that_another_server_holds_is_refused_with_its_process_id(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        server.start()

        answer = serve("--port", "0", "--database", server.database)

        assert answer.returncode == 1
        assert str(server.process.pid) in answer.stderr
        assert server.url in answer.stderr


@pytest.mark.parametrize(
    ("arguments", "environ", "said"),
    [
        (("--prot", "0"), {}, "--port"),
        (("--port", "seventy"), {}, "--port"),
        ((), {"SPOOLED_PORT": "70000"}, "SPOOLED_PORT"),
        (("--config", "/nonexistent/spooled.toml"), {}, "/nonexistent/spooled.toml"),
        (("--ready-file", "/nonexistent/folder/r.json"), {}, "/nonexistent/folder/r.json"),
        (("--ready-file", "/", "--port", "0"), {}, "--ready-file"),
        (("--database", "postgres://somewhere/x"), {}, "SQLite"),
    ],
)
def test_a_wrong_setting_is_an_error_that_names_it(
    arguments: tuple[str, ...], environ: dict[str, str], said: str
) -> None:
    answer = serve(*arguments, **environ)

    assert answer.returncode == 2
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_database_whose_folder_is_missing_is_refused(tmp_path: Path) -> None:
    answer = serve("--database", str(tmp_path / "missing" / "s.db"), "--port", "0")

    assert answer.returncode == 1
    assert str(tmp_path / "missing") in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, and no database at all\n" * 100)
    before = path.read_bytes()

    answer = serve("--port", "0", "--database", str(path))

    assert answer.returncode == 1
    assert "notes.txt" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert path.read_bytes() == before


def test_names_of_clients_are_ignored_and_unknown_ones_warned_of(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, url="http://elsewhere", api_key="x", databas="y") as server:
        server.start()
        assert server.stop() == 0

        assert "SPOOLED_DATABAS" in server.log
        assert "SPOOLED_DATABASE" in server.log
        assert "SPOOLED_URL" not in server.log
        assert "SPOOLED_API_KEY" not in server.log


def test_a_database_in_memory_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with ServerProcess(tmp_path) as server:
        server.database = ":memory:"
        server.start()
        assert asked(server.url, "/health", API_KEY)["status"] == "healthy"
        [folder] = tmp_path.glob("spooled-lite-*")
        assert (folder / "spooled.db").exists()

        assert server.stop() == 0

        assert not folder.exists()


def test_no_log_line_holds_the_key(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, log_level="debug") as server:
        server.start()
        asked(server.url, "/api/v1/jobs", API_KEY)
        server.stop()

        assert "/api/v1/jobs" in server.log
        assert API_KEY not in server.log


def text_of(url: str) -> str:
    with urllib.request.urlopen(url, timeout=SECONDS_MAX) as answer:
        text: str = answer.read().decode()
        return text


def a_free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def test_a_metrics_port_serves_beside_the_api_and_stops_with_it(tmp_path: Path) -> None:
    port = a_free_port()
    with ServerProcess(tmp_path, metrics_port=port) as server:
        server.start()

        assert text_of(f"http://127.0.0.1:{port}/health") == "OK"
        assert text_of(f"http://127.0.0.1:{port}/ready") == "READY"
        there = text_of(f"http://127.0.0.1:{port}/metrics")
        here = text_of(f"{server.url}/metrics")
        assert server.stop() == 0

    assert "spooled_jobs_enqueued_total 0.0" in there
    assert re.search(r"^spooled_http_connections [1-9]", here, re.MULTILINE)


def test_a_metrics_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        answer = serve(
            "--port", "0", "--database", str(tmp_path / "s.db"), SPOOLED_METRICS_PORT=port
        )

    assert answer.returncode == 1
    assert port in answer.stderr


def test_in_production_a_weak_admin_key_is_refused_and_not_shown(tmp_path: Path) -> None:
    answer = serve(
        "--port",
        "0",
        "--database",
        str(tmp_path / "s.db"),
        SPOOLED_ENVIRONMENT="production",
        SPOOLED_ADMIN_KEY="letmein",
    )

    assert answer.returncode != 0
    assert "SPOOLED_ADMIN_KEY" in answer.stderr
    assert "letmein" not in answer.stderr
    assert not (tmp_path / "s.db").exists()
