"""What a command prints cannot be written: one line says so, and the exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.storage.stage import an_idle_database

FULL = Path("/dev/full")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FULL.exists(), reason="there is no full device here"),
]


@pytest.mark.parametrize("command", ["--help", "openapi", "check", "keys list", "keys create"])
def test_output_on_a_full_disk_is_an_error_in_one_line(tmp_path: Path, command: str) -> None:
    path = tmp_path / "spooled.db"
    an_idle_database(path).close()
    named = ["--database", str(path)] if command.startswith(("check", "keys")) else []
    if command.startswith("keys"):
        serve_once(path)

    answer = run(f"exec {sys.executable} -m spooled_lite {command} {' '.join(named)} > {FULL}")

    assert answer.returncode == 1
    assert answer.stderr == "Error: the output cannot be written: No space left on device\n"


def test_output_that_is_closed_is_nobody_s_fault() -> None:
    answer = run(f"exec {sys.executable} -m spooled_lite openapi >&-")

    assert (answer.returncode, answer.stderr) == (0, "")


def serve_once(path: Path) -> None:
    """Make the organization that a first start makes."""
    command = f"{sys.executable} -m spooled_lite serve --port 0 --grpc-port off --database {path}"
    with subprocess.Popen(["sh", "-c", f"exec {command}"], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        server.stdout.readline()  # it serves
        server.terminate()


def run(command: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPOOLED")}
    return subprocess.run(
        ["sh", "-c", command], stderr=subprocess.PIPE, text=True, timeout=30, env=kept, check=False
    )
