from typing import Any

from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.reap import reap_expired_leases
from spooled_lite.core.workers import statements
from spooled_lite.core.workers.heartbeat import heartbeat
from spooled_lite.core.workers.query import get_worker, list_workers
from spooled_lite.core.workers.records import NewWorker, SignOfLife
from spooled_lite.core.workers.register import deregister, register
from spooled_lite.core.workers.sweep import (
    forget_old_workers,
    set_back_heartbeats,
    sweep_silent_workers,
)
from spooled_lite.storage.statement import Statement, Value
from tests.core.stage import OPEN, Stage

WEEK_SECONDS = 7 * 24 * 3_600


def add(stage: Stage, worker_id: str = "w-1") -> None:
    stage.run(register, stage.org, NewWorker(queue_names=("emails",), worker_id=worker_id), OPEN)


def beat(stage: Stage, worker_id: str, status: str = "healthy", *, jobs: int = 0) -> None:
    sign = SignOfLife(status=status, current_jobs=jobs)
    stage.run(heartbeat, stage.org, worker_id, sign, ALL_QUEUES)


def status(stage: Stage, worker_id: str) -> str:
    found: str = stage.read(get_worker, stage.org, worker_id, ALL_QUEUES)["status"]
    return found


def counts(stage: Stage, worker_id: str = "w-1") -> tuple[int, int]:
    row = stage.read(get_worker, stage.org, worker_id, ALL_QUEUES)
    return row["jobs_processed"], row["jobs_failed"]


def test_a_worker_is_offline_after_two_silent_minutes_and_not_before(stage: Stage) -> None:
    add(stage)
    stage.happened()
    stage.clock.advance(seconds=119.999)
    early = stage.run(sweep_silent_workers)
    assert status(stage, "w-1") == "healthy"

    stage.clock.advance(seconds=0.001)
    swept = stage.run(sweep_silent_workers)

    assert (early.done, early.due_again_ms) == (0, stage.clock.now_ms())
    assert (swept.done, swept.due_again_ms) == (1, None)
    assert status(stage, "w-1") == "offline"
    assert stage.happened() == ["worker.offline"]


def test_a_sign_of_life_at_a_time_still_to_come_puts_the_sweep_off_no_longer(stage: Stage) -> None:
    stage.clock.advance(seconds=3_600)
    add(stage)
    stage.clock.advance(seconds=-3_600)

    assert stage.run(set_back_heartbeats)

    stage.clock.advance(seconds=120)
    assert stage.run(sweep_silent_workers).done == 1


def test_a_sign_of_life_puts_the_sweep_off(stage: Stage) -> None:
    add(stage)
    stage.clock.advance(seconds=100)
    beat(stage, "w-1", "degraded")
    stage.clock.advance(seconds=100)

    swept = stage.run(sweep_silent_workers)

    assert status(stage, "w-1") == "degraded"
    assert swept.due_again_ms == stage.clock.now_ms() + 20_000


def test_a_worker_is_busy_since_the_first_sign_of_life_that_names_jobs(stage: Stage) -> None:
    def busy_since() -> int | None:
        return stage.read(get_worker, stage.org, "w-1", ALL_QUEUES)["busy_since_ms"]

    add(stage)
    beat(stage, "w-1")
    assert busy_since() is None
    begun_ms = stage.clock.now_ms()
    beat(stage, "w-1", jobs=2)
    stage.clock.advance(seconds=10)
    beat(stage, "w-1", jobs=1)
    assert busy_since() == begun_ms

    add(stage)  # it registers again

    assert busy_since() is None


def test_draining_workers_are_left_alone(stage: Stage) -> None:
    add(stage)
    beat(stage, "w-1", "draining")
    stage.clock.advance(seconds=1_000)

    swept = stage.run(sweep_silent_workers)

    assert (swept.done, swept.due_again_ms) == (0, None)
    assert status(stage, "w-1") == "draining"


