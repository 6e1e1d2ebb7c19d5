from typing import Any

import pytest

from spooled_lite.core.jobs.columns import Labels
from spooled_lite.core.jobs.enqueue import Enqueued, enqueue
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.maintenance.remove import delete_queue
from spooled_lite.core.queues.records import Admission
from spooled_lite.errors import AccessDenied, QuotaExceeded, RuleBroken
from spooled_lite.events import Deadline
from spooled_lite.plans import Caps
from tests.core.job_stage import JobStage
from tests.core.stage import OPEN, capped
from tests.core.store import NOW_MS
from tests.factories import a_job


def put(stage: JobStage, scope: Scope = ALL_QUEUES, **fields: Any) -> Enqueued:
    return stage.run(enqueue, stage.org, a_job(**fields), OPEN, scope)


# -- one job ---------------------------------------------------------------------------------


def test_a_job_waits_in_its_queue_and_can_be_claimed(stage: JobStage) -> None:
    job = stage.enqueue(payload=b'{"a": 1}', priority=7, job_type="mail")

    row = stage.job(job["id"])
    assert (row["status"], row["claimable"], row["payload"]) == ("pending", 1, b'{"a": 1}')
    assert (row["priority"], row["job_type"], row["retry_count"]) == (7, "mail", 0)
    assert row["created_at_ms"] == row["updated_at_ms"] == NOW_MS
    assert (stage.org, "emails") in stage.fed
    assert stage.happened() == ["queue.created", "job.created"]


def test_what_an_enqueue_answers_is_the_row_as_it_is_stored(stage: JobStage) -> None:
    fields: dict[str, Any] = {
        "delay_ms": 5_000,
        "expires_at_ms": NOW_MS + 9_000,
        "idempotency_key": "k",
        "tags": b'["a"]',
        "completion_webhook": "https://example.com",
        "completion_webhook_secret": "s",
        "parent_job_id": stage.enqueue("parents")["id"],
    }
    job = put(stage, **fields).row

    stored = stage.job(job["id"])
    assert dict(job) == dict(stored)


def test_limits_that_are_not_said_come_from_the_queue(stage: JobStage) -> None:
    stage.configure(max_retries=9, default_timeout=77)

    job = stage.enqueue()

    assert (job["max_retries"], job["timeout_seconds"]) == (9, 77)


def test_limits_that_are_said_win_over_the_queue(stage: JobStage) -> None:
    stage.configure(max_retries=9, default_timeout=77)

    job = stage.enqueue(max_retries=0, timeout_seconds=5)

    assert (job["max_retries"], job["timeout_seconds"]) == (0, 5)


def test_a_new_queue_has_the_defaults_of_the_server(stage: JobStage) -> None:
    admission = Admission(max_retries=5, timeout_seconds=60)

    job = stage.run(enqueue, stage.org, a_job(), admission, ALL_QUEUES).row

    assert (job["max_retries"], job["timeout_seconds"]) == (5, 60)


def test_a_later_change_of_the_queue_leaves_stored_jobs_alone(stage: JobStage) -> None:
    job = stage.enqueue()

    stage.configure(max_retries=9)

    assert stage.job(job["id"])["max_retries"] == 3


# -- time ------------------------------------------------------------------------------------


def test_a_delayed_job_is_scheduled_from_the_moment_it_is_stored(stage: JobStage) -> None:
    job = stage.enqueue(delay_ms=60_000)

    assert (job["status"], job["claimable"]) == ("scheduled", 0)
    assert job["scheduled_at_ms"] == job["run_at_ms"] == NOW_MS + 60_000
    assert stage.due_at_ms[Deadline.PROMOTION] == NOW_MS + 60_000
    assert stage.fed == set()


@pytest.mark.parametrize("at_ms", [NOW_MS - 1, NOW_MS, NOW_MS - 10**9])
def test_a_time_that_has_come_is_kept_and_delays_nothing(stage: JobStage, at_ms: int) -> None:
    job = stage.enqueue(scheduled_at_ms=at_ms)

    assert (job["status"], job["claimable"], job["scheduled_at_ms"]) == ("pending", 1, at_ms)
    assert Deadline.PROMOTION not in stage.due_at_ms


