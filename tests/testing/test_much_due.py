"""A move that meets trouble: very much that is due at one moment, or a full disk."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.bystander import Bystander
from tests.crash.test_small_disk import fill_by_others, mounted
from tests.testing.stage import HOUR_MS, START_MS, Stage, play
from tests.testing.test_serve import call, serving

AT: Final = "2030-01-01T01:00:00.000Z"
END: Final = "2030-01-01T02:00:00.000Z"
MANY: Final = {
    "queue_name": "emails", "jobs": [{"payload": {}, "scheduled_at": AT} for _ in range(100)],
}  # fmt: skip
ADVANCE: Final = "/api/v1/test/clock/advance"
CALLS_MAX: Final = 1_000
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


@pytest.mark.long
def test_a_hundred_thousand_due_at_one_moment_keep_no_other_world_waiting(tmp_path: Path) -> None:
    with serving(tmp_path, "--test", "--seed", "1") as (about, _):
        fork = json.loads(call(about, "/api/v1/test/fork", {"name": "beside"})[2])
        for _ in range(1_000):
            assert call(about, "/api/v1/jobs/bulk", MANY)[0] < 300
        with Bystander(about["url"], fork["api_key"]) as alone:
            for _ in range(500):
                call(about, "/api/v1/test", None)
        said: list[tuple[int, Any]] = []
        with Bystander(about["url"], fork["api_key"]) as beside:
            while not said or said[-1][0] != 200:
                assert len(said) < CALLS_MAX
                status, _, content = call(about, ADVANCE, {"to": END, "real_ms_max": 1_000})
                said.append((status, json.loads(content)))

    assert {status for status, _ in said[:-1]} <= {409}
    assert {each["details"]["reason"] for _, each in said[:-1]} <= {"budget"}
    # 100 ms where nothing else runs; on a busy machine they wait without a move, too.
    bound_ms = 100 + 2 * max(alone.waits.live_ms, alone.waits.enqueue_ms)
    assert max(beside.waits.live_ms, beside.waits.enqueue_ms) < bound_ms, (alone, beside)


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
