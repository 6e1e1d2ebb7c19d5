import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.dead_letters import DeadLetters
from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.jobs.query import get_job
from spooled_lite.core.jobs.stats import job_stats
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle.depend import depend
from spooled_lite.core.maintenance.remove import (
    FROM_START,
    REMOVE_MAX,
    Purged,
    delete_queue,
    purge_dead_letters_pass,
    purge_queue_pass,
    remove_rows_of_deleted,
)
from spooled_lite.errors import Conflict, NotFound
from spooled_lite.storage.transaction import Tx
from tests.core.job_stage import JobStage, rows_of
from tests.core.stage import OPEN
from tests.core.store import NOW_MS
from tests.factories import a_job


def count(stage: JobStage, table: str = "jobs") -> int:
    rows: int = stage.value(f"SELECT count(*) FROM {table}")  # noqa: S608
    return rows


def many(stage: JobStage, number: int, queue_name: str = "emails") -> None:
    for at in range(0, number, 50):
        stage.bulk(*(a_job(queue_name=queue_name) for _ in range(min(50, number - at))))


def bury_all(stage: JobStage, queue_name: str = "emails") -> None:
    while jobs := stage.claim(queue_name, limit=100):
        for job in jobs:
            stage.fail(job, may_retry=False)


# -- dead letters ----------------------------------------------------------------------------


def purge_dead(stage: JobStage, scope: Scope = ALL_QUEUES, **wanted: object) -> Purged:
    chosen = DeadLetters(**{"limit": 10_000, **wanted})  # type: ignore[arg-type]
    return stage.run(purge_dead_letters_pass, stage.org, chosen, scope)


def test_dead_letters_are_purged_with_their_history_and_nothing_else_is(stage: JobStage) -> None:
    kept = [stage.completed(), stage.enqueue()]
    dead = stage.dead_letter(idempotency_key="k")
    stage.happened()

    assert purge_dead(stage) == Purged(1, None)

    assert stage.happened() == ["job.deleted"]
    assert stage.history(dead) == []
    assert [row["id"] for row in stage.rows("SELECT id FROM jobs ORDER BY seq")] == [
        job["id"] for job in kept
    ]
    assert stage.enqueue(idempotency_key="k")["id"] != dead["id"]
    stage.check_books()


def test_a_job_goes_with_what_it_waited_for_and_with_what_waited_for_it(stage: JobStage) -> None:
    parent = stage.enqueue("parents")
    child = stage.enqueue("children", parent_job_id=parent["id"])
    stage.enqueue("grandchildren", parent_job_id=child["id"])
    stage.complete(stage.take("parents"))
    stage.fail(stage.take("children"), may_retry=False)

    assert purge_dead(stage, queue_name="children") == Purged(1, None)

    assert count(stage, "jobs") == 2
    assert count(stage, "job_dependencies") == 0


def test_dead_letters_are_purged_in_passes_up_to_the_limit(stage: JobStage) -> None:
    many(stage, 250)
    bury_all(stage)

    assert purge_dead(stage, limit=120) == Purged(REMOVE_MAX, FROM_START)
    assert purge_dead(stage, limit=20) == Purged(20, None)
    assert purge_dead(stage) == Purged(REMOVE_MAX, FROM_START)
    assert purge_dead(stage) == Purged(30, None)
    stage.check_books()