def test_a_delay_of_nothing_is_now(stage: JobStage) -> None:
    job = stage.enqueue(delay_ms=0)

    assert (job["status"], job["claimable"]) == ("pending", 1)


# -- idempotency -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status", ["pending", "scheduled", "processing", "completed", "deadletter", "cancelled"]
)
def test_a_key_finds_its_job_in_every_status(stage: JobStage, status: str) -> None:
    first = stage.enqueue(
        idempotency_key="k", delay_ms=9_000 if status == "scheduled" else None, max_retries=0
    )
    if status in ("processing", "completed", "deadletter"):
        job = stage.take()
        if status == "completed":
            stage.complete(job)
        if status == "deadletter":
            stage.fail(job)
    if status == "cancelled":
        stage.cancel(first)
    before = dict(stage.job(first["id"]))
    stage.happened()
    stage.clock.advance(seconds=1)

    repeat = put(stage, idempotency_key="k", payload=b'"other"', priority=50)

    assert (repeat.created, repeat.row["id"], repeat.row["status"]) == (False, first["id"], status)
    after = dict(stage.job(first["id"]))
    assert after == {**before, "updated_at_ms": NOW_MS + 1_000}
    assert stage.happened() == []
    stage.check_books()


def test_a_key_is_one_over_all_queues_and_a_repeat_makes_no_queue(stage: JobStage) -> None:
    first = put(stage, queue_name="a", idempotency_key="k")

    repeat = put(stage, queue_name="b", idempotency_key="k")

    assert (repeat.created, repeat.row["id"]) == (False, first.row["id"])
    assert stage.value("SELECT count(*) FROM queues") == 1


def test_organizations_do_not_share_keys(stage: JobStage) -> None:
    put(stage, idempotency_key="k")
    other = stage.other_org()

    theirs = stage.run(enqueue, other, a_job(idempotency_key="k"), OPEN, ALL_QUEUES)

    assert theirs.created


def test_the_key_of_a_job_of_a_deleted_queue_is_free_at_once(stage: JobStage) -> None:
    first = put(stage, queue_name="old", idempotency_key="k")
    stage.run(delete_queue, stage.org, "old", delete_jobs=True)

    second = put(stage, queue_name="new", idempotency_key="k")

    assert second.created
    assert second.row["id"] != first.row["id"]
    stage.run_due()
    assert not put(stage, idempotency_key="k").created
    stage.check_books()


def test_a_key_is_free_when_its_job_was_cancelled_and_kept_long_enough(stage: JobStage) -> None:
    stage.cancel(put(stage, idempotency_key="k").row)

    stage.wait(seconds=31 * 86_400)

    assert put(stage, idempotency_key="k").created


def test_two_creations_with_one_key_in_one_transaction_are_one_job(stage: JobStage) -> None:
    one, two = stage.bulk(a_job(idempotency_key="k"), a_job(idempotency_key="k"))

    assert isinstance(one, Enqueued)
    assert isinstance(two, Enqueued)
    assert (one.created, two.created) == (True, False)
    assert one.row["id"] == two.row["id"]


def test_a_key_does_not_show_a_job_outside_the_scope(stage: JobStage) -> None:
    put(stage, queue_name="theirs", idempotency_key="k")

    with pytest.raises(AccessDenied):
        put(stage, Scope(["mine"]), queue_name="mine", idempotency_key="k")


# -- parents ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["pending", "scheduled", "processing"])
def test_a_child_waits_for_a_parent_that_has_not_ended(stage: JobStage, status: str) -> None:
    parent = stage.enqueue(delay_ms=9_000 if status == "scheduled" else None)
    if status == "processing":
        stage.take()

    child = stage.enqueue(parent_job_id=parent["id"])

    assert (child["status"], child["dependencies_met"], child["claimable"]) == ("pending", 0, 0)
    assert child["parent_job_id"] == parent["id"]


