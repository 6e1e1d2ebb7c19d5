"""Queues that are deleted when their time has come. Contract: catbird-capabilities, Q1 and G1."""

import pytest

from spooled_lite.core.maintenance import remove
from spooled_lite.core.maintenance.remove import delete_expired_queues
from spooled_lite.core.maintenance.remove_org import remove_deleted
from spooled_lite.core.queues.configure import configure
from spooled_lite.core.queues.ensure import find_queue
from spooled_lite.core.queues.records import QueueChanges
from spooled_lite.core.topics.bind import bind
from spooled_lite.errors import RuleBroken
from spooled_lite.events import Deadline
from spooled_lite.storage.statement import Value
from tests.core.job_stage import JobStage
from tests.core.stage import OPEN
from tests.core.store import NOW_MS


def expiring(stage: JobStage, queue_name: str = "emails", in_ms: int = 5_000) -> None:
    stage.run(configure, stage.org, queue_name, QueueChanges(expires_in_ms=in_ms), OPEN)


def is_there(stage: JobStage, queue_name: str = "emails") -> bool:
    return stage.run(find_queue, stage.org, queue_name) is not None


def test_an_expired_queue_goes_with_all_that_it_has(stage: JobStage) -> None:
    stage.enqueue()
    stage.take()
    stage.enqueue(delay_ms=60_000)
    stage.enqueue("others")
    stage.run(bind, stage.org, ("queue", "emails"), "a.#")
    expiring(stage)
    assert stage.due_at_ms[Deadline.DELETION] == NOW_MS + 5_000

    stage.clock.advance(seconds=5)
    stage.run_due(Deadline.DELETION)

    assert (is_there(stage), is_there(stage, "others")) == (False, True)
    assert stage.run(lambda tx: tx.value(Value(int, "SELECT count(*) FROM jobs"))) == 1
    bindings = Value(int, "SELECT count(*) FROM bindings")
    assert stage.run(lambda tx: tx.value(bindings)) == 0
    assert stage.usage("active_jobs") == 1
    assert "queue.deleted" in stage.happened()


def test_the_loop_knows_when_the_next_queue_expires(stage: JobStage) -> None:
    expiring(stage, "late", in_ms=9_000)
    expiring(stage, "early", in_ms=4_000)

    done = stage.run(remove_deleted)

    assert (done.done, done.due_again_ms) == (0, NOW_MS + 4_000)


def test_many_expired_queues_are_deleted_in_passes(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remove, "REMOVE_MAX", 2)
    for n in range(5):
        expiring(stage, f"q{n}")
    stage.clock.advance(seconds=5)

    assert [stage.run(delete_expired_queues) for _ in range(4)] == [2, 2, 1, 0]


def test_an_expiry_that_is_taken_back_does_not_come(stage: JobStage) -> None:
    expiring(stage)
    stage.configure(expires_at_ms=None)
    stage.clock.advance(seconds=60)

    stage.run_due(Deadline.DELETION)

    assert is_there(stage)


def test_a_queue_cannot_expire_in_the_past(stage: JobStage) -> None:
    with pytest.raises(RuleBroken, match="expires_at"):
        stage.configure(expires_at_ms=NOW_MS)

    assert not is_there(stage)
