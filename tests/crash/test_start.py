"""A server killed while it starts leaves a file that the next start can use."""

import random
import time
from pathlib import Path

import httpx
import pytest

from spooled_lite.cli.check import problems_of
from tests.server_process import API_KEY, READY_SECONDS_MAX, ServerProcess

KILL_COUNT = 12
# From the first sign of the file to the first accepted connection takes about as long.
BIRTH_SECONDS = 0.03
pytestmark = pytest.mark.slow


def test_a_kill_while_the_file_is_made_leaves_a_usable_file(tmp_path: Path) -> None:
    moments = random.Random("birth")
    for number in range(KILL_COUNT):
        folder = tmp_path / str(number)
        folder.mkdir()
        with ServerProcess(folder) as server:
            server.spawn()
            wait_for_file(Path(server.database))
            wait_exactly(moments.uniform(0, BIRTH_SECONDS))
            server.kill()

            server.start()

            assert create_job(server) == 201, f"kill {number}: {server.log}"
            assert problems_of(server.database) == [], f"kill {number}"


def test_kills_at_any_moment_of_the_start_leave_the_jobs_in_place(tmp_path: Path) -> None:
    moments = random.Random("again")
    with ServerProcess(tmp_path) as server:
        ready_seconds = server.start()
        assert create_job(server) == 201
        server.kill()  # what is in the write-ahead log has to be recovered, each time
        for _ in range(KILL_COUNT):
            server.spawn()
            wait_exactly(moments.uniform(0, ready_seconds))
            server.kill()

        server.start()

        assert job_count(server) == 1
        assert problems_of(server.database) == []


def create_job(server: ServerProcess) -> int:
    body = {"queue_name": "mail", "payload": {}}
    answer = httpx.post(f"{server.url}/api/v1/jobs", json=body, headers=HEADERS)
    return answer.status_code


def job_count(server: ServerProcess) -> int:
    answer = httpx.get(f"{server.url}/api/v1/jobs/stats", headers=HEADERS)
    total: int = answer.json()["total"]
    return total


HEADERS = {"Authorization": f"Bearer {API_KEY}"}


def wait_for_file(path: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while not path.exists():
        assert time.monotonic() < deadline, "no file was made"


def wait_exactly(seconds: float) -> None:
    """The moment of the kill is the subject here, not something to wait for."""
    time.sleep(seconds)