def test_a_pass_ends_early_when_many_edges_go_with_its_jobs(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spooled_lite.core.maintenance.remove.EDGES_MAX", 30)
    parents = rows_of(stage.bulk(*(a_job(queue_name="parents") for _ in range(10))))
    for _ in range(4):
        child = stage.enqueue()
        ids = [parent["id"] for parent in parents]
        stage.run(depend, stage.org, child["id"], depends_on=ids, mode="all", scope=ALL_QUEUES)
    for job in stage.claim("parents", limit=10):
        stage.complete(job)
    bury_all(stage)

    assert purge_dead(stage) == Purged(3, FROM_START)
    assert count(stage, "job_dependencies") == 10
    assert purge_dead(stage) == Purged(1, None)
    assert count(stage, "job_dependencies") == 0
    stage.check_books()


def test_what_was_to_go_with_its_parent_and_stays_for_a_pass_does_not_wait_for_ever(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spooled_lite.core.maintenance.remove.EDGES_MAX", 6)
    parent = stage.enqueue()
    child = stage.enqueue(parent_job_id=parent["id"])
    for _ in range(3):
        stage.enqueue(parent_job_id=child["id"])

    first = stage.run(purge_queue_pass, stage.org, "emails")
    stage.run_due()

    # Should nobody come back for the rest, it has heard of the end of what it waited for.
    assert (first.count, first.after is None) == (3, False)
    assert [row["status"] for row in stage.rows("SELECT status FROM jobs")] == ["cancelled"] * 2
    stage.check_books()
    stage.check_claimable()


def test_a_purge_is_narrowed_by_queue_age_and_scope(stage: JobStage) -> None:
    stage.dead_letter("a")
    stage.dead_letter("b")
    stage.clock.advance(seconds=10)
    stage.dead_letter("a")

    assert purge_dead(stage, queue_name="unknown").count == 0
    assert purge_dead(stage, Scope(["b"]), queue_name="a").count == 0
    assert purge_dead(stage, queue_name="a", created_before_ms=NOW_MS + 10_000).count == 1
    assert purge_dead(stage, created_before_ms=NOW_MS).count == 0
    assert purge_dead(stage, Scope(["b"])).count == 1
    assert purge_dead(stage).count == 1


# -- the jobs of a queue ---------------------------------------------------------------------


def test_a_purged_queue_keeps_what_is_processed(stage: JobStage) -> None:
    stage.completed()
    stage.dead_letter()
    stage.enqueue(delay_ms=9_000)
    stage.enqueue()
    held = stage.take()
    stage.enqueue()
    elsewhere = stage.enqueue("elsewhere")

    assert stage.run(purge_queue_pass, stage.org, "emails") == Purged(4, None)

    assert [row["id"] for row in stage.rows("SELECT id FROM jobs ORDER BY seq")] == [
        held["id"],
        elsewhere["id"],
    ]
    stage.check_books()
    stage.complete(held)
    stage.check_books()


def test_a_queue_is_purged_in_passes_past_what_stays(stage: JobStage) -> None:
    many(stage, 150)
    stage.claim(limit=30)
    many(stage, 100)

    first = stage.run(purge_queue_pass, stage.org, "emails")
    assert first.count == REMOVE_MAX
    assert first.after is not None
    second = stage.run(purge_queue_pass, stage.org, "emails", first.after)
    assert second.after is not None
    third = stage.run(purge_queue_pass, stage.org, "emails", second.after)

    assert (second.count, third) == (REMOVE_MAX, Purged(20, None))
    assert count(stage) == 30
    stage.check_books()


def test_an_unknown_queue_is_not_purged(stage: JobStage) -> None:
    with pytest.raises(NotFound):
        stage.run(purge_queue_pass, stage.org, "unknown")


# -- a queue as a whole ----------------------------------------------------------------------


@pytest.mark.parametrize("status", ["pending", "scheduled", "processing"])
def test_a_queue_with_jobs_that_wait_or_run_is_deleted_on_demand_only(
    stage: JobStage, status: str
) -> None:
    stage.enqueue(delay_ms=9_000 if status == "scheduled" else None)
    if status == "processing":
        stage.take()

    with pytest.raises(Conflict):
        stage.run(delete_queue, stage.org, "emails", delete_jobs=False)

    stage.run(delete_queue, stage.org, "emails", delete_jobs=True)
    assert stage.usage("active_jobs") == 0


def test_a_queue_with_finished_jobs_only_is_deleted(stage: JobStage) -> None:
    stage.completed()

    stage.run(delete_queue, stage.org, "emails", delete_jobs=False)
    stage.run_due()

    assert (count(stage), count(stage, "queues")) == (0, 0)


def test_an_unknown_queue_is_not_deleted(stage: JobStage) -> None:
    with pytest.raises(NotFound):
        stage.run(delete_queue, stage.org, "unknown", delete_jobs=True)


def test_a_deleted_queue_is_hidden_at_once_and_its_name_is_free(stage: JobStage) -> None:
    job = stage.enqueue(idempotency_key="k")
    stage.enqueue(delay_ms=1_000)
    stage.take()
    stage.dead_letter()

    stage.run(delete_queue, stage.org, "emails", delete_jobs=True)

    assert count(stage) == 3  # the rows are there still
    with pytest.raises(NotFound):
        stage.read(get_job, stage.org, job["id"], ALL_QUEUES)
    assert stage.read(job_stats, stage.org, ALL_QUEUES)["total"] == 0
    assert stage.claim() == []
    assert stage.usage("active_jobs") == 0

    anew = stage.enqueue(idempotency_key="k")
    assert anew["id"] != job["id"]
    assert stage.read(job_stats, stage.org, ALL_QUEUES)["total"] == 1
    assert stage.usage("active_jobs") == 1
    assert stage.take()["id"] == anew["id"]


def test_nothing_happens_to_hidden_jobs_any_more(stage: JobStage) -> None:
    stage.enqueue(delay_ms=1_000)
    stage.enqueue(expires_at_ms=NOW_MS + 1_000)
    stage.enqueue()
    stage.take()
    stage.run(delete_queue, stage.org, "emails", delete_jobs=True)
    stage.happened()
    stage.clock.advance(seconds=60)

    for kind in stage.due_at_ms.copy():
        if kind.name in ("PROMOTION", "LEASE_END", "EXPIRY"):
            stage.run_pass(kind)

    assert stage.happened() == []


def test_the_rows_of_a_deleted_queue_go_in_passes_and_its_own_last(stage: JobStage) -> None:
    many(stage, 250)
    stage.claim(limit=10)
    stage.enqueue("kept")
    stage.run(delete_queue, stage.org, "emails", delete_jobs=True)

    passes = []
    while (done := stage.run(remove_rows_of_deleted)).due_again_ms is not None:
        passes.append(done.done)
        assert done.due_again_ms == stage.clock.now_ms()

    assert passes == [100, 100, 50, 1]
    assert [row["queue_name"] for row in stage.rows("SELECT queue_name FROM queues")] == ["kept"]
    assert count(stage) == 1
    assert count(stage, "job_history") == 1
    counters = "SELECT count(DISTINCT queue) FROM queue_counters WHERE queue > 0"
    assert stage.value(counters) == 1
    stage.check_books()


def test_two_queues_of_one_name_are_deleted_one_after_the_other(stage: JobStage) -> None:
    for _ in range(2):
        many(stage, 150)
        stage.run(delete_queue, stage.org, "emails", delete_jobs=True)
    stage.enqueue()

    stage.run_due()

    assert (count(stage), count(stage, "queues")) == (1, 1)
    stage.check_books()


def test_no_number_is_used_again_and_no_history_is_left_of_a_short_life(stage: JobStage) -> None:
    def purge_and_enqueue(tx: Tx) -> tuple[JobRow, JobRow]:
        first = enqueue(tx, stage.org, a_job(), OPEN, ALL_QUEUES).row
        purge_queue_pass(tx, stage.org, "emails")
        return first, enqueue(tx, stage.org, a_job(), OPEN, ALL_QUEUES).row

    first, second = stage.run(purge_and_enqueue)

    assert first["seq"] < second["seq"]
    assert stage.rows("SELECT 1 FROM job_history WHERE job = :job", job=first["seq"]) == []
    assert stage.story(second) == ["created"]
    stage.check_books()
