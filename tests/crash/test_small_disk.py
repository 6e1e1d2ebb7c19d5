"""A real small disk, filled by creates and by others: what still works, and what comes back."""

import ctypes
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from spooled_lite.cli.check import problems_of
from tests.server_process import API_KEY, ServerProcess

pytestmark = pytest.mark.slow

MIB: Final = 2**20
DISK_MIB: Final = 96
SMALL_MIB: Final = 4
COMMAND_SECONDS_MAX: Final = 60.0
RESERVE_BYTES: Final = 24 * MIB
BULK: Final = {
    "queue_name": "emails",
    "jobs": [{"payload": {"text": "x" * 9_000}} for _ in range(100)],
}
MNT_DETACH: Final = 2
GIVE_BACK_SECONDS_MAX: Final = 10.0


@contextmanager
def mounted(folder: Path, mib: int) -> Iterator[Path]:
    """A file system of its own; the test is skipped where that is not permitted."""
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"size={mib}m".encode()
    if not hasattr(libc, "mount") or libc.mount(b"none", bytes(folder), b"tmpfs", 0, options) != 0:
        pytest.skip("mounting a small disk is not permitted here")
    yield folder
    libc.umount2(bytes(folder), MNT_DETACH)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", DISK_MIB) as folder:
        yield folder


class Calls:
    """Calls of a server: the status, and the answer."""

    def __init__(self, url: str) -> None:
        self._address = url.removeprefix("http://")
        self._headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        encoded = None if body is None else json.dumps(body)
        with closing(http.client.HTTPConnection(self._address, timeout=60)) as connection:
            connection.request(method, path, encoded, self._headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())


def free_bytes(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


def fill(call: Calls, disk: Path) -> None:
    """Bulks until there is no room; the reserve is still there afterwards."""
    status, answer = call("POST", "/api/v1/jobs/bulk", BULK)
    while status < 300:
        status, answer = call("POST", "/api/v1/jobs/bulk", BULK)
    assert (status, answer["details"]["reason"]) == (503, "storage_full")
    assert free_bytes(disk) >= RESERVE_BYTES


def fill_by_others(disk: Path) -> None:
    descriptor = os.open(disk / "of-another-program", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    try:
        while True:
            os.write(descriptor, bytes(4_096))
    except OSError:
        pass
    finally:
        os.close(descriptor)
    assert free_bytes(disk) == 0


def settle_some(call: Calls) -> None:
    status, claimed = call(
        "POST", "/api/v1/jobs/claim", {"queue_name": "emails", "worker_id": "one", "limit": 5}
    )
    assert (status, len(claimed["jobs"])) == (200, 5)
    for job in claimed["jobs"]:
        settled, _ = call(
            "POST",
            f"/api/v1/jobs/{job['id']}/complete",
            {"worker_id": "one", "lease_id": job["lease_id"]},
        )
        assert settled == 200


def test_a_disk_filled_by_creates_has_room_for_everything_else(tmp_path: Path, disk: Path) -> None:
    with ServerProcess(tmp_path, disk_reserve_bytes=str(RESERVE_BYTES)) as server:
        server.database = str(disk / "spooled.db")
        server.start()
        call = Calls(server.url)

        fill(call, disk)
        settle_some(call)
        assert call("POST", "/api/v1/queues/emails/purge", {})[0] == 200
        # The room is back while somebody waits for it, and not at the next sweep.
        until = time.monotonic() + GIVE_BACK_SECONDS_MAX
        while call("POST", "/api/v1/jobs/bulk", BULK)[0] != 200:
            assert time.monotonic() < until
        fill(call, disk)
        assert server.stop() == 0
        assert free_bytes(disk) >= RESERVE_BYTES


def test_a_start_on_a_disk_without_a_free_byte_serves_all_but_creates(
    tmp_path: Path, disk: Path
) -> None:
    with ServerProcess(tmp_path, disk_reserve_bytes=str(RESERVE_BYTES)) as server:
        server.database = str(disk / "spooled.db")
        server.start()
        fill(Calls(server.url), disk)
        assert server.stop() == 0
        fill_by_others(disk)

        server.start()
        call = Calls(server.url)

        assert "the disk is nearly full: 0 MiB are left" in server.log
        assert call("GET", "/health/ready")[1]["checks"]["disk"] in ("low", "full")
        assert call("GET", "/api/v1/jobs?limit=1")[0] == 200
        assert call("POST", "/api/v1/jobs/bulk", BULK)[0] == 503
        settle_some(call)
        assert call("POST", "/api/v1/queues/emails/purge", {})[0] == 200
        assert server.stop() == 0


def test_a_disk_that_others_fill_under_the_server_leaves_room_to_settle(
    tmp_path: Path, disk: Path
) -> None:
    with ServerProcess(tmp_path, disk_reserve_bytes=str(RESERVE_BYTES)) as server:
        server.database = str(disk / "spooled.db")
        server.start()
        call = Calls(server.url)
        assert call("POST", "/api/v1/jobs/bulk", BULK)[0] == 200
        fill_by_others(disk)

        settle_some(call)
        assert call("POST", "/api/v1/jobs/bulk", BULK)[0] == 503
        assert call("POST", "/api/v1/queues/emails/purge", {})[0] == 200
        (disk / "of-another-program").unlink()
        assert call("GET", "/api/v1/jobs?limit=1")[0] == 200


def test_others_that_go_on_filling_the_disk_do_not_take_the_spare_room(
    tmp_path: Path, disk: Path
) -> None:
    with ServerProcess(tmp_path, disk_reserve_bytes=str(RESERVE_BYTES)) as server:
        server.database = str(disk / "spooled.db")
        server.start()
        call = Calls(server.url)
        assert call("POST", "/api/v1/jobs/bulk", BULK)[0] == 200
        fill_by_others(disk)

        for _ in range(8):
            settle_some(call)
            fill_by_others(disk)  # whatever has become free meanwhile

        server.kill()
        fill_by_others(disk)
        server.start()
        call = Calls(server.url)
        for _ in range(4):
            settle_some(call)
            fill_by_others(disk)
        assert call("POST", "/api/v1/queues/emails/purge", {})[0] == 200
        assert problems_of(server.database) == []


def test_a_backup_and_a_restore_without_room_say_so_and_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "roomy").mkdir()
    with (
        mounted(tmp_path / "disk", SMALL_MIB) as small,
        ServerProcess(tmp_path) as server,
    ):
        server.start()
        call = Calls(server.url)
        for _ in range(8):  # 7 MiB
            assert call("POST", "/api/v1/jobs/bulk", BULK)[0] == 200

        refused = command("backup", "--database", server.database, "--to", str(small))
        assert refused.returncode == 1
        assert f"in {small}" in refused.stderr
        assert "MiB are free" in refused.stderr
        assert [each.name for each in small.iterdir() if not each.name.endswith(".lock")] == []

        to = str(tmp_path / "roomy")
        assert command("backup", "--database", server.database, "--to", to).returncode == 0
        refused = command("restore", "--from", to, "--database", str(small / "new.db"))
        assert refused.returncode == 1
        assert "MiB are free" in refused.stderr
        assert list(small.glob("new*")) == []
        assert call("POST", "/api/v1/jobs/bulk", BULK)[0] == 200
        assert server.stop() == 0


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "spooled_lite", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS_MAX,
    )
