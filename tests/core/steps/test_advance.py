"""What becomes of a workflow, and of the steps that wait for others."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Final

import pytest

from spooled_lite.core.jobs.enqueue import PARENT_FAILED
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.depend import depend
from spooled_lite.core.lifecycle.settle import release
from spooled_lite.events import Deadline
from tests.core.job_stage import JobStage
from tests.core.store import NOW_MS
from tests.core.workflows.graphs import Graph, a_step, check, stored

DIAMOND: Final = (a_step("a"), a_step("b", "a"), a_step("c", "a"), a_step("d", "b", "c"))


# -- how a parent can end ------------------------------------------------------------------------


def completes(graph: Graph, key: str) -> None:
    graph.complete(key)


def dies(graph: Graph, key: str) -> None:
    graph.fail(key)


def is_cancelled(graph: Graph, key: str) -> None:
    graph.stage.cancel(graph.step(key))


def expires(graph: Graph, key: str) -> None:
    """Only this one: the others have no end."""
    graph.stage.rows(
        "UPDATE jobs SET expires_at_ms = :now WHERE id = :id",
        now=graph.stage.clock.now_ms(),
        id=graph.ids[key],
    )
    graph.stage.run_pass(Deadline.EXPIRY)
    graph.stage.run_due()


def loses_its_lease(graph: Graph, key: str) -> None:
    """With no attempt left."""
    graph.stage.rows("UPDATE jobs SET max_retries = 0 WHERE id = :id", id=graph.ids[key])
    graph.take(key)
    graph.stage.wait(seconds=30)


ENDS: Final[dict[str, Callable[[Graph, str], None]]] = {
    "completed": completes,
    "dead letter": dies,
    "lease lost": loses_its_lease,
    "cancelled": is_cancelled,
    "expired": expires,
}
RUNS, CANCELLED, WAITS = "claimable", "cancelled", "pending"
# What becomes of a job that waits for one other, by condition and the end of that one.
AFTER: Final = {
    "success": dict.fromkeys(ENDS, CANCELLED) | {"completed": RUNS},
    "completion": dict.fromkeys(ENDS, RUNS),
    "failure": dict.fromkeys(ENDS, CANCELLED) | {"dead letter": RUNS, "lease lost": RUNS},
}


def standing(graph: Graph, key: str) -> str:
    return RUNS if key in graph.claimable else graph.steps[key]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("condition", AFTER)
@pytest.mark.parametrize("mode", ["all", "any"])
def test_a_job_runs_or_is_cancelled_by_the_end_of_the_only_one_it_waits_for(
    stage: JobStage, mode: str, condition: str, end: str
) -> None:
    graph = stored(stage, a_step("a"), a_step("b", "a", mode=mode, condition=condition))
    assert standing(graph, "b") == WAITS

    ENDS[end](graph, "a")

    assert standing(graph, "b") == AFTER[condition][end]
    check(stage)


@pytest.mark.parametrize("condition", AFTER)
@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ENDS)
@pytest.mark.parametrize("mode", ["all", "any"])
def test_modes_put_two_ends_together(
    stage: JobStage, mode: str, first: str, second: str, condition: str
) -> None:
    graph = stored(
        stage, a_step("a"), a_step("b"), a_step("c", "a", "b", mode=mode, condition=condition)
    )
    one, other = AFTER[condition][first], AFTER[condition][second]
    decisive = CANCELLED if mode == "all" else RUNS

    ENDS[first](graph, "a")
    assert standing(graph, "c") == (one if one == decisive else WAITS)

    ENDS[second](graph, "b")
    assert standing(graph, "c") == (one if one == decisive else other)
    check(stage)


# -- when ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "condition"),
    [("completed", "success"), ("dead letter", "failure"), ("cancelled", "completion")],
)
def test_a_job_is_released_in_the_transaction_that_ends_its_parent(
    stage: JobStage, end: str, condition: str
) -> None:
    graph = stored(stage, a_step("a"), a_step("b", "a", condition=condition))
    stage.fed.clear()

    ENDS[end](graph, "a")  # and no loop has run

    assert graph.claimable == {"b"}
    assert (stage.org, "b") in stage.fed


def test_a_failure_that_will_be_retried_changes_nothing(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b", "a", condition="failure"))

    graph.fail("a", may_retry=True)

    assert standing(graph, "b") == WAITS
    assert graph.counted == (2, 0, 0, 0, 0)
    assert graph.status == "running"


def test_all_thousand_that_wait_for_one_are_released_with_it(stage: JobStage) -> None:
    keys = [f"s{n}" for n in range(999)]
    graph = stored(stage, a_step("a"), *(a_step(key, "a", queue_name="wide") for key in keys))

    graph.complete("a")

    assert graph.claimable == set(keys)
    check(stage)


def test_a_failure_goes_down_to_the_last_step(stage: JobStage) -> None:
    keys = [f"s{n}" for n in range(400)]
    chain = [a_step("a"), a_step(keys[0], "a")]
    chain += [a_step(key, above) for above, key in pairwise(keys)]
    graph = stored(stage, *chain)

    graph.fail("a")
    stage.run_due()

    assert graph.counted == (0, 0, 0, 1, 400)
    assert graph.status == "failed"
    assert graph.step("s399")["last_error"] == PARENT_FAILED
    assert stage.value("SELECT count(*) FROM job_cascades") == 0
    check(stage)


def test_a_step_that_was_cancelled_for_its_parent_says_so(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)

    graph.fail("a")
    stage.run_due()

    for key in "bcd":
        row = graph.step(key)
        assert (row["status"], row["last_error"]) == ("cancelled", PARENT_FAILED)
        assert row["cancelled_by_parent"] == 1
        assert stage.history(row)[-1] == ("cancelled", None, {"reason": PARENT_FAILED})


# -- the status ----------------------------------------------------------------------------------


def test_the_life_of_a_workflow_that_goes_well(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    stage.clock.advance(seconds=1)

    first = graph.take("a")
    assert (graph.status, graph.row["started_at_ms"]) == ("running", NOW_MS + 1_000)
    stage.clock.advance(seconds=1)
    stage.complete(first)
    graph.complete("b")
    assert standing(graph, "d") == WAITS
    graph.complete("c", "d")

    row = graph.row
    assert (row["status"], row["completed_at_ms"]) == ("completed", NOW_MS + 2_000)
    assert row["started_at_ms"] == NOW_MS + 1_000
    assert graph.counted == (0, 0, 4, 0, 0)
    check(stage)


@pytest.mark.parametrize(
    ("ends", "status", "counted"),
    [
        ({"a": "completed", "b": "completed"}, "completed", (0, 0, 2, 0, 0)),
        ({"a": "completed", "b": "dead letter"}, "failed", (0, 0, 1, 1, 0)),
        ({"a": "dead letter", "b": "completed"}, "failed", (0, 0, 1, 1, 0)),
        ({"a": "lease lost", "b": "cancelled"}, "failed", (0, 0, 0, 1, 1)),
        ({"a": "cancelled", "b": "dead letter"}, "failed", (0, 0, 0, 1, 1)),
        ({"a": "completed", "b": "cancelled"}, "cancelled", (0, 0, 1, 0, 1)),
        ({"a": "cancelled", "b": "completed"}, "cancelled", (0, 0, 1, 0, 1)),
        ({"a": "expired", "b": "expired"}, "cancelled", (0, 0, 0, 0, 2)),
    ],
)
def test_how_its_steps_end_is_how_it_ends(
    stage: JobStage, ends: dict[str, str], status: str, counted: tuple[int, ...]
) -> None:
    graph = stored(stage, a_step("a"), a_step("b"))
    (first, second), now_ms = ends.items(), stage.clock.now_ms

    ENDS[first[1]](graph, first[0])
    assert graph.status == "running"
    assert graph.row["completed_at_ms"] is None
    ENDS[second[1]](graph, second[0])

    assert (graph.status, graph.counted) == (status, counted)
    assert graph.row["completed_at_ms"] == now_ms()
    check(stage)


def test_it_starts_with_the_end_of_a_step_that_nobody_claimed(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b"))

    is_cancelled(graph, "a")

    assert (graph.status, graph.row["started_at_ms"]) == ("running", NOW_MS)


def test_it_starts_once(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"))
    job = graph.take("a")
    stage.clock.advance(seconds=1)

    assert stage.run(release, [job]) == 1
    assert (graph.status, graph.counted) == ("running", (1, 0, 0, 0, 0))
    graph.take("a")

    assert graph.row["started_at_ms"] == NOW_MS
    assert stage.happened().count("workflow.started") == 1


# -- what is told --------------------------------------------------------------------------------


def told(stage: JobStage) -> list[str]:
    return [name for name in stage.happened() if name not in ("queue.created", "job.promoted")]


def test_events_come_once_and_in_their_order(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b", "a"))
    assert told(stage) == ["job.created", "job.created"]

    job = graph.take("a")
    assert told(stage) == ["job.claimed", "workflow.started"]
    stage.complete(job)
    assert told(stage) == ["job.completed"]
    graph.complete("b")
    assert told(stage) == ["job.claimed", "job.completed", "workflow.completed"]
    stage.run_due()
    assert told(stage) == []


def test_a_failure_is_told_when_nothing_is_left(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b", "a"), a_step("c"))

    graph.fail("a")
    stage.run_due()
    names = told(stage)
    assert "workflow.failed" not in names
    assert names[-1] == "job.cancelled"

    graph.complete("c")
    assert told(stage) == ["job.claimed", "job.completed", "workflow.failed"]


def test_the_event_has_the_workflow_as_it_is_then(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"))
    graph.complete("a")

    [event] = [each for each in stage.events if each.type == "workflow.completed"]

    assert (event.row["id"], event.row["status"], event.was) == (graph.id, "completed", "running")
    assert (event.row["completed_jobs"], event.row["total_jobs"]) == (1, 1)


# -- steps that wait for others besides ----------------------------------------------------------


def later(graph: Graph, key: str, *depends_on: str) -> None:
    stage = graph.stage
    wanted = partial(depend, depends_on=depends_on, mode="all", scope=ALL_QUEUES)
    stage.run(wanted, stage.org, graph.ids[key])


def test_a_dependency_that_is_added_later_holds_a_step_back(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b"))
    outside = stage.enqueue("outside")

    later(graph, "b", graph.ids["a"], outside["id"])
    assert graph.claimable == {"a"}
    graph.complete("a")
    assert graph.claimable == set()
    stage.complete(stage.take("outside"))

    assert graph.claimable == {"b"}
    graph.complete("b")
    assert graph.status == "completed"


def test_a_step_may_wait_for_a_step_of_another_workflow(stage: JobStage) -> None:
    one, other = stored(stage, a_step("a")), stored(stage, a_step("b"))
    later(other, "b", one.ids["a"])

    one.fail("a")

    assert (one.status, other.status) == ("failed", "cancelled")
    stage.retry(one.step("a"))
    stage.run_due()
    assert (one.status, other.status) == ("running", "pending")  # the other has not begun yet
    one.complete("a")
    other.complete("b")
    assert (one.status, other.status) == ("completed", "completed")
    check(stage)
