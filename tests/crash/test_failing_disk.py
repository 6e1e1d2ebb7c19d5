"""A real server whose disk stops taking writes: what it says, and that it stops in order."""

import http.client
import json
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from tests.server_process import API_KEY, ServerProcess

pytestmark = pytest.mark.slow

MIB: Final = 2**20
SECONDS_MAX: Final = 20.0
BULK: Final = {
    "queue_name": "emails",
    "jobs": [{"payload": {"text": "x" * 9_000}} for _ in range(100)],
}


def call(server: ServerProcess, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    encoded = None if body is None else json.dumps(body)
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    address = server.url.removeprefix("http://")
    with closing(http.client.HTTPConnection(address, timeout=60)) as connection:
        connection.request(method, path, encoded, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def refused_with(server: ServerProcess) -> str:
    status, answer = call(server, "POST", "/api/v1/jobs/bulk", BULK)
    assert status == 503
    reason: str = answer["details"]["reason"]
    return reason


def stored(server: ServerProcess) -> int:
    status, answer = call(server, "GET", "/api/v1/queues/emails/stats")
    assert status == 200
    count: int = answer["pending_jobs"]
    return count


def mounted(*arguments: str) -> bool:
    try:
        return (
            subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0
        )
    except OSError:
        return False


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that can fail; skipped where one cannot be mounted."""
    folder, image = tmp_path / "disk", tmp_path / "image"
    folder.mkdir()
    image.touch()
    os.truncate(image, 64 * MIB)
    make = shutil.which("mkfs.ext4", path=f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin")
    if make is None or subprocess.run([make, "-q", "-F", image], check=False).returncode != 0:
        pytest.skip("there is no program here that makes a file system")
    if not mounted("-o", "loop", str(image), str(folder)):
        pytest.skip("mounting an image is not permitted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_file_that_may_not_grow_longer_is_a_full_disk(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        server.start()
        assert call(server, "POST", "/api/v1/jobs/bulk", BULK)[0] == 200
        limit = 3 * MIB
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        taken, refused = 1, 0
        while refused < 3:
            status, answer = call(server, "POST", "/api/v1/jobs/bulk", BULK)
            taken += status == 200
            refused = 0 if status == 200 else refused + 1
            assert status == 200 or answer["details"]["reason"] == "storage_full"

        # Nothing of what was refused is there, and the file was never read from end to end.
        assert 1 < taken < 5
        assert stored(server) == 100 * taken
        no_limit = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, no_limit)
        assert call(server, "POST", "/api/v1/jobs/bulk", BULK)[0] == 200
        assert "opened again" not in server.log
        assert server.stop() == 0
        assert "Traceback" not in server.log


def test_a_disk_that_turns_read_only_serves_reads_says_why_and_stops_in_order(
    tmp_path: Path, disk: Path
) -> None:
    with ServerProcess(tmp_path, disk_reserve_bytes="0") as server:
        server.database = str(disk / "spooled.db")
        server.start()
        assert call(server, "POST", "/api/v1/jobs/bulk", BULK)[0] == 200
        if not mounted("-o", "remount,abort", str(disk)):
            pytest.skip("this system does not let a file system fail")

        first = refused_with(server)
        assert first in ("read_only", "storage_error")  # a sync that failed has an unknown outcome
        until = time.monotonic() + SECONDS_MAX
        while refused_with(server) != "read_only":
            assert time.monotonic() < until
        assert call(server, "GET", "/health/ready")[0] == 503
        assert call(server, "GET", "/health/live")[0] == 200
        assert server.log.count("a batch was lost") <= 3
        assert server.stop() == 0
        assert "Traceback" not in server.log
