"""Generators: their producers add items, which are worked on meanwhile."""

import pytest

from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.reap import reap_expired_leases
from spooled_lite.core.lifecycle.step_items import ItemsAdded
from spooled_lite.core.steps.signal import deliver_signal
from spooled_lite.errors import Conflict, LeaseExpired, RuleBroken
from tests.core.job_stage import JobStage
from tests.core.steps.mapped import a_generator, add, double_all, give_up, take
from tests.core.workflows.graphs import check
from tests.core.workflows.runs import a_node, started


def test_items_are_worked_on_while_the_producer_still_runs(stage: JobStage) -> None:
    run = started(stage, a_generator("make"))
    producer = run.take("make")
    assert producer["phase"] == "generate"

    assert add(run, producer, 1, 2) == ItemsAdded(2, 2)
    assert double_all(run, "numbers") == 2
    assert run.states == {"make": "started"}
    assert add(run, producer, 3) == ItemsAdded(1, 3)
    run.settle(producer, "what the producer gives is not what the step gives")
    assert run.states == {"make": "waiting_for_map_tasks"}
    double_all(run, "numbers")

    assert (run.state, run.output) == ("completed", [2, 4, 6])
    check(stage)


def test_a_producer_that_is_last_ends_its_step(stage: JobStage) -> None:
    run = started(stage, a_generator("make"))
    producer = run.take("make")
    add(run, producer, 1)
    double_all(run, "numbers")

    run.settle(producer, "x" * 5_000)

    assert (run.state, run.output) == ("completed", [2])
    check(stage)


def test_a_generator_without_items_gives_an_empty_array(stage: JobStage) -> None:
    run = started(stage, a_generator("make"))

    run.give("make")

    assert (run.state, run.output) == ("completed", [])
    check(stage)


def test_a_batch_that_is_sent_again_adds_nothing(stage: JobStage) -> None:
    run = started(stage, a_generator("make"))
    producer = run.take("make")
    add(run, producer, 1, 2, offset=0)

    assert add(run, producer, 1, 2, offset=0) == ItemsAdded(0, 2)
    assert add(run, producer, 2, 3, offset=1) == ItemsAdded(1, 3)
    assert add(run, producer, 4) == ItemsAdded(1, 4)
    with pytest.raises(RuleBroken, match="at most 4"):
        add(run, producer, 9, offset=5)

    run.settle(producer)
    double_all(run, "numbers")
    assert run.output == [2, 4, 6, 8]


def test_a_lease_that_is_over_adds_nothing(stage: JobStage) -> None:
    run = started(stage, a_generator("make"))
    slow = run.take("make")
    stage.clock.advance(seconds=3_600)
    stage.run(reap_expired_leases)
    quick = run.take("make")

    with pytest.raises(LeaseExpired):
        add(run, slow, 1)
    assert add(run, quick, 1) == ItemsAdded(1, 1)


def test_only_the_producer_of_a_generator_adds_items(stage: JobStage) -> None:
    run = started(stage, a_node("plain"), a_generator("make"))

    with pytest.raises(Conflict, match="producer"):
        add(run, run.take("plain"), 1)
    run.give("make")


def test_a_producer_that_is_retried_keeps_the_items_it_has_made(stage: JobStage) -> None:
    run = started(stage, a_generator("make", max_retries=1))
    first = run.take("make")
    add(run, first, 1, 2, offset=0)
    give_up(stage, first, "not yet")
    assert double_all(run, "numbers") == 2
    assert run.state == "started"

    stage.wait(seconds=3_600)
    second = run.take("make")
    assert add(run, second, 1, 2, 3, offset=0) == ItemsAdded(1, 3)
    run.settle(second)
    double_all(run, "numbers")

    assert run.output == [2, 4, 6]
    check(stage)


def test_a_producer_out_of_retries_fails_the_step_with_its_items(stage: JobStage) -> None:
    run = started(stage, a_generator("make", max_retries=0))
    producer = run.take("make")
    add(run, producer, 1, 2)

    give_up(stage, producer, "no more")
    stage.run_due()

    assert run.state == "failed"
    assert double_all(run, "numbers") == 0
    check(stage)


def test_an_item_that_fails_for_good_takes_the_producer_with_it(stage: JobStage) -> None:
    run = started(stage, a_generator("make", max_retries=0))
    producer = run.take("make")
    add(run, producer, 1, 2)
    [item] = take(stage, "numbers", 1)

    give_up(stage, item, "boom")
    stage.run_due()

    assert (run.state, run.step("make")["last_error"]) == ("failed", "boom")
    with pytest.raises(LeaseExpired) as refused:
        add(run, producer, 3)
    assert refused.value.details is not None
    assert refused.value.details["reason"] == "workflow_failed"
    check(stage)


def test_an_item_that_fails_ends_a_generator_between_two_attempts(stage: JobStage) -> None:
    run = started(stage, a_generator("make", max_retries=1))
    producer = run.take("make")
    add(run, producer, 1)
    give_up(stage, producer, "not yet")
    [item] = take(stage, "numbers", 1)

    give_up(stage, item, "boom", may_retry=False)
    stage.run_due()

    assert run.state == "failed"
    check(stage)


def test_a_generator_waits_for_its_dependency_and_its_signal(stage: JobStage) -> None:
    run = started(stage, a_node("before"), a_generator("make", "before", signal=True))
    run.give("before", 3)
    assert run.states["make"] == "waiting_for_signal"

    stage.run(deliver_signal, stage.org, run.id, "make", b"2", ALL_QUEUES)
    producer = run.take("make")
    add(run, producer, *range(5))
    run.settle(producer)
    double_all(run, "numbers")

    assert run.output == [0, 2, 4, 6, 8]
    check(stage)
