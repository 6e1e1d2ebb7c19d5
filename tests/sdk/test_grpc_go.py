"""The official Go client against the server: another language, another gRPC library.

Its module is fetched with the toolchain's own means; where one of them is missing, this is skipped.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from tests.server_process import API_KEY, ServerProcess

pytestmark = pytest.mark.slow

MODULE: Final = "github.com/spooled-cloud/spooled-sdk-go"
PROGRAM: Final = Path(__file__).parent / "go_client" / "main.go"
FETCH_SECONDS_MAX: Final = 120.0
RUN_SECONDS_MAX: Final = 180.0  # compiling included

# Numbers of gRPC statuses.
NOT_FOUND, FAILED_PRECONDITION, UNAUTHENTICATED = 5, 9, 16


def run(folder: Path, *command: str, seconds: float) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False
    )


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The compiled client."""
    if shutil.which("go") is None:
        pytest.skip("there is no Go toolchain on this machine")
    folder = tmp_path_factory.mktemp("go")
    shutil.copy(PROGRAM, folder)
    run(folder, "go", "mod", "init", "spooled.test/client", seconds=FETCH_SECONDS_MAX)
    try:
        fetched = run(folder, "go", "get", f"{MODULE}@latest", seconds=FETCH_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        pytest.skip(f"the module {MODULE} does not come within {FETCH_SECONDS_MAX:g} s")
    if fetched.returncode:
        pytest.skip(f"the module {MODULE} cannot be fetched: {fetched.stderr.strip()}")
    for command in (("go", "mod", "tidy"), ("go", "build", "-o", "client", ".")):
        done = run(folder, *command, seconds=RUN_SECONDS_MAX)
        assert done.returncode == 0, done.stderr
    return str(folder / "client")


def test_the_go_client_works_unchanged(
    program: str, grpc_server: ServerProcess, queue: str, tmp_path: Path
) -> None:
    address = grpc_server.ready["grpc_address"]

    done = run(tmp_path, program, address, API_KEY, queue, seconds=RUN_SECONDS_MAX)

    assert done.returncode == 0, done.stderr
    saw: dict[str, Any] = json.loads(done.stdout)
    assert saw == {
        "created": [True, False],
        "same": True,
        "payload": {"n": 1, "deep": {"list": ["a", None]}},
        "priority": 3,
        "renewed": True,
        "twice": FAILED_PRECONDITION,
        "unknown": NOT_FOUND,
        "no_job": True,
        "completed": 1,
        "lease": 30,
        "streamed": True,
        "talked": True,
        "error": "VALIDATION_ERROR",
        "stranger": UNAUTHENTICATED,
    }
