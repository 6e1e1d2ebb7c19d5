"""Claims that choose the ids of their leases: contract amendments, G2."""

from typing import Any, Final

import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.lifecycle.claim import claim
from spooled_lite.core.lifecycle.named_leases import (
    FORGET_MAX,
    KEPT_MS,
    LeaseIdSpent,
    forget_named_leases,
)
from spooled_lite.core.lifecycle.settle import release
from spooled_lite.core.maintenance.remove import delete_queue
from spooled_lite.core.maintenance.remove_org import ROW_KEPT_MS, delete_organization
from spooled_lite.core.messages.records import NewMessage
from spooled_lite.core.messages.send import send
from tests.core.job_stage import JobStage
from tests.factories import a_claim

LEASE: Final = "2f0f1c8e-54a5-4d39-8f3b-0a4c9b7f6c11"


def claimed(stage: JobStage, lease_id: str | None = LEASE, **asked: Any) -> list[JobRow]:
    wanted = a_claim(lease_id=lease_id, **{"limit": 2, **asked})
    return stage.run(claim, stage.org, wanted)


def names(stage: JobStage) -> int:
    return len(stage.rows("SELECT * FROM named_leases"))


def test_a_claim_that_is_made_again_gets_the_same_jobs_unchanged(stage: JobStage) -> None:
    for priority in (0, 5, 0, 9):
        stage.enqueue(priority=priority)
    first = claimed(stage, limit=3)
    assert {row["lease_id"] for row in first} == {LEASE}
    stage.happened()
    stage.clock.advance(seconds=7)

    again = claimed(stage, limit=1)

    assert again == first
    assert stage.happened() == []
    assert [row["claims"] for row in again] == [1, 1, 1]
    assert again[0]["lease_expires_at_ms"] == first[0]["lease_expires_at_ms"]
    assert len(claimed(stage, lease_id=None)) == 1  # the one that was not handed out
    stage.check_books()


def test_it_gets_only_what_it_still_holds(stage: JobStage) -> None:
    for _ in range(3):
        stage.enqueue()
    one, two, three = claimed(stage, limit=3)
    stage.complete(one)
    stage.fail(three)

    assert [row["id"] for row in claimed(stage)] == [two["id"]]


def test_when_it_holds_nothing_any_more_it_gets_nothing_new(stage: JobStage) -> None:
    for _ in range(4):
        stage.enqueue()
    for job in claimed(stage):
        stage.complete(job)

    with pytest.raises(LeaseIdSpent):
        claimed(stage)

    stage.wait(seconds=KEPT_MS / 1000)
    stage.clock.advance(seconds=1)
    stage.run(forget_named_leases)
    assert len(claimed(stage)) == 2


def test_a_lease_that_is_over_is_not_held(stage: JobStage) -> None:
    stage.enqueue()
    claimed(stage)
    stage.clock.advance(seconds=30)

    with pytest.raises(LeaseIdSpent):
        claimed(stage)
    stage.run_due()
    stage.take(worker_id="w-2")
    with pytest.raises(LeaseIdSpent):
        claimed(stage)


def test_a_claim_that_found_nothing_may_be_made_again(stage: JobStage) -> None:
    assert claimed(stage) == []
    job = stage.enqueue()

    assert [row["id"] for row in claimed(stage)] == [job["id"]]


def test_the_lease_of_another_worker_or_organization_says_nothing(stage: JobStage) -> None:
    for _ in range(3):
        stage.enqueue()
    claimed(stage)

    with pytest.raises(LeaseIdSpent):
        claimed(stage, worker_id="w-2")

    ours, stage.org = stage.org, stage.other_org()
    assert claimed(stage) == []
    theirs = stage.enqueue()
    assert [row["id"] for row in claimed(stage)] == [theirs["id"]]
    stage.org = ours
    assert len(claimed(stage)) == 2


def test_it_is_the_same_claim_only_in_the_same_queue(stage: JobStage) -> None:
    stage.enqueue()
    stage.enqueue("others")
    claimed(stage)

    with pytest.raises(LeaseIdSpent):
        claimed(stage, queue_name="others")
    with pytest.raises(LeaseIdSpent):
        claimed(stage, kind="message")

    stage.run(delete_queue, stage.org, "emails", delete_jobs=True)
    with pytest.raises(LeaseIdSpent):
        claimed(stage)


def test_a_read_of_messages_can_be_made_again(stage: JobStage) -> None:
    stage.configure()
    messages = [NewMessage(body=b"1"), NewMessage(body=b"2")]
    stage.run(send, stage.org, "emails", messages, None)

    first = claimed(stage, kind="message")

    assert claimed(stage, kind="message") == first
    assert [row["claims"] for row in first] == [1, 1]


def test_jobs_that_did_not_reach_their_caller_are_claimed_anew(stage: JobStage) -> None:
    stage.enqueue()
    first = claimed(stage)

    assert stage.run(release, first) == 1

    assert names(stage) == 0
    [again] = claimed(stage)
    assert (again["id"], again["claims"], again["retry_count"]) == (first[0]["id"], 1, 0)


def test_jobs_that_were_given_out_again_do_not_go_back(stage: JobStage) -> None:
    """The first caller has gone, which is noticed only after the second one has its answer."""
    stage.enqueue()
    first = claimed(stage)
    second = claimed(stage)

    assert stage.run(release, first) == 0

    stage.complete(second[0])
    assert stage.status(first[0]["id"]) == "completed"
    assert claimed(stage, lease_id=None) == []


def test_claims_that_name_no_lease_leave_nothing_behind(stage: JobStage) -> None:
    stage.enqueue()
    claimed(stage, lease_id=None)

    assert names(stage) == 0


def test_old_names_are_forgotten_in_passes(stage: JobStage) -> None:
    for number in range(FORGET_MAX + 1):
        stage.enqueue()
        claimed(stage, lease_id=f"lease-{number}", limit=1)

    stage.clock.advance(seconds=KEPT_MS / 1000)
    assert stage.run(forget_named_leases) == 0
    stage.clock.advance(seconds=1)
    assert [stage.run(forget_named_leases) for _ in range(3)] == [FORGET_MAX, 1, 0]


def test_they_go_with_their_organization(stage: JobStage) -> None:
    stage.enqueue()
    claimed(stage)
    stage.run(delete_organization, stage.org, even_if_busy=True)

    stage.wait(seconds=ROW_KEPT_MS / 1000 + 1)

    assert names(stage) == 0