def test_a_sweep_leaves_jobs_to_their_leases(stage: Stage) -> None:
    add(stage)
    stage.clock.advance(seconds=110)
    stage.enqueue()
    [held] = stage.claim(worker_id="w-1")
    stage.clock.advance(seconds=10)

    stage.run(sweep_silent_workers)

    assert stage.status(held["id"]) == "processing"


def test_a_sweep_goes_in_passes(stage: Stage) -> None:
    for number in range(501):
        add(stage, f"w-{number}")
    stage.clock.advance(seconds=120)

    first = stage.run(sweep_silent_workers)
    second = stage.run(sweep_silent_workers)

    assert (first.done, first.due_again_ms) == (500, stage.clock.now_ms())
    assert (second.done, second.due_again_ms) == (1, None)


def test_offline_workers_are_forgotten_after_a_week(stage: Stage) -> None:
    for worker_id in ("gone", "draining", "back"):
        add(stage, worker_id)
    stage.run(deregister, stage.org, "gone", ALL_QUEUES)
    beat(stage, "draining", "draining")
    stage.clock.advance(seconds=WEEK_SECONDS)
    beat(stage, "back")
    assert stage.run(forget_old_workers, stage.org) == 0
    stage.clock.advance(seconds=0.001)

    assert stage.run(forget_old_workers, stage.other_org()) == 0
    assert stage.run(forget_old_workers, stage.org) == 1

    left = stage.read(list_workers, stage.org, ALL_QUEUES)
    assert [row["id"] for row in left] == ["back", "draining"]


def test_what_a_worker_did_is_counted(stage: Stage) -> None:
    add(stage)
    for _ in range(4):
        stage.enqueue(max_retries=1)
    first, second, third, _ = stage.claim(limit=4, worker_id="w-1")

    stage.complete(first)
    stage.fail(second)
    stage.fail(third, may_retry=False)
    stage.clock.advance(seconds=30)
    stage.run(reap_expired_leases)

    assert counts(stage) == (1, 3)


def test_what_several_workers_did_in_one_batch_is_counted_for_each(stage: Stage) -> None:
    add(stage, "w-1")
    add(stage, "w-2")
    for _ in range(3):
        stage.enqueue()
    stage.claim(limit=2, worker_id="w-1")
    stage.claim(limit=1, worker_id="w-2")
    stage.clock.advance(seconds=30)

    stage.run(reap_expired_leases)

    assert counts(stage, "w-1") == (0, 2)
    assert counts(stage, "w-2") == (0, 1)


def test_the_work_of_somebody_who_never_registered_is_counted_for_nobody(stage: Stage) -> None:
    add(stage)
    stage.enqueue()
    [held] = stage.claim(worker_id="stranger")

    stage.complete(held)

    assert counts(stage) == (0, 0)


def test_registering_again_keeps_the_counts(stage: Stage) -> None:
    add(stage)
    stage.enqueue()
    [held] = stage.claim(worker_id="w-1")
    stage.complete(held)

    add(stage)

    assert counts(stage) == (1, 0)


def test_workers_are_found_by_index(stage: Stage) -> None:
    found: list[str | Statement[Any] | Value[Any]] = [
        statements.BY_ID,
        statements.MARK_SILENT,
        statements.NEXT_SILENCE,
        statements.FORGET_OLD,
        statements.NEWEST,
        statements.BY_SEQ,
    ]
    names = ["id", "org", "silent_since_ms", "now_ms", "limit", "before_ms", "before_seq", "seq"]
    params = dict.fromkeys([*names, "status", "queue_name", "text", "text_pattern"], 1)

    steps = [step for each in found for step in stage.plan(each, **params)]

    scans = [step for step in steps if step.startswith("SCAN") and "VIRTUAL TABLE" not in step]
    assert not [*scans, *(step for step in steps if "TEMP B-TREE" in step)]
