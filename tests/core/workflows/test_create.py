import pytest

from spooled_lite.core.workflows.create import create_workflow
from spooled_lite.core.workflows.graph import graph_of
from spooled_lite.core.workflows.records import NewStep, NewWorkflow
from spooled_lite.errors import BadRequest, QuotaExceeded, SpooledError
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx
from tests.core.job_stage import JobStage
from tests.core.stage import OPEN, capped
from tests.core.store import NOW_MS
from tests.core.workflows.graphs import a_step, check, stored

DIAMOND = (a_step("a"), a_step("b", "a"), a_step("c", "a"), a_step("d", "b", "c"))
TABLES = ("workflows", "jobs", "job_dependencies", "queues", "job_history", "usage_counters")


def nothing_is_stored(stage: JobStage) -> bool:
    rows = [stage.value(f"SELECT count(*) FROM {table}") for table in TABLES]  # noqa: S608
    return rows == [0] * len(TABLES) and not stage.events


def test_a_workflow_is_pending_and_its_first_jobs_can_be_claimed(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)

    row = graph.row
    assert (row["status"], row["total_jobs"], row["completed_jobs"]) == ("pending", 4, 0)
    assert (row["created_at_ms"], row["started_at_ms"], row["completed_at_ms"]) == (
        NOW_MS,
        None,
        None,
    )
    assert set(graph.steps.values()) == {"pending"}
    assert graph.claimable == {"a"}
    met = [graph.step(key)["dependencies_met"] for key in "abcd"]
    assert met == [1, 0, 0, 0]
    check(stage)


def test_jobs_keep_the_order_of_the_request_and_know_their_workflow(stage: JobStage) -> None:
    steps = [a_step(key) for key in ("z", "y", "a", "m")]

    graph = stored(stage, *steps)

    assert list(graph.ids) == ["z", "y", "a", "m"]
    places = [(graph.step(key)["step_position"], graph.step(key)["step_key"]) for key in graph.ids]
    assert places == [(0, "z"), (1, "y"), (2, "a"), (3, "m")]
    assert {graph.step(key)["workflow_id"] for key in graph.ids} == {graph.id}


def test_edges_have_the_condition_of_the_waiting_job(stage: JobStage) -> None:
    graph = stored(
        stage, a_step("a"), a_step("b"), a_step("c", "a", "b", mode="any", condition="failure")
    )

    rows = stage.rows("SELECT job, parent, is_link, condition FROM job_dependencies ORDER BY 2")
    c, a, b = (graph.step(key)["seq"] for key in "cab")
    assert [tuple(row) for row in rows] == [(c, a, 0, "failure"), (c, b, 0, "failure")]
    assert graph.step("c")["dependency_mode"] == "any"


def test_every_job_is_announced_and_nothing_else(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)

    assert [event.type for event in stage.events if event.type.startswith("job.")] == [
        "job.created"
    ] * 4
    assert not any(event.type.startswith("workflow.") for event in stage.events)
    assert stage.story(graph.step("d")) == ["created"]
    assert stage.fed == {(stage.org, "a")}


def test_a_job_that_expires_is_watched_also_while_it_waits(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b", "a", expires_at_ms=NOW_MS + 5_000))
    assert stage.due_at_ms[Deadline.EXPIRY] == NOW_MS + 5_000

    stage.wait(seconds=5)

    assert graph.steps == {"a": "pending", "b": "cancelled"}
    check(stage)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((a_step("a"), a_step("b"), a_step("a")), "Duplicate job key 'a'"),
        ((a_step("a"), a_step("b", "x")), "Job 'b' depends on unknown job 'x'"),
        ((a_step("a", "b"), a_step("b", "a")), "Circular dependency"),
    ],
)
def test_a_graph_that_cannot_run_stores_nothing(
    stage: JobStage, steps: tuple[NewStep, ...], words: str
) -> None:
    with pytest.raises(BadRequest, match=words):
        stored(stage, *steps)

    assert nothing_is_stored(stage)


@pytest.mark.parametrize("resource", ["workflows", "jobs_per_day", "active_jobs", "queues"])
def test_a_cap_that_would_be_passed_stores_nothing(stage: JobStage, resource: str) -> None:
    steps = tuple(a_step(key) for key in "abc")

    with pytest.raises(QuotaExceeded) as refusal:
        stored(stage, *steps, admission=capped(**{resource: 0 if resource == "workflows" else 2}))

    assert refusal.value.extra["resource"] == resource
    assert nothing_is_stored(stage)
    stored(stage, *steps, admission=capped(**{resource: 3}))
    check(stage)


@pytest.mark.parametrize(
    ("full", "resource"),
    [
        (("workflows", "queues"), "workflows"),
        (("workflows", "active_jobs"), "active_jobs"),
        (("workflows", "active_jobs", "jobs_per_day"), "jobs_per_day"),
    ],
)
def test_of_several_caps_the_first_in_the_order_of_the_contract_is_told(
    stage: JobStage, full: tuple[str, ...], resource: str
) -> None:
    with pytest.raises(QuotaExceeded) as refusal:
        stored(stage, a_step("a"), admission=capped(**dict.fromkeys(full, 0)))

    assert refusal.value.extra["resource"] == resource


def test_only_workflows_that_are_not_finished_count(stage: JobStage) -> None:
    admission = capped(workflows=2)
    first, second = (stored(stage, a_step(key), admission=admission) for key in "ab")
    with pytest.raises(QuotaExceeded):
        stored(stage, a_step("c"), admission=admission)

    first.complete("a")
    stored(stage, a_step("c"), admission=admission)
    second.take("b")  # running counts, too
    with pytest.raises(QuotaExceeded):
        stored(stage, a_step("d"), admission=admission)


def test_a_failure_after_the_last_row_leaves_nothing(stage: JobStage) -> None:
    def fails(tx: Tx) -> None:
        new = NewWorkflow(name="w", steps=DIAMOND)
        create_workflow(tx, stage.org, new, graph_of(DIAMOND), OPEN)
        raise SpooledError("too late")

    with pytest.raises(SpooledError, match="too late"):
        stage.run(fails)

    assert nothing_is_stored(stage)


def test_a_dense_graph_of_a_thousand_jobs_is_stored_whole(stage: JobStage) -> None:
    keys = [f"s{n}" for n in range(1_000)]
    steps = [
        a_step(key, *keys[max(0, place - 100) : place], queue_name="q")
        for place, key in enumerate(keys)
    ]

    ran: list[str] = []
    stage._connection.set_trace_callback(ran.append)
    graph = stored(stage, *steps)
    stage._connection.set_trace_callback(None)

    rows = stage.rows("SELECT job, parent, is_link, condition FROM job_dependencies")
    number = {key: graph.step(key)["seq"] for key in keys}
    assert {tuple(row) for row in rows} == {
        (number[step.key], number[parent], 0, "success")
        for step in steps
        for parent in step.depends_on
    }
    # SQLite copies the pages each of them changes, and all change the same: few of them.
    assert len([said for said in ran if "INTO job_dependencies" in said]) == 20
    assert graph.claimable == {"s0"}
