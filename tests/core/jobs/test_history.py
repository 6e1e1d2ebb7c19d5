import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.history import history
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle.retry import retry
from spooled_lite.core.lifecycle.settle import release
from spooled_lite.errors import NotFound
from tests.core.job_stage import JobStage

AT = "2027-01-15T08:00:{:02}.000Z"


def last(stage: JobStage, job: JobRow, lines: int = 1) -> list[tuple[str, str | None, object]]:
    return list(stage.history(job)[-lines:])


def test_a_creation_says_where_and_when(stage: JobStage) -> None:
    now, later = stage.enqueue(), stage.enqueue(delay_ms=5_000)

    details = {"queue": "emails", "status": "pending", "scheduled_at": None}
    assert last(stage, now) == [("created", None, details)]
    details = {"queue": "emails", "status": "scheduled", "scheduled_at": AT.format(5)}
    assert last(stage, later) == [("created", None, details)]


def test_a_claim_says_who_and_how_long(stage: JobStage) -> None:
    stage.enqueue()
    job = stage.take(worker_id="w-7")

    details = {
        "worker_id": "w-7",
        "lease_id": job["lease_id"],
        "lease_expires_at": AT.format(30),
    }
    assert last(stage, job) == [("claimed", "w-7", details)]


def test_a_release_says_whose_lease_it_was(stage: JobStage) -> None:
    stage.enqueue()
    job = stage.take(worker_id="w-7")

    stage.run(release, [job])

    details = {"worker_id": "w-7", "lease_id": job["lease_id"]}
    assert last(stage, job) == [("released", "w-7", details)]


def test_a_completion_says_how_long_it_took(stage: JobStage) -> None:
    stage.enqueue()
    job = stage.take(worker_id="w-7")
    stage.clock.advance(seconds=1.5)

    stage.complete(job)

    assert last(stage, job) == [("completed", "w-7", {"duration_ms": 1_500})]


def test_a_failure_that_is_retried_leaves_two_lines(stage: JobStage) -> None:
    stage.enqueue()
    job = stage.take(worker_id="w-7")

    stage.fail(job)

    assert last(stage, job, 2) == [
        ("failed", "w-7", {"error": "boom", "retry_count": 0, "will_retry": True}),
        ("retried", None, {"retry_count": 1, "next_run": AT.format(1), "reason": "boom"}),
    ]


def test_a_failure_for_good_leaves_two_lines(stage: JobStage) -> None:
    stage.enqueue(max_retries=1)
    stage.fail(stage.take())
    stage.clock.advance(seconds=1)
    job = stage.take(worker_id="w-7")

    stage.fail(job)

    assert last(stage, job, 2) == [
        ("failed", "w-7", {"error": "boom", "retry_count": 1, "will_retry": False}),
        ("deadlettered", "w-7", {"error": "boom", "total_retries": 1}),
    ]


def test_a_lease_that_runs_out_is_a_failure(stage: JobStage) -> None:
    stage.enqueue(max_retries=1)
    job = stage.take(worker_id="w-7")
    stage.wait(seconds=30)

    error = "Lease expired (worker timeout)"
    assert last(stage, job, 2) == [
        ("failed", "w-7", {"error": error, "retry_count": 0, "will_retry": True}),
        ("retried", None, {"retry_count": 1, "next_run": AT.format(30), "reason": error}),
    ]

    stage.take(worker_id="w-8")
    stage.wait(seconds=30)

    error = "Max retries exceeded after lease expiration"
    assert last(stage, job, 2) == [
        ("failed", "w-8", {"error": error, "retry_count": 1, "will_retry": False}),
        ("deadlettered", "w-8", {"error": error, "total_retries": 1}),
    ]


def test_a_cancellation_says_why_when_somebody_knows(stage: JobStage) -> None:
    job = stage.enqueue()

    stage.cancel(job)

    assert last(stage, job) == [("cancelled", None, {"reason": None})]


def test_a_retry_by_hand_is_a_line(stage: JobStage) -> None:
    job = stage.dead_letter()
    stage.clock.advance(seconds=7)

    stage.run(retry, stage.org, job["id"], ALL_QUEUES, None)

    details = {"retry_count": 1, "next_run": AT.format(7), "reason": "by call"}
    assert last(stage, job) == [("retried", None, details)]


def test_promotion_renewal_progress_and_priority_leave_no_line(stage: JobStage) -> None:
    job = stage.enqueue(delay_ms=1_000)

    stage.wait(seconds=1)

    assert stage.status(job["id"]) == "pending"
    assert stage.story(job) == ["created"]


def test_a_life_is_told_in_order(stage: JobStage) -> None:
    job = stage.enqueue(max_retries=1)
    stage.fail(stage.take())
    stage.wait(seconds=1)
    stage.fail(stage.take())
    stage.retry(job)
    stage.complete(stage.take())

    assert stage.story(job) == [
        "created", "claimed", "failed", "retried", "claimed", "failed", "deadlettered",
        "retried", "claimed", "completed",
    ]  # fmt: skip


# -- pages -----------------------------------------------------------------------------------


def page(stage: JobStage, job: JobRow, scope: Scope = ALL_QUEUES, **wanted: object) -> list[str]:
    asked = {"direction": "asc", "limit": 100, "offset": 0, **wanted}
    rows = stage.read(history, stage.org, job["id"], scope, **asked)  # type: ignore[arg-type]
    return [row["event_type"] for row in rows]


def test_a_page_is_cut_from_either_end(stage: JobStage) -> None:
    job = stage.completed()

    assert page(stage, job) == ["created", "claimed", "completed"]
    assert page(stage, job, direction="desc") == ["completed", "claimed", "created"]
    assert page(stage, job, limit=1, offset=1) == ["claimed"]
    assert page(stage, job, offset=3) == []


def test_the_history_of_a_job_that_is_not_here_is_not_found(stage: JobStage) -> None:
    job = stage.enqueue()
    unknown: JobRow = {**job, "id": "unknown"}

    with pytest.raises(NotFound):
        page(stage, job, Scope(["others"]))
    with pytest.raises(NotFound):
        page(stage, unknown)
