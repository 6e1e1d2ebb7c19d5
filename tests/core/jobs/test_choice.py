"""Choosing many jobs by a filter, a window at a time."""

from typing import Any

import pytest

from spooled_lite.core.jobs import choice as choosing
from spooled_lite.core.jobs.choice import Choice, Until, WindowEnd, choose, newest
from spooled_lite.core.jobs.errors import error_key
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from tests.core.job_stage import JobStage
from tests.factories import a_job


def chosen(
    stage: JobStage,
    scope: Scope = ALL_QUEUES,
    until: Until | None = None,
    rows_max: int = 100,
    **wanted: Any,
) -> list[str]:
    """All that is chosen, window by window."""
    choice = Choice(**{"statuses": ["pending"], **wanted})
    until = until or stage.read(newest, stage.org, scope)
    after: WindowEnd | None = None
    found: list[str] = []
    while True:
        window = stage.read(choose, stage.org, choice, scope, until, after, rows_max=rows_max)
        assert len(window.rows) <= rows_max
        found += [row["id"] for row in window.rows]
        after = window.after
        if after is None:
            return found


def test_each_filter_keeps_the_others_out(stage: JobStage) -> None:
    plain = stage.enqueue()["id"]
    stage.clock.advance(seconds=1)
    later_ms = stage.clock.now_ms()
    job = stage.enqueue("charges", job_type="Capture", tags=b'["eu","new"]')["id"]
    named = stage.enqueue("charges", tags=b'{"eu":1}')["id"]

    assert chosen(stage) == [plain, job, named]
    assert chosen(stage, queue_name="charges") == [job, named]
    assert chosen(stage, queue_name="unknown") == []
    assert chosen(stage, job_type="Capture") == [job]
    assert chosen(stage, tag="eu") == [job, named]
    assert chosen(stage, text="APTUR") == [job]
    assert chosen(stage, text=plain[:9].upper()) == [plain]
    assert chosen(stage, text="ä") == []
    assert chosen(stage, text="\0") == []
    assert chosen(stage, created_after_ms=later_ms) == [job, named]
    assert chosen(stage, created_before_ms=later_ms) == [plain]
    assert chosen(stage, Scope(["emails"])) == [plain]
    assert chosen(stage, Scope(["emails"]), queue_name="charges") == []


def test_states_are_told_apart(stage: JobStage) -> None:
    stage.configure(backoff_base_seconds=60.0)
    retrying = stage.enqueue()["id"]
    stage.fail(stage.take())
    parent = stage.enqueue("parents")
    blocked = stage.enqueue("parents", parent_job_id=parent["id"])["id"]
    delayed = stage.enqueue(delay_ms=1_000)["id"]
    both = ["pending", "scheduled"]

    assert chosen(stage, statuses=both, state="retrying") == [retrying]
    assert chosen(stage, statuses=both, state="blocked") == [blocked]
    assert chosen(stage, statuses=both, is_delayed=True) == [retrying, delayed]


def test_what_came_after_the_count_is_left_out(stage: JobStage) -> None:
    dies_later = stage.enqueue()
    dead = stage.dead_letter()["id"]
    until = stage.read(newest, stage.org, ALL_QUEUES)
    stage.clock.advance(seconds=1)
    stage.fail(stage.take(), may_retry=False)
    stage.dead_letter()

    assert chosen(stage, until=until, statuses=["deadletter"]) == [dead]
    assert dies_later["id"] in chosen(stage, statuses=["deadletter"])


@pytest.mark.parametrize("queue_name", [None, "emails"])
@pytest.mark.parametrize("rows_max", [1, 2, 100])
def test_windows_leave_nothing_out_and_give_nothing_twice(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch, rows_max: int, queue_name: str | None
) -> None:
    monkeypatch.setattr(choosing, "WINDOW_ROWS", 3)
    stage.bulk(*(a_job(job_type="odd" if number % 2 else "even") for number in range(7)))
    stage.clock.advance(seconds=1)
    stage.bulk(*(a_job(job_type="odd") for _ in range(2)), a_job(delay_ms=1_000, job_type="odd"))
    expected = [
        row["id"]
        for row in stage.rows(
            "SELECT id FROM jobs WHERE job_type = 'odd' ORDER BY status, created_at_ms, seq"
        )
    ]

    found = chosen(
        stage,
        statuses=["pending", "scheduled"],
        job_type="odd",
        rows_max=rows_max,
        queue_name=queue_name,
    )

    assert len(found) == 6
    assert found == expected


def test_jobs_of_others_and_of_deleted_queues_are_not_there(stage: JobStage) -> None:
    stage.enqueue()
    other = stage.other_org()
    window = stage.read(
        choose, other, Choice(statuses=["pending"]), ALL_QUEUES, Until(2**62, 0, 2**62), rows_max=9
    )

    assert (window.rows, window.after) == ([], None)


def test_dead_letters_of_a_rare_error_are_in_one_window_among_many_others(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "WINDOW_ROWS", 3)
    rare = []
    for number in range(9):
        job = stage.enqueue("others" if number == 8 else "emails")
        error = "rare" if number % 4 == 0 else "frequent"
        stage.fail(stage.take(job["queue_name"]), error, may_retry=False)
        rare += [job["id"]] if error == "rare" else []
    wanted: dict[str, Any] = {"statuses": ["deadletter"], "error_key": error_key("rare")}
    until = stage.read(newest, stage.org, ALL_QUEUES)

    first = stage.read(choose, stage.org, Choice(**wanted), ALL_QUEUES, until, None, rows_max=2)

    assert [row["id"] for row in first.rows] == rare[:2]
    assert chosen(stage, **wanted) == rare
    assert chosen(stage, **wanted, rows_max=1) == rare
    assert chosen(stage, **wanted, queue_name="others") == rare[2:]
    assert chosen(stage, Scope(["emails"]), **wanted) == rare[:2]
    assert chosen(stage, **{**wanted, "statuses": ["completed", "deadletter"]}) == rare
