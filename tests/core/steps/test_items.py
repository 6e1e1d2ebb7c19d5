"""Steps with items: maps and generators, from the first item to the array that they give."""

import msgspec
import pytest

from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.workflow import retry_workflow
from spooled_lite.core.steps.items import EMPTY_AT_ONCE
from spooled_lite.core.steps.looked import LOOKED_BYTES_MAX
from spooled_lite.core.steps.signal import deliver_signal
from spooled_lite.core.steps.start import start_run
from spooled_lite.core.workflows.records import RunOptions
from spooled_lite.core.workflows.store_run import NewRun
from spooled_lite.errors import LeaseExpired
from spooled_lite.events import Deadline
from tests.core.job_stage import JobStage
from tests.core.stage import OPEN
from tests.core.steps.mapped import a_map, double, double_all, give_up, items_of, take
from tests.core.workflows.graphs import check
from tests.core.workflows.runs import a_document, a_node, started


def test_a_map_over_the_input_gives_an_array_in_its_order(stage: JobStage) -> None:
    run = started(stage, a_map("double"), input=[1, 2, 3])
    assert run.states == {"double": "waiting_for_map_tasks"}
    assert [item["payload"] for item in items_of(stage, run, "double")] == [b"1", b"2", b"3"]

    jobs = take(stage, "double")
    assert [job["item_index"] for job in jobs] == [0, 1, 2]
    run.settle(jobs[2], 6)
    run.settle(jobs[0], 2)
    assert run.state == "started"
    run.settle(jobs[1], 4)

    assert (run.state, run.output) == ("completed", [2, 4, 6])
    check(stage)


def test_a_map_over_a_step_takes_what_that_gave(stage: JobStage) -> None:
    run = started(stage, a_node("list"), a_map("double", "list", "list"))

    run.give("list", [5, 6])
    stage.run_due()
    double_all(run, "double")

    assert run.output == [10, 12]
    check(stage)


def test_a_map_over_a_map_takes_the_outputs_of_its_items(stage: JobStage) -> None:
    run = started(stage, a_map("one"), a_map("two", "one", "one"), input=list(range(300)))
    stage.run_due()

    assert double_all(run, "one", backwards=True) == 300
    assert double_all(run, "two") == 300

    assert run.output == [n * 4 for n in range(300)]
    check(stage)


@pytest.mark.parametrize("source", ['{"a": [1]}', "7", "null"])
def test_a_source_that_is_no_array_fails_the_step_and_the_run(stage: JobStage, source: str) -> None:
    run = started(stage, a_map("double"), input=msgspec.json.decode(source))
    stage.run_due()

    assert run.state == "failed"
    assert "must be a JSON array" in (run.step("double")["last_error"] or "")
    check(stage)


def test_an_empty_source_completes_the_step_with_an_empty_array(stage: JobStage) -> None:
    run = started(stage, a_map("double"), a_node("after", "double"), input=[])
    stage.run_due()

    assert run.claimable == {"after"}
    run.give("after", 1)

    assert (run.state, run.states["double"]) == ("completed", "completed")
    check(stage)


def test_an_empty_map_is_completed_by_the_call_that_activates_it(stage: JobStage) -> None:
    run = started(
        stage,
        a_node("list"),
        a_map("one", "list", "list"),
        a_map("two", "one", "one"),
        a_map("gate", "two", "two", signal=True),
    )

    run.give("list", [])
    assert (run.states["one"], run.states["two"]) == ("completed", "completed")
    told = stage.run(deliver_signal, stage.org, run.id, "gate", b"1", ALL_QUEUES)

    assert (told.state, run.state, run.output) == ("completed", "completed", [])
    check(stage)


def test_a_run_of_empty_maps_alone_has_ended_when_it_is_stored(stage: JobStage) -> None:
    run = started(stage, a_map("one"), a_map("two", "one", "one"), input=[])

    assert (run.status, run.output) == ("completed", [])
    check(stage)


def test_one_call_looks_through_no_more_sources_than_it_may(stage: JobStage) -> None:
    maps = [a_map(f"map{number}") for number in range(3)]
    spaces = b"[" + b" " * LOOKED_BYTES_MAX + b"]"
    new = NewRun(name="w", document=a_document(*maps), options=RunOptions(input=spaces))
    begun = stage.run(start_run, stage.org, new, OPEN)
    assert begun.row["completed_jobs"] == 1

    stage.run_due()

    assert stage.value("SELECT status FROM workflows") == "completed"
    check(stage)


