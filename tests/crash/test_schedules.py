"""A server that ends within 50 ms of a slot: the slot has exactly one job, whatever the moment."""

import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from spooled_lite.cli.check import problems_of
from tests.server_process import API_KEY, ServerProcess

AROUND_SECONDS: Final = 0.05
HEADERS: Final = {"Authorization": f"Bearer {API_KEY}"}
SCHEDULE_COUNT: Final = 3
LAST_SLOT_SECONDS_MAX: Final = 10.0


@pytest.mark.slow
def test_a_slot_has_one_job_in_20_restarts_around_it(tmp_path: Path) -> None:
    restart_around_slots(tmp_path, 20, seed="short")


@pytest.mark.long
def test_a_slot_has_one_job_in_200_restarts_around_it(tmp_path: Path) -> None:
    restart_around_slots(tmp_path, 200, seed="long")


def restart_around_slots(folder: Path, round_count: int, seed: str) -> None:
    """A kill or a stop at a random moment near a slot, and the next start, on one file."""
    moments = random.Random(seed)
    with ServerProcess(folder) as server:
        server.start()
        for number in range(SCHEDULE_COUNT):
            add_schedule(server, f"every second {number}")
        for number in range(round_count):
            sleep_until_near_a_slot(moments)
            if number % 4 == 3:
                assert server.stop() == 0, server.log
            else:
                server.kill()
            server.start()
        until_one_more_has_fired(server)
        assert server.stop() == 0, server.log

    assert problems_of(server.database) == []
    assert_every_slot_has_one_job(server.database)


def add_schedule(server: ServerProcess, name: str) -> None:
    """Every slot that is missed while no server runs is made up for, so none may be left out."""
    body = {
        "name": name,
        "cron_expression": "* * * * * *",
        "queue_name": "ticks",
        "payload_template": name,
        "catch_up": "all",
    }
    answer = httpx.post(f"{server.url}/api/v1/schedules", json=body, headers=HEADERS)
    assert answer.status_code == 201, answer.text


def sleep_until_near_a_slot(moments: random.Random) -> None:
    """The moment is the subject here, not something to wait for."""
    now = time.time()
    slot = int(now + 2 * AROUND_SECONDS) + 1
    time.sleep(slot + moments.uniform(-AROUND_SECONDS, AROUND_SECONDS) - now)


def until_one_more_has_fired(server: ServerProcess) -> None:
    """The last start is followed by a slot, so all before it have been made up for."""
    started_at = time.time()
    until = time.monotonic() + LAST_SLOT_SECONDS_MAX
    while True:
        found = httpx.get(f"{server.url}/api/v1/schedules", headers=HEADERS).json()
        if all(due_after(each, started_at) for each in found):
            return
        assert time.monotonic() < until, found
        time.sleep(0.02)


def due_after(schedule: dict[str, Any], at: float) -> bool:
    return time.gmtime(at) < time.strptime(schedule["next_run_at"][:19], "%Y-%m-%dT%H:%M:%S")


def assert_every_slot_has_one_job(database: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        runs = connection.execute(
            "SELECT schedule, slot_at_ms, status, job_id FROM schedule_runs ORDER BY slot_at_ms"
        ).fetchall()
        jobs = [row[0] for row in connection.execute("SELECT id FROM jobs")]
        counted = connection.execute("SELECT seq, run_count FROM schedules").fetchall()
    assert len(counted) == SCHEDULE_COUNT
    for schedule, run_count in counted:
        slots = [slot for owner, slot, *_ in runs if owner == schedule]
        assert slots == list(range(slots[0], slots[-1] + 1, 1_000)), "a slot is missing or double"
        assert run_count == len(slots)
    assert {status for _, _, status, _ in runs} == {"completed"}
    assert sorted(job_id for *_, job_id in runs) == sorted(jobs), "a job without a slot, or two"
