"""A move that meets trouble: very much that is due at one moment, or a full disk."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any, Final

import pytest

from spooled_lite.cli.serve import SWITCH_SECONDS
from tests.crash.test_small_disk import fill_by_others, mounted
from tests.testing.park import Park, played
from tests.testing.stage import HOUR_MS, START_MS, Stage, play
from tests.testing.test_serve import call, serving

AT: Final = "2030-01-01T01:00:00.000Z"
END: Final = "2030-01-01T02:00:00.000Z"
MANY: Final = {
    "queue_name": "emails", "jobs": [{"payload": {}, "scheduled_at": AT} for _ in range(100)],
}  # fmt: skip
ADVANCE: Final = "/api/v1/test/clock/advance"
CALLS_MAX: Final = 1_000
WAIT_MS_MAX: Final = 100.0
DISK_MIB: Final = 24
SMALL_RESERVE: Final = {"SPOOLED_DISK_RESERVE_BYTES": str(2**20)}


def test_a_budget_of_real_time_holds_within_one_moment_too() -> None:
    async def script(stage: Stage) -> None:
        for _ in range(30):
            await stage.post("jobs/bulk", MANY)
        refused: list[Any] = []
        for _ in range(CALLS_MAX):
            body = {"to": END, "real_ms_max": 5, "report": 0}
            answer = await stage.api.post("test/clock/advance", json=body)
            if answer.status_code == 200:
                break
            assert answer.status_code == 409, answer.text
            refused.append(answer.json())

        assert refused, "so many do not fit into 5 ms"
        for each in refused:
            assert each["details"]["reason"] == "budget"
            assert "5 ms of real time" in each["message"]
            assert each["details"]["now"] in ("2030-01-01T00:00:00.000Z", AT, END)
        assert answer.status_code == 200
        assert stage.now_ms == START_MS + 2 * HOUR_MS
        lines = stage.world.journal.lines()
        promoted = [each for each in lines if each.what == "job.promoted"]
        assert {each.at for each in promoted} == {AT}
        assert len({each.job_id for each in promoted}) == len(promoted) == 3_000

    play(script)


def check_beside(due: int) -> None:
    """Ask another world, one call after the other, while so many rows become due at one moment.

    What counts is the processor time that the whole process spends while a call waits: on a machine
    that does nothing else the call waits no longer than that.
    """

    async def script(park: Park) -> list[float]:
        for _ in range(due // 100):
            await park.root.post("jobs/bulk", MANY)
        fork = await park.fork("beside")
        await fork.job()

        async def move() -> None:
            for _ in range(CALLS_MAX):
                body = {"to": END, "report": 0}
                answer = await park.root.api.post("test/clock/advance", json=body)
                if answer.status_code == 200:
                    return
                assert answer.json()["details"]["reason"] == "budget"

        moving, waits = asyncio.create_task(move()), list[float]()
        while not moving.done():
            began = time.process_time()
            await fork.job()
            waits.append((time.process_time() - began) * 1000)
        await moving
        return sorted(waits)

    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)  # as a server has it
    try:
        waits = played(script, seconds_max=600.0)
    finally:
        sys.setswitchinterval(before)

    assert len(waits) > due // 500, "about one for each pass, at least"
    # A few are longer on a busy machine: whoever has the processor then works on meanwhile.
    assert waits[len(waits) * 99 // 100] < WAIT_MS_MAX, waits[-20:]


@pytest.mark.slow
def test_five_thousand_rows_due_at_one_moment_keep_no_other_world_waiting() -> None:
    check_beside(5_000)


@pytest.mark.long
def test_a_hundred_thousand_rows_due_at_one_moment_keep_no_other_world_waiting() -> None:
    check_beside(100_000)


@pytest.mark.slow
def test_a_move_on_a_full_disk_stops_at_a_whole_step_and_can_be_repeated(tmp_path: Path) -> None:
    hours = [f"2030-01-01T{1 + number % 20:02d}:00:00.000Z" for number in range(100)]
    with (
        mounted(tmp_path / "disk", DISK_MIB) as disk,
        serving(
            tmp_path, "--test", "--seed", "1", "--database", str(disk / "it.db"),
            environ=SMALL_RESERVE,
        ) as (about, _),
    ):  # fmt: skip
        wanted: dict[str, str] = {}
        for _ in range(20):
            jobs = [{"payload": {}, "scheduled_at": at} for at in hours]
            body = {"queue_name": "emails", "jobs": jobs}
            made = json.loads(call(about, "/api/v1/jobs/bulk", body)[2])
            ids = [each["job_id"] for each in made["succeeded"]]
            wanted.update(zip(ids, hours, strict=True))
        fill_by_others(disk)

        to = {"to": "2030-01-02T00:00:00.000Z", "report": 0}
        status, headers, content = call(about, ADVANCE, to)
        reason = json.loads(content)["details"]["reason"]
        assert (status, reason) == (503, "storage_full")
        assert headers["X-Spooled-Clock"] in hours, "it stands where something is due"
        assert call(about, "/api/v1/jobs?limit=1")[0] == 200

        (disk / "of-another-program").unlink()
        for _ in range(CALLS_MAX):
            status, _, content = call(about, ADVANCE, to)
            if status == 200:
                break
            assert status == 503, content
        assert json.loads(content)["now"] == to["to"]
        lines = json.loads(call(about, "/api/v1/test/journal?kind=event")[2])["lines"]
        promoted = [each for each in lines if each["what"] == "job.promoted"]
        assert {each["job_id"]: each["at"] for each in promoted} == wanted
        assert len(promoted) == len(wanted)