def test_the_child_of_a_completed_parent_waits_for_nothing(stage: JobStage) -> None:
    parent = stage.completed()

    child = stage.enqueue(parent_job_id=parent["id"])

    assert (child["dependencies_met"], child["claimable"]) == (1, 1)


@pytest.mark.parametrize("ends", ["deadletter", "cancelled"])
def test_the_child_of_a_failed_parent_is_cancelled_at_once(stage: JobStage, ends: str) -> None:
    parent = stage.dead_letter() if ends == "deadletter" else stage.enqueue()
    if ends == "cancelled":
        stage.cancel(parent)

    child = stage.enqueue(parent_job_id=parent["id"])
    stage.run_due()

    row = stage.job(child["id"])
    assert (row["status"], row["claimable"]) == ("cancelled", 0)
    assert row["last_error"] == "Parent job failed or was deadlettered"
    stage.check_books()


def test_the_parent_may_be_in_another_queue(stage: JobStage) -> None:
    parent = stage.enqueue("a")

    child = stage.enqueue("b", parent_job_id=parent["id"])

    assert child["dependencies_met"] == 0


def test_a_parent_that_is_not_here_is_refused_and_nothing_is_stored(stage: JobStage) -> None:
    hidden = stage.enqueue("hidden")
    other = stage.other_org()
    foreign = stage.run(enqueue, other, a_job(), OPEN, ALL_QUEUES).row
    deleted = stage.enqueue("deleted")
    stage.run(delete_queue, stage.org, "deleted", delete_jobs=True)
    scope = Scope(["emails"])

    for parent in ("unknown", hidden["id"], foreign["id"], deleted["id"]):
        with pytest.raises(RuleBroken, match="parent_job_id"):
            put(stage, scope, parent_job_id=parent)

    assert stage.value("SELECT count(*) FROM jobs WHERE queue_name = 'emails'") == 1  # foreign


# -- caps ------------------------------------------------------------------------------------


def test_the_daily_cap_counts_jobs_of_this_day(stage: JobStage) -> None:
    admission = capped(jobs_per_day=1)
    stage.run(enqueue, stage.org, a_job(), admission, ALL_QUEUES)

    with pytest.raises(QuotaExceeded) as refused:
        stage.run(enqueue, stage.org, a_job(), admission, ALL_QUEUES)

    assert refused.value.details["resource"] == "jobs_per_day"
    assert refused.value.message.startswith("jobs per day limit reached (1/1)")
    stage.clock.advance(seconds=86_400)
    assert stage.run(enqueue, stage.org, a_job(), admission, ALL_QUEUES).created


def test_the_active_cap_counts_what_waits_and_runs(stage: JobStage) -> None:
    admission = capped(active_jobs=2)
    stage.enqueue(delay_ms=9_000)
    stage.enqueue()
    running = stage.take()

    with pytest.raises(QuotaExceeded, match="active jobs limit reached"):
        stage.run(enqueue, stage.org, a_job(), admission, ALL_QUEUES)

    stage.complete(running)
    assert stage.run(enqueue, stage.org, a_job(), admission, ALL_QUEUES).created


def test_caps_are_looked_at_in_their_order(stage: JobStage) -> None:
    stage.enqueue()
    orders: list[dict[str, int]] = [
        {"jobs_per_day": 1, "active_jobs": 1, "queues": 1},
        {"active_jobs": 1, "queues": 1},
        {"queues": 1},
    ]
    refused = []
    for caps in orders:
        with pytest.raises(QuotaExceeded) as error:
            stage.run(enqueue, stage.org, a_job(queue_name="new"), capped(**caps), ALL_QUEUES)
        refused.append(error.value.details["resource"])

    assert refused == ["jobs_per_day", "active_jobs", "queues"]


