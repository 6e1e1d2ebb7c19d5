"""The type and the traceback of an error: kept as long as its text is, and apart from the row."""

import pytest

from spooled_lite.core.jobs.bodies import tracebacks
from spooled_lite.core.jobs.check import conservation
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.dead_letters import DeadLetters, find_dead_letters
from spooled_lite.core.jobs.records import (
    ERROR_TYPE_MAX,
    LEFT_OUT,
    TRACEBACK_BYTES_MAX,
    ErrorDetail,
)
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.settle import fail
from tests.core.job_stage import JobStage, holder

DETAIL = ErrorDetail.of("app.Timeout", "Traceback:\n  line 7\napp.Timeout: 30 s\n")


def failed(stage: JobStage, detail: ErrorDetail = DETAIL, *, may_retry: bool = True) -> JobRow:
    """A job whose first attempt failed."""
    job = stage.enqueue()
    again(stage, detail, may_retry=may_retry)
    return stage.job(job["id"])


def again(stage: JobStage, detail: ErrorDetail = DETAIL, *, may_retry: bool = True) -> None:
    job = stage.take()
    stage.run(fail, stage.org, job["id"], holder(job), "boom", ALL_QUEUES, may_retry, 0, detail)


def kept(stage: JobStage, job: JobRow) -> tuple[str | None, bytes | None]:
    row = stage.job(job["id"])
    found = stage.read(tracebacks, [row], TRACEBACK_BYTES_MAX).get(row["id"])
    stored: int = stage.value("SELECT count(*) FROM job_bodies WHERE which = 'traceback'")
    assert stored == (found is not None), "one that is not shown is not stored"
    assert row["traceback_bytes"] == (None if found is None else len(found))
    return row["error_type"], found


@pytest.mark.parametrize("may_retry", [True, False])
def test_they_are_kept_with_a_retry_and_with_a_dead_letter(
    stage: JobStage, may_retry: bool
) -> None:
    job = failed(stage, may_retry=may_retry)

    assert kept(stage, job) == ("app.Timeout", DETAIL.traceback)
    assert stage.read(conservation) == []


def test_the_next_error_takes_their_place_and_one_without_them_leaves_none(
    stage: JobStage,
) -> None:
    job = failed(stage)

    again(stage, ErrorDetail.of("app.Refused", "other"))
    assert kept(stage, job) == ("app.Refused", b"other")

    again(stage, ErrorDetail())
    assert kept(stage, job) == (None, None)


def test_a_lease_that_ends_leaves_none(stage: JobStage) -> None:
    job = failed(stage)
    stage.take(lease_ms=5_000)
    stage.wait(seconds=6)

    assert kept(stage, job) == (None, None)


def test_they_stay_with_the_text_of_the_error_when_a_retry_succeeds(stage: JobStage) -> None:
    job = failed(stage)
    stage.complete(stage.take())

    assert stage.job(job["id"])["last_error"] == "boom"
    assert kept(stage, job) == ("app.Timeout", DETAIL.traceback)


def test_a_retry_by_hand_clears_them_as_it_clears_the_text(stage: JobStage) -> None:
    job = failed(stage, may_retry=False)
    stage.retry(job)

    assert stage.job(job["id"])["last_error"] is None
    assert kept(stage, job) == (None, None)


def test_those_that_are_more_than_there_is_room_for_are_left_out(stage: JobStage) -> None:
    jobs = [failed(stage, ErrorDetail.of(None, "x" * 1_000), may_retry=False) for _ in range(3)]

    assert list(stage.read(tracebacks, jobs, 2_500)) == [job["id"] for job in jobs[:2]]


def test_what_a_deletion_frees_counts_its_bytes(stage: JobStage) -> None:
    failed(stage, ErrorDetail.of(None, "x" * TRACEBACK_BYTES_MAX), may_retry=False)

    [row] = stage.read(find_dead_letters, stage.org, DeadLetters(limit=1), ALL_QUEUES)

    assert row["size_bytes"] >= TRACEBACK_BYTES_MAX > row["row_bytes"]


@pytest.mark.parametrize(
    "given", ["x" * (TRACEBACK_BYTES_MAX + 1), "ß" * TRACEBACK_BYTES_MAX, "€" * 70_000]
)
def test_a_longer_traceback_loses_its_middle(given: str) -> None:
    traceback = ErrorDetail.of(None, f"begin{given}end").traceback

    assert traceback is not None
    assert TRACEBACK_BYTES_MAX - 8 <= len(traceback) <= TRACEBACK_BYTES_MAX
    text = traceback.decode()  # no character was cut in two
    assert text.startswith("begin")
    assert text.endswith("end")
    assert text.count(LEFT_OUT.decode()) == 1


def test_a_longer_type_is_cut_and_an_empty_one_is_none() -> None:
    assert ErrorDetail.of("E" * 300, "").error_type == "E" * ERROR_TYPE_MAX
    assert ErrorDetail.of("", "") == ErrorDetail()


def test_the_history_has_the_type_of_each_failure(stage: JobStage) -> None:
    job = failed(stage)
    again(stage, ErrorDetail(), may_retry=False)

    lines = [details for name, _, details in stage.history(job) if name == "failed"]

    assert [each.get("error_type") for each in lines] == ["app.Timeout", None]
    assert "error_type" not in lines[1]


def test_a_traceback_that_is_missing_is_found_by_the_check(stage: JobStage) -> None:
    job = failed(stage)
    stage.rows("DELETE FROM job_bodies WHERE which = 'traceback'")

    assert stage.read(conservation) == [f"job {job['id']}: its traceback is missing"]
