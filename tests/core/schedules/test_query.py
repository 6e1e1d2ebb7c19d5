"""Reading schedules and their runs."""

from typing import Any

import pytest

from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.maintenance.remove import delete_queue
from spooled_lite.core.schedules.query import (
    SORT_COLUMNS,
    ScheduleFilter,
    list_runs,
    list_schedules,
)
from spooled_lite.errors import AccessDenied, NotFound
from tests.core.schedules.schedule_stage import ScheduleStage
from tests.core.stage import OPEN
from tests.factories import a_job


def listed(stage: ScheduleStage, scope: Scope = ALL_QUEUES, **wanted: Any) -> list[str]:
    """The names of the schedules in a list."""
    rows = stage.read(list_schedules, stage.org, ScheduleFilter(**wanted), scope)
    return [row["name"] for row in rows]


def three(stage: ScheduleStage) -> None:
    for name, queue_name, priority in (("b", "one", 5), ("a", "two", 5), ("c", "one", 1)):
        stage.schedule(name=name, queue_name=queue_name, priority=priority)
        stage.clock.advance(seconds=1)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({}, "cab"),
        ({"descending": False}, "bac"),
        ({"order_by": "name"}, "cba"),
        ({"order_by": "name", "descending": False}, "abc"),
        ({"order_by": "priority"}, "abc"),
        ({"order_by": "priority", "descending": False}, "cba"),
        ({"queue_name": "one"}, "cb"),
        ({"queue_name": "none"}, ""),
        ({"is_active": True}, "cab"),
        ({"is_active": False}, ""),
        ({"rows_max": 2}, "ca"),
        ({"rows_max": 2, "offset": 1}, "ab"),
    ],
)
def test_a_list_is_in_order_and_filtered(
    stage: ScheduleStage, wanted: dict[str, Any], names: str
) -> None:
    three(stage)

    assert listed(stage, **wanted) == list(names)


@pytest.mark.parametrize(
    ("queues", "names"), [(["one"], "cb"), (["t*"], "a"), (["three"], ""), (["*"], "cab")]
)
def test_a_list_leaves_out_other_queues(
    stage: ScheduleStage, queues: list[str], names: str
) -> None:
    three(stage)

    assert listed(stage, Scope(queues)) == list(names)
    assert listed(stage, Scope(queues), rows_max=1) == list(names[:1])


@pytest.mark.parametrize("order_by", SORT_COLUMNS)
def test_every_order_is_one(stage: ScheduleStage, order_by: str) -> None:
    three(stage)

    assert sorted(listed(stage, order_by=order_by)) == ["a", "b", "c"]


def test_a_list_has_nothing_of_others(stage: ScheduleStage) -> None:
    other = stage.other_org()
    stage.schedule()

    assert stage.read(list_schedules, other, ScheduleFilter(), ALL_QUEUES) == []


def test_the_usual_lists_walk_along_their_index(stage: ScheduleStage) -> None:
    for wanted, index in (
        (ScheduleFilter(), "schedules_newest"),
        (ScheduleFilter(descending=False), "schedules_newest"),
        (ScheduleFilter(queue_name="one"), "schedules_by_queue"),
    ):
        asked: list[str] = []
        stage._connection.set_trace_callback(asked.append)
        stage.read(list_schedules, stage.org, wanted, ALL_QUEUES)
        stage._connection.set_trace_callback(None)
        [step] = [row["detail"] for row in stage.rows(f"EXPLAIN QUERY PLAN {asked[0]}")]
        assert f"USING INDEX {index} " in step


# -- runs ------------------------------------------------------------------------------------


def test_runs_are_listed_newest_first_in_pages(stage: ScheduleStage) -> None:
    schedule = stage.schedule()
    ids = []
    for _ in range(3):
        stage.pass_time(seconds=3_600)
        ids.append(stage.runs(schedule)[0]["id"])

    def page(limit: int, offset: int) -> list[str]:
        rows = stage.read(
            list_runs, stage.org, schedule["id"], ALL_QUEUES, limit=limit, offset=offset
        )
        return [row["id"] for row in rows]

    assert page(10, 0) == ids[::-1]
    assert page(1, 1) == [ids[1]]
    assert page(10, 3) == []


def test_a_run_forgets_a_job_that_is_gone(stage: ScheduleStage) -> None:
    schedule = stage.schedule()
    job = stage.trigger(schedule)
    assert stage.runs(schedule)[0]["job_id"] == job["id"]

    stage.run(lambda tx: delete_queue(tx, stage.org, "reports", delete_jobs=True))

    [run] = stage.runs(schedule)
    assert (run["job_id"], run["status"]) == (None, "completed")


def test_runs_of_others_are_not_found(stage: ScheduleStage) -> None:
    schedule, other = stage.schedule(), stage.other_org()

    with pytest.raises(NotFound):
        stage.read(list_runs, other, schedule["id"], ALL_QUEUES, limit=1, offset=0)
    with pytest.raises(AccessDenied):
        stage.read(list_runs, stage.org, schedule["id"], Scope(["x"]), limit=1, offset=0)


def test_a_run_shows_no_job_of_another_organization(stage: ScheduleStage) -> None:
    schedule, other = stage.schedule(), stage.other_org()
    stage.trigger(schedule)
    foreign = stage.run(enqueue, other, a_job(), OPEN, ALL_QUEUES).row["id"]
    stage.run(lambda tx: tx.execute("UPDATE schedule_runs SET job_id = :id", {"id": foreign}))

    assert stage.runs(schedule)[0]["job_id"] is None
