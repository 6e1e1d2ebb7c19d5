import pytest

from spooled_lite.core.jobs.priority import set_priority
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.errors import NotFound
from tests.core.job_stage import JobStage
from tests.core.store import NOW_MS


def test_a_waiting_job_moves_ahead(stage: JobStage) -> None:
    stage.enqueue(priority=10)
    job = stage.enqueue(priority=3)
    stage.clock.advance(seconds=1)
    stage.happened()

    before, row = stage.run(set_priority, stage.org, job["id"], 20, ALL_QUEUES)

    assert (before, row["priority"], row["updated_at_ms"]) == (3, 20, NOW_MS + 1_000)
    assert stage.happened() == []
    assert stage.take()["id"] == job["id"]


def test_a_scheduled_job_keeps_its_time(stage: JobStage) -> None:
    job = stage.enqueue(delay_ms=5_000)

    stage.run(set_priority, stage.org, job["id"], 20, ALL_QUEUES)

    row = stage.job(job["id"])
    assert (row["status"], row["run_at_ms"]) == ("scheduled", NOW_MS + 5_000)


def test_a_job_that_does_not_wait_or_is_not_here_is_not_found(stage: JobStage) -> None:
    done, dead = stage.completed(), stage.dead_letter()
    running = stage.enqueue()
    stage.take()
    waiting = stage.enqueue()
    other = stage.other_org()

    for org, job_id, scope in (
        (stage.org, done["id"], ALL_QUEUES),
        (stage.org, dead["id"], ALL_QUEUES),
        (stage.org, running["id"], ALL_QUEUES),
        (stage.org, "unknown", ALL_QUEUES),
        (other, waiting["id"], ALL_QUEUES),
        (stage.org, waiting["id"], Scope(["others"])),
    ):
        with pytest.raises(NotFound):
            stage.run(set_priority, org, job_id, 20, scope)
    assert stage.job(waiting["id"])["priority"] == 0