def test_one_call_completes_no_more_empty_maps_than_it_may(stage: JobStage) -> None:
    maps = [a_map("map0")]
    maps += [a_map(f"map{n}", f"map{n - 1}", f"map{n - 1}") for n in range(1, EMPTY_AT_ONCE + 2)]
    begun = stage.run(
        start_run,
        stage.org,
        NewRun(name="w", document=a_document(*maps), options=RunOptions(input=b"[]")),
        OPEN,
    )
    assert begun.row["completed_jobs"] == EMPTY_AT_ONCE

    stage.run_due()

    assert stage.value("SELECT status FROM workflows") == "completed"
    check(stage)


def test_items_inherit_what_their_step_says(stage: JobStage) -> None:
    run = started(
        stage,
        a_map("double", item_queue_name="numbers", max_retries=7, timeout_ms=5_000),
        input=[1],
        priority=9,
        headers={"trace": "t"},
    )

    [item] = take(stage, "numbers")

    assert (item["priority"], item["max_retries"], item["timeout_ms"]) == (9, 7, 5_000)
    assert (item["kind"], item["phase"], item["step_key"]) == ("item", "item", "double")
    assert item["headers"] == b'{"trace":"t"}'
    assert item["workflow_id"] is None
    assert run.states == {"double": "waiting_for_map_tasks"}


def test_items_of_a_delayed_run_wait_as_its_first_steps_do(stage: JobStage) -> None:
    run = started(stage, a_map("double"), input=[1, 2], delay_ms=60_000)
    assert take(stage, "double") == []

    stage.wait(seconds=60)

    assert double_all(run, "double") == 2
    assert run.output == [2, 4]
    check(stage)


def test_items_are_delayed_if_their_map_is_activated_when_the_run_is_stored(
    stage: JobStage,
) -> None:
    run = started(
        stage,
        a_node("never", condition="input.ok"),
        a_map("next", "input", "never", optional_deps=("never",)),
        a_map("gate", signal=True),
        input=[5],
        delay_ms=5_000,
    )
    stage.run(deliver_signal, stage.org, run.id, "gate", b"1", ALL_QUEUES)

    assert (len(take(stage, "next")), len(take(stage, "gate"))) == (0, 1)
    stage.wait(seconds=5)
    assert len(take(stage, "next")) == 1
    check(stage)


def test_an_item_that_fails_is_retried_alone(stage: JobStage) -> None:
    run = started(stage, a_map("double", max_retries=1), input=[1, 2])
    one, two = take(stage, "double")
    give_up(stage, one, "not yet")
    run.settle(two, 4)
    assert run.state == "started"

    stage.wait(seconds=3_600)
    double_all(run, "double")

    assert run.output == [2, 4]
    check(stage)


def test_an_item_out_of_retries_fails_its_step_its_run_and_all_other_items(
    stage: JobStage,
) -> None:
    run = started(stage, a_map("double", max_retries=0), a_node("after", "double"), input=[1, 2, 3])
    one, _ = take(stage, "double", 2)

    give_up(stage, one, "boom")
    stage.run_due()

    assert run.state == "failed"
    assert run.step("double")["last_error"] == "boom"
    items = items_of(stage, run, "double")
    assert [item["status"] for item in items] == ["deadletter", "cancelled", "cancelled"]
    assert {item["last_error"] for item in items} == {"boom"}
    assert items[1]["stop_reason"] == "workflow_failed"
    assert take(stage, "double") == []
    check(stage)


def test_only_some_items_are_open_at_once_and_the_others_follow(stage: JobStage) -> None:
    run = started(stage, a_map("double"), input=list(range(1_100)))
    stage.run_due()
    assert stage.value("SELECT count(*) FROM jobs WHERE claimable = 1") == 1_000

    assert double_all(run, "double") == 1_100

    assert run.output == [n * 2 for n in range(1_100)]
    check(stage)


def test_the_first_items_are_there_at_once_and_the_others_come_in_passes(stage: JobStage) -> None:
    run = started(stage, a_map("double"), input=list(range(600)))
    assert len(items_of(stage, run, "double")) == 250

    stage.run_pass(Deadline.ITEMS)
    assert len(items_of(stage, run, "double")) == 500
    stage.run_due()

    assert len(items_of(stage, run, "double")) == 600


