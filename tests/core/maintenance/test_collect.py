"""Passes over what is over. Contract: catbird-capabilities, G1 and G5."""

from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.maintenance.collect import Collected, collect_pass
from spooled_lite.core.queues.configure import configure
from spooled_lite.core.queues.records import QueueChanges
from spooled_lite.core.tasks.define import define_task
from spooled_lite.core.tasks.records import NewTaskRun, TaskDefinition
from spooled_lite.core.tasks.run import run_task
from tests.core.job_stage import JobStage
from tests.core.stage import OPEN


def passes(stage: JobStage, org: int | None = None, *, may_prune: bool = True) -> list[Collected]:
    done: list[Collected] = []
    while not done or not done[-1].is_through:
        done.append(stage.run(collect_pass, stage.org if org is None else org, may_prune))
    return done[:-1]


def with_something_over(stage: JobStage) -> None:
    stage.run(configure, stage.org, "short", QueueChanges(expires_in_ms=500), OPEN)
    stage.enqueue(expires_at_ms=stage.clock.now_ms() + 500)
    task = TaskDefinition(queue_name="charges", condition="input.n gt 0", retention_ms=500)
    stage.run(define_task, stage.org, "charge", task, ALL_QUEUES, None)
    for run in (NewTaskRun(input=b'{"n": 0}'), NewTaskRun(input=b'{"n": 1}', expires_in_ms=500)):
        stage.run(run_task, stage.org, "charge", run, OPEN, ALL_QUEUES)


def test_each_kind_has_its_pass_in_order(stage: JobStage) -> None:
    with_something_over(stage)
    assert passes(stage) == []

    stage.clock.advance(seconds=1)

    assert passes(stage) == [
        Collected(queues=1),
        Collected(task_runs=1),
        Collected(purged_runs=1),
    ]
    stage.check_books()


def test_other_organizations_and_rows_that_may_not_be_deleted_yet_stay(stage: JobStage) -> None:
    with_something_over(stage)
    stage.clock.advance(seconds=1)

    assert passes(stage, stage.other_org()) == []
    assert passes(stage, may_prune=False) == [Collected(queues=1), Collected(task_runs=1)]
