"""What fails, by error: what a dashboard lists."""

from typing import Any

import pytest

from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.overview import errors
from spooled_lite.core.overview.errors import ErrorGroup, ErrorsWanted, error_groups
from tests.core.job_stage import JobStage
from tests.core.jobs.test_errors import dead, failed


def listed(stage: JobStage, scope: Scope = ALL_QUEUES, **wanted: Any) -> list[ErrorGroup]:
    return stage.read(error_groups, stage.org, scope, ErrorsWanted(**{"rows_max": 100, **wanted}))


def titles(found: list[ErrorGroup]) -> list[str]:
    return [each.title for each in found]


def test_an_error_is_told_over_all_queues(stage: JobStage) -> None:
    first_ms = stage.clock.now_ms()
    dead(stage, "HTTP 503", "charges")
    stage.clock.advance(seconds=60)
    dead(stage, "HTTP 504", "charges")
    newest = dead(stage, "HTTP 500", "emails")
    dead(stage, "boom")

    http, boom = listed(stage)

    assert (http.title, http.dead_count, http.failed_1h) == ("HTTP ?", 3, 3)
    assert (http.first_at_ms, http.last_at_ms) == (first_ms, first_ms + 60_000)
    assert http.queues == {"charges": 2, "emails": 1}
    assert http.sample_job_id == newest
    assert (boom.title, boom.dead_count) == ("boom", 1)


def test_an_hour_passes(stage: JobStage) -> None:
    dead(stage, "boom")
    stage.clock.advance(seconds=3_600)

    [found] = listed(stage)

    assert (found.dead_count, found.failed_1h) == (1, 0)


def test_a_storm_of_different_errors_is_read_up_to_a_bound(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in ("one", "two", "three"):
        dead(stage, error)
    monkeypatch.setattr(errors, "FAILED_READ_MAX", 2)

    assert sorted(each.failed_1h for each in listed(stage)) == [0, 1, 1]


def test_failing_attempts_are_listed_though_nothing_is_dead(stage: JobStage) -> None:
    job_id = failed(stage, "flaky")
    dead(stage, "boom")
    dead(stage, "boom")

    found = listed(stage, kind="failing")

    assert titles(found) == ["boom", "flaky"]
    assert titles(listed(stage)) == ["boom"]
    assert (found[1].queues, found[1].sample_job_id) == ({"emails": 1}, job_id)


def test_a_list_is_narrowed(stage: JobStage) -> None:
    dead(stage, "old")
    stage.clock.advance(seconds=5)
    dead(stage, "new", "charges")
    since_ms = stage.clock.now_ms()

    assert titles(listed(stage, since_ms=since_ms)) == ["new"]
    assert titles(listed(stage, queue_name="emails")) == ["old"]
    assert titles(listed(stage, Scope(["charges"]))) == ["new"]
    assert titles(listed(stage, rows_max=1)) == ["new"]
    assert titles(listed(stage, rows_max=1, offset=1)) == ["old"]
    assert stage.read(error_groups, stage.other_org(), ALL_QUEUES, ErrorsWanted(rows_max=9)) == []


def test_types_are_those_of_the_newest_dead_letters(stage: JobStage) -> None:
    for job_type in ("a", "b", "a", ""):
        stage.enqueue(priority=50, job_type=job_type)
        stage.fail(stage.take(), may_retry=False)

    [found] = listed(stage)

    assert found.job_types == ["a", "b"]
