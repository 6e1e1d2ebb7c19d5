"""Large jobs of one caller, and what they cost another one. A real server: time matters here."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

import httpx
import pytest

from spooled_lite.times import format_ms
from tests.bystander import Bystander
from tests.server_process import API_KEY, ServerProcess

pytestmark = [pytest.mark.slow, pytest.mark.alone]

COUNT: Final = 60
PAYLOAD: Final = "x" * 1_000_000
AT_ONCE: Final = 4  # as many as a body has room for
WAIT_MS_MAX: Final = 200  # of somebody else; half of it and less on a machine of its own
PATIENCE_SECONDS: Final = 60.0
MEMORY_BYTES_MAX: Final = 150 * 1024 * 1024
SHRINK_SECONDS_MAX: Final = 30.0


class Load:
    """The caller with the large jobs."""

    def __init__(self, url: str) -> None:
        headers = {"Authorization": f"Bearer {API_KEY}"}
        self._client = httpx.Client(base_url=f"{url}/api/v1/", headers=headers, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def call(self, path: str, body: Any) -> Any:
        answer = self._client.post(path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def store(self, **fields: Any) -> None:
        jobs = [{"payload": PAYLOAD, **fields}] * AT_ONCE
        for _ in range(COUNT // AT_ONCE):
            self.call("jobs/bulk", {"queue_name": "large", "default_max_retries": 0, "jobs": jobs})

    def claim_all(self, **fields: Any) -> int:
        """How many calls that took."""
        calls = 0
        while self.call("jobs/claim", {"queue_name": "large", "limit": 100, **fields})["jobs"]:
            calls += 1
        return calls

    def bury_all(self) -> None:
        asked = {"queue_name": "large", "limit": 100}
        while jobs := self.call("jobs/claim", asked)["jobs"]:
            for job in jobs:
                self.call(f"jobs/{job['id']}/fail", {"error": "boom"})

    def until(self, status: str, count: int) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while (stats := self._client.get("jobs/stats?queue_name=large").json())[status] != count:
            assert time.monotonic() < until, stats

    def look(self, path: str) -> None:
        assert self._client.get(path).status_code == 200


def started(server: ServerProcess) -> Load:
    server.start()
    return Load(server.url)


def memory_of(pid: int) -> int:
    return _memory(pid, "VmRSS:")


def _memory(pid: int, name: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    [line] = [each for each in status.splitlines() if each.startswith(name)]
    return int(line.split()[1]) * 1024


def longest_wait_ms(server: ServerProcess, act: Callable[[], None]) -> float:
    with Bystander(server.url, API_KEY) as bystander:
        act()
    assert bystander.waits.refused == 0
    return bystander.waits.longest_ms


def test_large_jobs_that_are_due_or_lost_together_hold_nobody_up(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, started(server) as load:
        due_ms = round(time.time() * 1000) + 4_000
        load.store(scheduled_at=format_ms(due_ms))

        due = longest_wait_ms(server, lambda: load.until("scheduled", 0))
        claimed = longest_wait_ms(server, lambda: _claim_and_check(load))
        lost = longest_wait_ms(server, lambda: load.until("deadletter", COUNT))

        assert max(due, claimed, lost) < WAIT_MS_MAX, (due, claimed, lost)


def _claim_and_check(load: Load) -> None:
    assert load.claim_all(lease_duration_secs=5) == COUNT // AT_ONCE


def _look_at_lists(load: Load) -> None:
    for _ in range(5):
        load.look("jobs?limit=100")
        load.look("jobs/dlq?limit=100")


def test_large_dead_letters_hold_nobody_up_and_leave_no_memory_behind(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, started(server) as load:
        load.store()
        load.bury_all()

        looked = longest_wait_ms(server, lambda: _look_at_lists(load))
        retried = longest_wait_ms(server, lambda: load.call("jobs/dlq/retry", {"limit": 100}))
        load.bury_all()
        purged = longest_wait_ms(server, lambda: load.call("jobs/dlq/purge", {"confirm": True}))

        assert max(looked, retried, purged) < WAIT_MS_MAX, (looked, retried, purged)
        until = time.monotonic() + SHRINK_SECONDS_MAX
        while memory_of(server.process.pid) > MEMORY_BYTES_MAX:
            assert time.monotonic() < until, "the memory is not given back"


def test_a_list_takes_from_the_file_what_it_shows(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, started(server) as load:
        steps = [{"key": f"s{n}", "queue": "steps", "payload": {}} for n in range(COUNT)]
        workflow = load.call("workflows", {"name": "w", "jobs": steps})
        ids = ",".join(step["job_id"] for step in workflow["job_ids"])
        lists = (
            "jobs?limit=100",
            f"jobs/status?ids={ids}",
            f"workflows/{workflow['id']}/jobs/status",
        )
        for path in lists:
            load.look(path)  # what is loaded late is loaded
        while jobs := load.call("jobs/claim", {"queue_name": "steps", "limit": 100})["jobs"]:
            for job in jobs:
                load.call(f"jobs/{job['id']}/complete", {"result": PAYLOAD})

        before = forget_peak(server.process.pid)
        for path in lists:
            load.look(path)

        grown = peak_of(server.process.pid) - before
        assert grown < COUNT * len(PAYLOAD) / 4, grown


def forget_peak(pid: int) -> int:
    """Have the system measure the most memory of a process anew; what it has now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return peak_of(pid)


def peak_of(pid: int) -> int:
    return _memory(pid, "VmHWM:")
