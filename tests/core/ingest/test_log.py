"""Reading the log, and forgetting what is old in it."""

from typing import Any

import pytest

from spooled_lite.core.ingest import statements
from spooled_lite.core.ingest.log import LISTS, LogFilter, list_log
from spooled_lite.core.maintenance.prune import Pruning, Retention
from tests.core.job_stage import JobStage
from tests.core.store import NOW_MS

DAY_MS = 86_400_000


def logged(
    stage: JobStage,
    *,
    queue: str = "q",
    status: str = "created",
    org: int | None = None,
    at_ms: int = NOW_MS,
) -> str:
    count = stage.value("SELECT count(*) FROM inbound_log")
    line: dict[str, Any] = {
        "id": f"line-{count}",
        "org": org or stage.org,
        "provider": "custom",
        "event_type": "custom",
        "matched_queue": queue,
        "job_id": "j",
        "status": status,
        "now_ms": at_ms,
    }
    stage.run(lambda tx: tx.execute(statements.ADD, line))
    return f"line-{count}"


def listed(stage: JobStage, **wanted: Any) -> list[str]:
    return [row["id"] for row in stage.read(list_log, stage.org, LogFilter(**wanted))]


def test_the_newest_comes_first_and_the_last_of_a_moment_before_the_others(
    stage: JobStage,
) -> None:
    old = logged(stage, at_ms=NOW_MS - 1)
    first, second = logged(stage), logged(stage)

    assert listed(stage) == [second, first, old]


def test_a_line_is_found_by_each_filter_and_by_all_of_them(stage: JobStage) -> None:
    lines = {
        (queue, status, at_ms): logged(stage, queue=queue, status=status, at_ms=at_ms)
        for at_ms in (NOW_MS - 1_000, NOW_MS)
        for queue in ("a", "b")
        for status in ("created", "duplicate")
    }
    wanted = ({"queue_name": "a"}, {"status": "duplicate"}, {"since_ms": NOW_MS})

    of_queue, duplicates, since = ({*listed(stage, **each)} for each in wanted)

    assert of_queue == {line for (queue, _, _), line in lines.items() if queue == "a"}
    assert duplicates == {line for (_, status, _), line in lines.items() if status == "duplicate"}
    assert since == {line for (_, _, at_ms), line in lines.items() if at_ms == NOW_MS}
    assert listed(stage, queue_name="a", status="duplicate", since_ms=NOW_MS) == [
        lines["a", "duplicate", NOW_MS]
    ]


def test_another_organization_has_its_own(stage: JobStage) -> None:
    logged(stage, org=stage.other_org())

    assert listed(stage) == []


def test_a_page_begins_where_the_one_before_ended(stage: JobStage) -> None:
    lines = [logged(stage, at_ms=NOW_MS + number) for number in range(5)]

    pages = [listed(stage, rows_max=2, offset=offset) for offset in (0, 2, 4, 6)]

    assert [line for page in pages for line in page] == lines[::-1]


@pytest.mark.parametrize(
    ("names", "index"),
    [
        ([], "inbound_log_newest (org=?)"),
        (["created"], "inbound_log_newest (org=?)"),
        (["duplicate"], "inbound_log_duplicates (org=?)"),
        (["since_ms"], "inbound_log_newest (org=? AND created_at_ms>?)"),
        (["duplicate", "since_ms"], "inbound_log_duplicates (org=? AND created_at_ms>?)"),
        (["queue_name"], "inbound_log_of_queue (org=? AND matched_queue=?)"),
        (["created", "queue_name"], "inbound_log_of_queue (org=? AND matched_queue=?)"),
        (
            ["since_ms", "queue_name"],
            "inbound_log_of_queue (org=? AND matched_queue=? AND created_at_ms>?)",
        ),
    ],
)
def test_every_list_walks_along_an_index(stage: JobStage, names: list[str], index: str) -> None:
    params = {"org": 1, "limit": 1, "offset": 0, "since_ms": 0, "queue_name": "q"}

    plan = stage.plan(LISTS[tuple(names)].text, **params)

    assert plan == [f"SEARCH inbound_log USING INDEX {index}"]


def swept(stage: JobStage, retention: Retention) -> int:
    pruning = Pruning(retention)
    while stage.run(pruning.run_once).done:
        pass
    for _ in range(100):  # a step without rows says 0, too
        stage.run(pruning.run_once)
    count: int = stage.value("SELECT count(*) FROM inbound_log")
    return count


def test_lines_are_kept_as_long_as_the_history(stage: JobStage) -> None:
    for days in (6, 8):
        logged(stage, at_ms=NOW_MS - days * DAY_MS)

    kept_for_ever = swept(stage, Retention(job_days=1, history_days=0))
    kept_a_week = swept(stage, Retention(job_days=1, history_days=7))

    assert (kept_for_ever, kept_a_week) == (2, 1)


def test_many_old_lines_go_in_passes(stage: JobStage) -> None:
    for _ in range(1_100):
        logged(stage, at_ms=NOW_MS - 8 * DAY_MS)
    new = logged(stage)

    swept(stage, Retention(history_days=7))

    assert listed(stage) == [new]