def test_the_queue_cap_lets_known_queues_in(stage: JobStage) -> None:
    stage.enqueue("known")

    assert stage.run(
        enqueue, stage.org, a_job(queue_name="known"), capped(queues=1), ALL_QUEUES
    ).created


def test_a_cap_of_nothing_refuses_and_a_cap_not_named_does_not(stage: JobStage) -> None:
    with pytest.raises(QuotaExceeded):
        stage.run(enqueue, stage.org, a_job(), capped(active_jobs=0), ALL_QUEUES)

    no_limits = Admission(caps=Caps("free", None, {}))
    assert stage.run(enqueue, stage.org, a_job(), no_limits, ALL_QUEUES).created


def test_a_repeat_counts_against_no_cap(stage: JobStage) -> None:
    first = put(stage, idempotency_key="k")

    repeat = stage.run(
        enqueue, stage.org, a_job(idempotency_key="k"), capped(active_jobs=0), ALL_QUEUES
    )

    assert (repeat.created, repeat.row["id"]) == (False, first.row["id"])


# -- many jobs -------------------------------------------------------------------------------


def test_a_bulk_call_stores_in_the_order_of_its_items(stage: JobStage) -> None:
    made = stage.bulk(*(a_job(payload=str(n).encode()) for n in range(100)))

    assert all(isinstance(each, Enqueued) and each.created for each in made)
    taken = stage.claim(limit=100)
    assert [row["payload"] for row in taken] == [str(n).encode() for n in range(100)]


def test_a_bad_item_is_left_out_alone(stage: JobStage) -> None:
    good, bad, also_good = stage.bulk(a_job(), a_job(parent_job_id="unknown"), a_job())

    assert isinstance(bad, RuleBroken)
    assert isinstance(good, Enqueued)
    assert isinstance(also_good, Enqueued)
    assert stage.counter("status.pending") == 2


def test_a_bulk_call_over_a_cap_is_refused_whole(stage: JobStage) -> None:
    for admission in (capped(active_jobs=2), capped(jobs_per_day=2), capped(queues=0)):
        with pytest.raises(QuotaExceeded):
            stage.bulk(a_job(), a_job(), a_job(), admission=admission)

    assert stage.value("SELECT count(*) FROM jobs") == 0
    assert stage.value("SELECT count(*) FROM queues") == 0


def test_a_bulk_call_counts_new_jobs_only(stage: JobStage) -> None:
    stage.enqueue(idempotency_key="old")

    made = stage.bulk(
        a_job(idempotency_key="old"),
        a_job(idempotency_key="new"),
        a_job(idempotency_key="new"),
        a_job(),
        admission=capped(active_jobs=3),
    )

    assert [each.created for each in made if isinstance(each, Enqueued)] == [
        False, True, False, True,
    ]  # fmt: skip


def test_a_bulk_call_of_repeats_makes_no_queue(stage: JobStage) -> None:
    stage.enqueue("known", idempotency_key="k")

    stage.bulk(a_job(queue_name="new", idempotency_key="k"), admission=capped(queues=1))

    assert stage.value("SELECT count(*) FROM queues") == 1


def test_an_item_of_a_bulk_call_can_be_the_child_of_a_job(stage: JobStage) -> None:
    parent = stage.enqueue()

    [child] = stage.bulk(a_job(parent_job_id=parent["id"]))

    assert isinstance(child, Enqueued)
    assert child.row["dependencies_met"] == 0


def test_jobs_whose_concurrency_key_is_held_count_against_no_cap(stage: JobStage) -> None:
    held, other = Labels(concurrency_key="k"), Labels(concurrency_key="m")
    first = put(stage, labels=held).row

    outcomes = stage.bulk(
        *(a_job(labels=each) for each in (held, other, other)), admission=capped(active_jobs=2)
    )
    again = stage.run(enqueue, stage.org, a_job(labels=held), capped(active_jobs=0), ALL_QUEUES)

    stored = [each.created for each in outcomes if isinstance(each, Enqueued)]
    assert stored == [False, True, False]
    assert (again.row["id"], again.created) == (first["id"], False)