def test_items_of_one_organization_do_not_wait_for_all_those_of_another(stage: JobStage) -> None:
    others = msgspec.json.encode(list(range(1_000)))
    new = NewRun(name="w", document=a_document(a_map("double")), options=RunOptions(input=others))
    other = stage.other_org()
    for _ in range(10):
        stage.run(start_run, other, new, OPEN)
    run = started(stage, a_map("double"), input=list(range(600)))

    for _ in range(4):
        stage.run_pass(Deadline.ITEMS)

    assert len(items_of(stage, run, "double")) == 600


def test_what_was_never_released_is_closed_in_passes(stage: JobStage) -> None:
    run = started(stage, a_map("double", max_retries=0), input=list(range(2_000)))
    stage.run_due()
    [job] = take(stage, "double", 1)

    give_up(stage, job, "boom")
    open_now = stage.value("SELECT count(*) FROM jobs WHERE kind = 'item' AND status = 'pending'")
    assert open_now == 1_000  # those that nobody could have got
    assert take(stage, "double") == []
    stage.run_due()

    assert run.state == "failed"
    assert stage.value("SELECT count(*) FROM jobs WHERE status = 'pending'") == 0
    check(stage)


def test_a_failed_run_that_is_retried_brings_back_what_had_not_been_completed(
    stage: JobStage,
) -> None:
    run = started(stage, a_map("double", max_retries=0), input=list(range(1_050)))
    stage.run_due()
    jobs = take(stage, "double", 3)
    run.settle(jobs[0], 0)
    run.settle(jobs[2], 4)
    give_up(stage, jobs[1], "boom")
    stage.run_due()
    assert run.state == "failed"

    stage.run(retry_workflow, stage.org, run.row["id"], ALL_QUEUES, None)
    stage.run_due()
    assert run.states == {"double": "waiting_for_map_tasks"}
    check(stage)

    assert double_all(run, "double") == 1_048
    assert run.output == [n * 2 for n in range(1_050)]
    check(stage)


def test_a_retry_goes_on_storing_where_the_failure_had_come_between(stage: JobStage) -> None:
    run = started(stage, a_map("double", max_retries=0), input=list(range(600)))
    [job] = take(stage, "double", 1)  # 250 are stored
    give_up(stage, job, "boom")
    stage.run_due()

    stage.run(retry_workflow, stage.org, run.row["id"], ALL_QUEUES, None)
    stage.run_due()
    double_all(run, "double")

    assert run.output == [n * 2 for n in range(600)]
    check(stage)


def test_items_end_with_their_run_when_another_step_of_it_fails(stage: JobStage) -> None:
    run = started(stage, a_map("double"), a_node("other", max_retries=0), input=[1, 2])
    [held] = take(stage, "double", 1)
    other = run.take("other")

    give_up(stage, other, "elsewhere")

    assert run.state == "failed"
    assert [item["status"] for item in items_of(stage, run, "double")] == ["cancelled"] * 2
    with pytest.raises(LeaseExpired) as refused:
        run.settle(held, 2)
    assert (refused.value.details or {})["reason"] == "workflow_failed"
    check(stage)


def test_a_run_that_goes_on_after_failures_closes_only_the_step_of_the_item(
    stage: JobStage,
) -> None:
    document = a_document(
        a_map("double", max_retries=0), a_node("other"), failure_policy="continue"
    )
    run = started(stage, document=document, input=[1, 2])
    one, _ = take(stage, "double")

    give_up(stage, one, "boom")
    assert run.claimable == {"other"}
    run.give("other", 1)

    assert run.state == "failed"
    check(stage)


def test_many_workers_take_each_item_once(stage: JobStage) -> None:
    run = started(stage, a_map("double"), input=list(range(200)))
    taken: list[int] = []
    while batches := [jobs for _ in range(4) if (jobs := take(stage, "double", 7))]:
        for jobs in reversed(batches):
            for job in jobs:
                taken.append(job["item_index"] or 0)
                double(run, job)

    assert sorted(taken) == list(range(200))
    assert run.output == [n * 2 for n in range(200)]


def test_a_map_waits_for_what_it_ignores(stage: JobStage) -> None:
    run = started(
        stage,
        a_node("list"),
        a_node("gate"),
        a_map("double", "list", "list", "gate", ignore_output=("gate",)),
    )
    run.give("list", [1, 2])
    assert items_of(stage, run, "double") == []

    run.give("gate", "not read")
    double_all(run, "double")

    assert run.output == [2, 4]
