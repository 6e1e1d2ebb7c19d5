"""`spooled-lite serve` and what watches it: the ready file, closing terminals, a JSON log."""

import json
import os
import pty
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server_process import STOP_SECONDS_MAX, ServerProcess

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def hang_up_as_usual() -> Iterator[None]:
    """Servers inherit what is ignored: under nohup they would go on, as they should."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def test_the_ready_file_is_there_only_while_the_server_is(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    ready.write_text('{"url": "http://127.0.0.1:1"}')  # of a run that was killed
    with ServerProcess(tmp_path) as server:
        server.start()
        assert server.ready["pid"] == server.process.pid

        assert server.stop() == 0

        assert not ready.exists()


def test_a_stale_ready_file_is_gone_before_a_start_that_fails(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    ready.write_text("{}")
    nowhere = tmp_path / "missing" / "s.db"

    answer = subprocess.run(
        [
            *(sys.executable, "-m", "spooled_lite", "serve", "--port", "0"),
            *("--database", str(nowhere), "--ready-file", str(ready)),
        ],
        capture_output=True,
        timeout=STOP_SECONDS_MAX,
        check=False,
    )

    assert answer.returncode == 1
    assert not ready.exists()


def test_the_ready_file_of_another_server_stays(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        server.start()
        other = tmp_path / "other.json"
        other.write_text('{"url": "http://127.0.0.1:1"}')
        other.replace(tmp_path / "ready.json")

        assert server.stop() == 0

    assert (tmp_path / "ready.json").exists()


def test_a_closing_terminal_stops_the_server_in_order(tmp_path: Path) -> None:
    database = tmp_path / "spooled.db"
    child, terminal = pty.fork()
    if child == 0:
        os.environ["SPOOLED_GRPC_PORT"] = "off"
        command = ["-m", "spooled_lite", "serve", "--port", "0", "--database", str(database)]
        os.execv(sys.executable, [sys.executable, *command])
    said = b""
    while b"Database" not in said:
        said += os.read(terminal, 1024)

    os.close(terminal)

    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert not (tmp_path / "spooled.db-wal").exists()  # the log was emptied and removed


def test_without_a_terminal_a_hang_up_has_the_settings_read_again(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('log_level = "info"')
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "spooled_lite", "serve", "--port", "0", "--grpc-port", "off"),
            *("--database", str(tmp_path / "s.db"), "--config", str(config)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # without a terminal, as a service manager starts it
    )
    hangs = threading.Timer(STOP_SECONDS_MAX, process.kill)
    hangs.start()
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout, process.stderr:
        process.stdout.readline()
        config.write_text('log_level = "debug"')
        process.send_signal(signal.SIGHUP)
        told = next((line for line in process.stderr if "SIGHUP" in line), "")
        config.write_text('log_level = "info"\nhost = "0.0.0.0"')
        process.send_signal(signal.SIGHUP)
        refused = next((line for line in process.stderr if "SIGHUP" in line), "")
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(STOP_SECONDS_MAX) == 0
    hangs.cancel()

    assert "the settings were read again; changed: log_level" in told
    assert "nothing is applied: needs a restart: host" in refused


def test_without_a_terminal_the_first_key_goes_into_a_file_that_later_starts_name(
    tmp_path: Path,
) -> None:
    key_file = tmp_path / "spooled.db.key"
    key_file.write_text("of a database that is gone")
    key_file.chmod(0o644)
    with ServerProcess(tmp_path, bootstrap_api_key="") as server:
        server.start()
        key = server.ready["api_key"]
        first = server.printed_at_stop()
        server.start()
        server.stop()
        said = server.log

    assert key_file.read_text() == f"{key}\n"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert f"API key   in {key_file}" in first
    assert key not in first + said
    assert said.count(f"the first API key is in {key_file}") == 2


def test_a_json_log_also_tells_why_a_start_failed(tmp_path: Path) -> None:
    answer = subprocess.run(
        [
            *(sys.executable, "-m", "spooled_lite", "serve", "--port", "0"),
            *("--database", str(tmp_path / "missing" / "s.db")),
        ],
        env={**os.environ, "SPOOLED_JSON_LOGS": "true"},
        capture_output=True,
        timeout=STOP_SECONDS_MAX,
        check=False,
    )

    assert (answer.returncode, answer.stdout) == (1, b"")
    lines = [json.loads(line) for line in answer.stderr.splitlines()]
    assert lines[-1]["level"] == "critical"
    assert "missing" in lines[-1]["message"]


def test_a_json_log_has_a_line_for_the_start_and_the_key_in_a_file_of_its_own(
    tmp_path: Path,
) -> None:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "spooled_lite", "serve", "--port", "0", "--grpc-port", "off"),
            *("--database", str(tmp_path / "s.db")),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "SPOOLED_JSON_LOGS": "true"},
        text=True,
    )
    assert process.stderr is not None
    lines: list[dict[str, Any]] = []
    while not lines or lines[-1]["message"] != "started":
        lines.append(json.loads(process.stderr.readline()))
    process.terminate()
    output, rest = process.communicate(timeout=STOP_SECONDS_MAX)
    lines += map(json.loads, rest.splitlines())

    about = next(each for each in lines if each["message"] == "started")
    key_file = Path(about["api_key_file"])
    assert about["url"].startswith("http://127.0.0.1:")
    assert about["database"] == str(tmp_path / "s.db")
    assert output == ""
    assert key_file.read_text().startswith("sk_test_")
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert "sk_test_" not in json.dumps(lines).replace("sk_test_***", "")
