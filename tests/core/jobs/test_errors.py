"""Which errors are the same, and how they are counted with each change of a job."""

import pytest

from spooled_lite.core.jobs import error_groups
from spooled_lite.core.jobs.check import conservation
from spooled_lite.core.jobs.errors import (
    OTHERS,
    TITLE_CHARS_MAX,
    error_key,
    key_shown,
    shown_key,
    title_of,
)
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.settle import fail
from spooled_lite.core.maintenance.remove import delete_queue, purge_queue_pass
from spooled_lite.events import Deadline
from tests.core.job_stage import JobStage, holder


def failed(stage: JobStage, error: str, queue_name: str = "emails", may_retry: bool = True) -> str:
    """A new job whose attempt fails with this error."""
    stage.enqueue(queue_name, priority=50)
    job = stage.take(queue_name)
    stage.run(fail, stage.org, job["id"], holder(job), error, ALL_QUEUES, may_retry)
    job_id: str = job["id"]
    return job_id


def dead(stage: JobStage, error: str, queue_name: str = "emails") -> str:
    return failed(stage, error, queue_name, may_retry=False)


def counted(stage: JobStage) -> dict[str, tuple[int, int, int]]:
    """Dead letters, those put back, and those completed since, by title."""
    assert stage.read(conservation) == []
    return {
        row["title"]: (row["dead_count"], row["retried_count"], row["completed_count"])
        for row in stage.rows("SELECT * FROM error_groups ORDER BY title")
    }


@pytest.mark.parametrize(
    ("error", "title"),
    [
        ("HTTP 503 from api-1", "HTTP ? from api-?"),
        ("took longer than 1,000.5 s", "took longer than ? s"),
        ("KeyError: 'customer_81'\nTraceback: line 7", "KeyError: ?"),
        ('no "such" thing as `x`', "no ? thing as ?"),
        ("job 7d444840-9dc0-41d1-b245-5ffdce74fad2 is gone", "job ? is gone"),
        ("at 0xDEADbeef, commit 1a2b3c4d5e", "at ?, commit ?"),
        ("defaced facade", "defaced facade"),
        ("  \n leading space", "leading space"),
        ("", ""),
        ("x" * 600, "x" * TITLE_CHARS_MAX),
    ],
)
def test_what_differs_from_attempt_to_attempt_is_left_out(error: str, title: str) -> None:
    assert title_of(error) == title
    assert error_key(error) == error_key(title)


def test_keys_are_64_bits_and_are_shown_without_loss() -> None:
    keys = {error_key(f"error {letter}") for letter in "abcdefghij"}

    assert len(keys) == 10
    assert all(-(2**63) <= key < 2**63 for key in keys)
    assert all(key_shown(shown_key(key)) == key for key in keys)
    assert shown_key(-1) == "f" * 16
    for text in ("", "x" * 16, "f" * 15, "F" * 16):
        assert key_shown(text) is None


def test_a_dead_letter_is_counted_until_it_leaves(stage: JobStage) -> None:
    first, second = dead(stage, "HTTP 503"), dead(stage, "HTTP 504")
    dead(stage, "boom")
    assert counted(stage) == {"HTTP ?": (2, 0, 0), "boom": (1, 0, 0)}

    stage.retry(stage.job(first))
    assert counted(stage)["HTTP ?"] == (1, 1, 0)
    stage.complete(stage.take())
    assert counted(stage)["HTTP ?"] == (1, 1, 1)
    stage.retry(stage.job(second))
    job = stage.take()
    stage.run(fail, stage.org, job["id"], holder(job), "boom", ALL_QUEUES, may_retry=False)
    assert counted(stage) == {"HTTP ?": (0, 2, 1), "boom": (2, 0, 0)}
    stage.run(purge_queue_pass, stage.org, "emails")
    assert counted(stage) == {"HTTP ?": (0, 2, 1), "boom": (0, 0, 0)}


def test_a_job_that_is_retried_by_itself_is_no_dead_letter_that_was_put_back(
    stage: JobStage,
) -> None:
    stage.configure(backoff_base_seconds=0.0)
    failed(stage, "boom")
    stage.run_due()

    stage.complete(stage.take())

    assert counted(stage) == {"boom": (0, 0, 0)}


def test_a_lease_that_ran_out_is_an_error_as_well(stage: JobStage) -> None:
    stage.enqueue(max_retries=0)
    stage.take()
    stage.wait(seconds=31)

    [(title, counts)] = counted(stage).items()

    assert "lease" in title.lower()
    assert counts == (1, 0, 0)


def test_too_many_different_errors_of_a_queue_are_counted_together(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(error_groups, "GROUPS_MAX", 2)
    for error in ("a", "b", "c", "d", "a"):
        dead(stage, error)
    dead(stage, "c", "other")

    assert {row["error_key"] for row in stage.rows("SELECT * FROM jobs")} == {
        error_key("a"),
        error_key("b"),
        error_key("c"),
        OTHERS,
    }
    assert counted(stage) == {
        "Other errors": (2, 0, 0), "a": (2, 0, 0), "b": (1, 0, 0), "c": (1, 0, 0),
    }  # fmt: skip


def test_groups_go_with_their_queue_and_with_time(stage: JobStage) -> None:
    dead(stage, "stays")
    stage.configure(backoff_base_seconds=0.0)
    failed(stage, "goes")
    dead(stage, "of a queue", "deleted")
    stage.run(delete_queue, stage.org, "deleted", delete_jobs=True)
    stage.run_due(Deadline.DELETION)
    assert set(counted(stage)) == {"stays", "goes"}

    stage.wait(seconds=8 * 86_400)

    assert set(counted(stage)) == {"stays"}
    assert stage.rows("SELECT * FROM minute_histograms") == []


def test_a_wrong_count_is_found(stage: JobStage) -> None:
    dead(stage, "boom")
    stage.run(lambda tx: tx.execute("UPDATE error_groups SET dead_count = 3"))

    assert stage.read(conservation) == [
        "queue emails: 3 dead letters by the counter of an error, 1 rows (boom)"
    ]
    stage.run(lambda tx: tx.execute("DELETE FROM error_groups"))
    assert stage.read(conservation) == ["1 dead letters are counted by no error"]
