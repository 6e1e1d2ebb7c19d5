"""A move between two real servers while producers and workers run, and the mover is killed."""

import contextlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.server_process import API_KEY, STOP_SECONDS_MAX, ServerProcess

QUEUES: Final = ("emails", "charges")
THERE_KEY: Final = "sk_test_there_0123456789abcdef0123456"
DRAIN_SECONDS_MAX: Final = 120.0
BYTES_MAX: Final = 1_500  # of the ledger until the next kill; a line has some 300
LOOK_SECONDS: Final = 0.002
KILLS: Final = 12  # of --move, while there are long delayed jobs for as many


class Traffic:
    """Producers and workers of both servers. What was acknowledged, and each effect of a job."""

    def __init__(self, here: str, there: str, *, jobs_per_second: float) -> None:
        self.acknowledged: set[int] = set()
        self.effects: Counter[int] = Counter()
        self.producers_go_to = (here, API_KEY)
        self._pause = 1 / jobs_per_second
        self._here, self._there = here, there
        self._stopping = threading.Event()
        self._produced = threading.Event()
        self._lock = threading.Lock()
        self.failures: list[BaseException] = []

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        work = [
            *(threading.Thread(target=self._kept, args=(self._produce, n)) for n in range(2)),
            *(
                threading.Thread(target=self._kept, args=(self._work, url, key, queue))
                for url, key in ((self._here, API_KEY), (self._there, THERE_KEY))
                for queue in (*QUEUES, "reports")
            ),
        ]
        for thread in work:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            for thread in work:
                thread.join(STOP_SECONDS_MAX)

    def stop_producing(self) -> None:
        self._produced.set()

    def _kept(self, act: Any, *arguments: Any) -> None:
        try:
            act(*arguments)
        except BaseException as error:
            self.failures.append(error)

    def _produce(self, number: int) -> None:
        chance = random.Random(number)
        with httpx.Client(timeout=30) as client:
            while not self._produced.wait(self._pause) and not self._stopping.is_set():
                url, key = self.producers_go_to
                number += 2
                body: dict[str, Any] = {"queue_name": chance.choice(QUEUES), "payload": number}
                if chance.random() < 0.4:
                    body["delay_seconds"] = chance.choice((1, 2, 5, 15, 40))
                if chance.random() < 0.3:
                    body["idempotency_key"] = f"n-{number}"
                client.post(
                    f"{url}/api/v1/jobs", json=body, headers={"Authorization": f"Bearer {key}"}
                ).raise_for_status()
                with self._lock:
                    self.acknowledged.add(number)

    def _work(self, url: str, key: str, queue: str) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=60) as client:
            while not self._stopping.is_set():
                wanted = {"queue_name": queue, "worker_id": f"w-{queue}", "wait_ms": 500}
                answer = client.post("/jobs/claim", json=wanted).raise_for_status()
                for job in answer.json()["jobs"]:
                    if queue in QUEUES:
                        with self._lock:
                            self.effects[job["payload"]] += 1
                    settled = {"worker_id": f"w-{queue}", "lease_id": job["lease_id"]}
                    client.post(f"/jobs/{job['id']}/complete", json=settled).raise_for_status()


class Mover:
    """The command as a process of its own, which is killed at random moments until it is done."""

    def __init__(self, here: str, there: str, ledger: Path, chance: random.Random) -> None:
        self._command = [
            *(sys.executable, "-m", "spooled_lite", "migrate-to", there, "--url", here),
            *("--ledger", str(ledger)),
        ]
        kept = {name: value for name, value in os.environ.items() if "SPOOLED" not in name}
        self._environ = {
            **kept,
            "SPOOLED_API_KEY": API_KEY,
            "SPOOLED_THERE_API_KEY": THERE_KEY,
        }
        self._chance = chance
        self._ledger = ledger
        self.kills = 0

    def run(self, step: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, f"--{step}"],
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def killed_until_done(self, step: str, kills: int) -> None:
        """Kill it each time when it has written a little more into its ledger."""
        for _ in range(kills):
            enough = self._written() + self._chance.randint(1, BYTES_MAX)
            mover = subprocess.Popen(
                [*self._command, f"--{step}"],
                env=self._environ,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            while mover.poll() is None and self._written() < enough:
                time.sleep(LOOK_SECONDS)
            if mover.poll() is not None:
                break
            mover.kill()
            mover.wait()
            self.kills += 1
        done = self.run(step)
        assert done.returncode == 0, (step, done.stdout, done.stderr)

    def _written(self) -> int:
        return self._ledger.stat().st_size if self._ledger.exists() else 0


def call(url: str, key: str, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.request(method, f"{url}/api/v1{path}", json=body, headers=headers, timeout=60)
    answer.raise_for_status()
    return answer.json()


def seconds_between(first: str, last: str) -> int:
    took = datetime.fromisoformat(last) - datetime.fromisoformat(first)
    return round(took.total_seconds())


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_each_job_runs_once_while_all_go_on_and_the_mover_is_killed(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    folders: Sequence[Path] = (tmp_path / "here", tmp_path / "there")
    for folder in folders:
        folder.mkdir()
    with (
        ServerProcess(folders[0]) as here,
        ServerProcess(folders[1], bootstrap_api_key=THERE_KEY) as there,
    ):
        here.start()
        there.start()
        schedule = {"name": "each second", "cron_expression": "* * * * * *", "catch_up": "all"}
        schedule |= {"queue_name": "reports", "payload_template": "{}"}
        made = call(here.url, API_KEY, "POST", "/schedules", schedule)
        ledger = tmp_path / "moved.ndjson"
        mover = Mover(here.url, there.url, ledger, chance)
        traffic = Traffic(here.url, there.url, jobs_per_second=30)
        with traffic.running():
            mover.killed_until_done("copy", kills=4)
            mover.killed_until_done("switch", kills=4)
            traffic.producers_go_to = (there.url, THERE_KEY)
            mover.killed_until_done("move", kills=KILLS)
            time.sleep(3)
            traffic.stop_producing()
            done = mover.run("move")
            until = time.monotonic() + DRAIN_SECONDS_MAX
            while (
                set(traffic.effects) < traffic.acknowledged or mover.run("verify").returncode
            ) and time.monotonic() < until:
                time.sleep(1)
            verdict = mover.run("verify")
            [switched] = call(there.url, THERE_KEY, "GET", "/schedules")
            paused = f"/schedules/{switched['id']}/pause"
            last = call(there.url, THERE_KEY, "POST", paused)["next_run_at"]
            slots = seconds_between(made["next_run_at"], last)
            sides = ((here.url, API_KEY), (there.url, THERE_KEY))
            fired = [call(url, key, "GET", "/queues/reports/stats")["total"] for url, key in sides]

    assert traffic.failures == []
    assert done.returncode == 0, done.stderr
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    assert set(traffic.effects) == traffic.acknowledged
    assert [number for number, count in traffic.effects.items() if count != 1] == []
    moved = [line for line in map(json.loads, ledger.read_text().splitlines()) if "to" in line]
    assert [line for line in moved if line["step"] == "moved"]
    assert mover.kills >= KILLS // 2
    assert min(fired) > 0
    assert sum(fired) == slots
