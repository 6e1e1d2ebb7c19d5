"""Large payloads and results: where they stand, and that they come back as they were stored."""

import logging

import pytest

from spooled_lite.core.jobs import bodies
from spooled_lite.core.jobs.bodies import (
    IN_ROW_BYTES_MAX,
    all_whole,
    body_bytes,
    is_whole,
    whole,
    whole_while_room,
)
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.settle import complete, give_up
from spooled_lite.errors import BodyDamaged
from tests.core.job_stage import JobStage, holder
from tests.factories import a_job

LARGE = b'"' + b"x" * IN_ROW_BYTES_MAX + b'"'
SMALL = b'"' + b"x" * (IN_ROW_BYTES_MAX - 2) + b'"'


def stored(stage: JobStage, job: JobRow) -> tuple[bytes | None, int | None]:
    [row] = stage.rows("SELECT payload, payload_bytes FROM jobs WHERE id = :id", id=job["id"])
    return row["payload"], row["payload_bytes"]


def body_count(stage: JobStage) -> int:
    count: int = stage.value("SELECT count(*) FROM job_bodies")
    return count


def completed_with(stage: JobStage, result: bytes) -> JobRow:
    stage.enqueue()
    job = stage.take()
    stage.run(complete, stage.org, job["id"], holder(job), result, ALL_QUEUES)
    return stage.job(job["id"])


def test_a_payload_of_two_kibibytes_stands_in_its_row_and_a_longer_one_apart(
    stage: JobStage,
) -> None:
    small, large = stage.enqueue(payload=SMALL), stage.enqueue(payload=LARGE)

    assert stored(stage, small) == (SMALL, None)
    assert stored(stage, large) == (None, len(LARGE))
    assert body_count(stage) == 1
    assert large["payload"] == LARGE  # the answer to the one who stored it


@pytest.mark.parametrize("payload", [SMALL, LARGE, LARGE * 500])
def test_a_payload_comes_back_byte_for_byte(stage: JobStage, payload: bytes) -> None:
    job = stage.job(stage.enqueue(payload=payload)["id"])

    found = stage.read(whole, job)

    assert found is not None
    assert found["payload"] == payload
    assert body_bytes(job) == len(payload)
    assert found["id"] == job["id"]


@pytest.mark.parametrize("result", [b"1", LARGE])
def test_a_result_comes_back_byte_for_byte_and_is_told_with_the_event(
    stage: JobStage, result: bytes
) -> None:
    job = completed_with(stage, result)

    found = stage.read(whole, job)

    assert found is not None
    assert found["result"] == result
    [event] = [each for each in stage.events if each.type == "job.completed"]
    assert event.row["result"] == result
    assert is_whole(job) == (result is not LARGE)


def test_steps_of_a_bulk_and_of_one_call_are_stored_alike(stage: JobStage) -> None:
    stage.bulk(a_job(payload=LARGE), a_job(payload=SMALL))

    assert body_count(stage) == 1


def test_no_change_of_a_status_writes_a_body_again(stage: JobStage) -> None:
    stage.enqueue(payload=LARGE)
    before = stage.rows("SELECT * FROM job_bodies")

    job = stage.take()
    stage.fail(job)
    stage.wait(seconds=120)
    again = stage.take()

    assert again["payload"] is None
    assert [tuple(row) for row in stage.rows("SELECT * FROM job_bodies")] == [
        tuple(row) for row in before
    ]


def test_a_body_goes_with_its_job(stage: JobStage) -> None:
    job = completed_with(stage, LARGE)

    stage.rows("DELETE FROM jobs WHERE seq = :seq", seq=job["seq"])

    assert body_count(stage) == 0
    assert stage.read(whole, job) is None


def test_a_job_that_got_the_number_of_a_deleted_one_never_lends_its_body(stage: JobStage) -> None:
    job = stage.job(stage.enqueue(payload=LARGE)["id"])
    stage.rows("DELETE FROM jobs WHERE seq = :seq", seq=job["seq"])
    stage.rows("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'jobs'")
    other = stage.enqueue(payload=LARGE.replace(b"x", b"y"))
    assert other["seq"] == job["seq"]

    assert stage.read(whole, job) is None


def test_a_damaged_body_is_an_error_and_one_line_of_the_log(
    stage: JobStage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "_logged", set())  # jobs of other tests have the same ids
    job = stage.job(stage.enqueue(payload=LARGE)["id"])
    stage.rows("UPDATE job_bodies SET body = :body", body=LARGE.replace(b"x", b"y", 1))

    with caplog.at_level(logging.CRITICAL):
        for _ in range(3):
            with pytest.raises(BodyDamaged, match="The payload of this job is damaged"):
                stage.read(whole, job)

    [line] = caplog.messages
    assert job["id"] in line


def test_a_missing_body_is_a_damaged_one(stage: JobStage) -> None:
    job = stage.job(stage.enqueue(payload=LARGE)["id"])
    stage.rows("DELETE FROM job_bodies")

    with pytest.raises(BodyDamaged):
        stage.read(whole, job)


def test_one_damaged_body_leaves_its_neighbours_whole(stage: JobStage) -> None:
    jobs = [stage.job(stage.enqueue(payload=LARGE)["id"]) for _ in range(3)]
    stage.rows("UPDATE job_bodies SET checksum = 1 WHERE job = :job", job=jobs[1]["seq"])

    first, second, third = stage.read(all_whole, jobs)
    page = stage.read(whole_while_room, jobs, 10**6)

    assert isinstance(second, BodyDamaged)
    assert [type(each) for each in (first, third)] == [type(page[0]), type(page[2])]
    assert [is_whole(each) for each in page] == [True, False, True]


def test_a_page_holds_the_bodies_there_is_room_for(stage: JobStage) -> None:
    payloads = [LARGE, LARGE * 2, SMALL, LARGE]
    jobs = [stage.job(stage.enqueue(payload=each)["id"]) for each in payloads]

    page = stage.read(whole_while_room, jobs, 2 * len(LARGE))

    assert [row["payload"] for row in page] == [LARGE, None, SMALL, LARGE]


def test_a_claimed_job_that_is_given_up_is_a_dead_letter_whatever_retries_it_has(
    stage: JobStage,
) -> None:
    stage.enqueue(payload=LARGE, max_retries=5)
    job = stage.take()

    stage.run(give_up, [job], "damaged")
    stage.run(give_up, [job], "damaged again")  # it is not held any more

    now = stage.job(job["id"])
    assert (now["status"], now["last_error"], now["retry_count"]) == ("deadletter", "damaged", 0)
    stage.check_books()
