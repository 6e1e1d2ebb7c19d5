"""What is owed to very many webhooks is written with its cause, and their deliveries in passes."""

import json
from collections import Counter
from typing import Any, Final

import pytest

from spooled_lite.app import hooks
from spooled_lite.core.jobs.columns import NewJob
from spooled_lite.core.jobs.enqueue import enqueue, enqueue_bulk
from spooled_lite.core.jobs.passes import PASS_MAX
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.claim import claim
from spooled_lite.core.lifecycle.settle import complete
from spooled_lite.core.maintenance.remove_org import delete_organization
from spooled_lite.core.webhooks.clear import SWITCHED_OFF
from spooled_lite.core.webhooks.columns import WebhookRow
from spooled_lite.core.webhooks.outbox import BODIES_AT_ONCE_BYTES_MAX, DELIVERIES_AT_ONCE_MAX
from spooled_lite.core.webhooks.spread import spread_owed
from spooled_lite.core.webhooks.subscribe import WEBHOOKS_MAX, delete_webhook
from spooled_lite.events import Deadline
from spooled_lite.ids import Ids
from spooled_lite.storage.transaction import Batch, Tx
from tests.core.stage import OPEN
from tests.core.store import NOW_MS
from tests.core.webhooks.hook_stage import HookStage, StoredDelivery
from tests.factories import a_claim, a_job

JOBS: Final = 100  # as many as one call makes


def subscribe(stage: HookStage, count: int, *events: str) -> list[WebhookRow]:
    return [stage.subscribe(*events or ("job.created",)) for _ in range(count)]


def enqueue_many(stage: HookStage, count: int = JOBS) -> list[str]:
    jobs = [NewJob(queue_name="emails", payload=b"{}") for _ in range(count)]
    stored = stage.run(enqueue_bulk, stage.org, jobs, OPEN, ALL_QUEUES)
    return [each.row["id"] for each in stored]  # type: ignore[union-attr]


def waiting(stage: HookStage) -> int:
    """Events whose deliveries are not all written."""
    count: int = stage.value("SELECT count(*) FROM owed_events")
    return count


def pairs(stage: HookStage) -> Counter[tuple[int | None, str | None]]:
    return Counter((row["webhook"], row["job_id"]) for row in stage.owed())


def test_many_jobs_for_many_webhooks_are_told_each_to_each_once(stage: HookStage) -> None:
    webhooks = subscribe(stage, 40)

    ids = enqueue_many(stage)

    assert len(stage.owed()) <= DELIVERIES_AT_ONCE_MAX
    assert waiting(stage) > 0
    assert stage.due_at_ms[Deadline.SPREADING] == NOW_MS

    stage.run_due(Deadline.SPREADING)

    assert waiting(stage) == 0
    assert pairs(stage) == {(webhook["seq"], job_id): 1 for webhook in webhooks for job_id in ids}
    assert len({row["id"] for row in stage.owed()}) == 40 * JOBS


def test_queues_that_come_about_on_the_way_do_not_lift_the_bound(stage: HookStage) -> None:
    webhooks = subscribe(stage, 40)
    jobs = [NewJob(queue_name=f"new-{number}", payload=b"{}") for number in range(JOBS)]

    stored = stage.run(enqueue_bulk, stage.org, jobs, OPEN, ALL_QUEUES)

    assert len(stage.owed()) <= DELIVERIES_AT_ONCE_MAX
    stage.run_due(Deadline.SPREADING)
    ids = [each.row["id"] for each in stored]  # type: ignore[union-attr]
    assert pairs(stage) == {(webhook["seq"], job_id): 1 for webhook in webhooks for job_id in ids}


def test_a_claim_of_a_rate_limited_queue_does_not_lift_the_bound(stage: HookStage) -> None:
    subscribe(stage, DELIVERIES_AT_ONCE_MAX, "job.started")
    for _ in range(2):
        stage.enqueue()
    stage.configure(rate_limit=100)

    def twice(tx: Tx) -> None:
        for _ in range(2):
            assert claim(tx, stage.org, a_claim())

    stage.run(twice)

    assert (len(stage.owed()), waiting(stage)) == (DELIVERIES_AT_ONCE_MAX, 1)


def test_a_thousand_subscriptions_are_told_of_one_event(stage: HookStage) -> None:
    webhooks = subscribe(stage, WEBHOOKS_MAX)

    job = stage.enqueue()
    assert stage.owed() == []
    passes = [stage.run_pass(Deadline.SPREADING) for _ in range(3)]

    assert passes == [PASS_MAX, PASS_MAX, 0]
    assert pairs(stage) == {(webhook["seq"], job["id"]): 1 for webhook in webhooks}


def test_a_delivery_is_the_same_however_it_was_written(stage: HookStage) -> None:
    subscribe(stage, 300)
    enqueue_many(stage, 2)  # the first event is written at once, the second is not

    stage.run_due(Deadline.SPREADING)

    at_once, later = stage.owed()[0], stage.owed()[-1]
    own = ("seq", "id", "webhook", "job_id", "endpoint", "body")
    same_columns = [{**dict(each), **dict.fromkeys(own)} for each in (at_once, later)]
    assert same_columns[0] == same_columns[1]
    assert (later["status"], later["endpoint"]) == ("pending", str(later["webhook"]))
    first, last = (json.loads(each["body"]) for each in (at_once, later))
    assert list(first) == list(last)
    assert (last["id"], last["event"]) == (later["id"], "job.created")
    assert last["data"] == {**first["data"], "job_id": later["job_id"]}
    [org_id] = stage.rows("SELECT id FROM organizations WHERE seq = :org", org=stage.org)
    assert last["organization_id"] == org_id["id"]


def test_they_are_due_when_their_event_was(stage: HookStage) -> None:
    subscribe(stage, DELIVERIES_AT_ONCE_MAX + 1)
    stage.enqueue()
    stage.clock.advance(seconds=5)
    stage.due_at_ms.pop(Deadline.DELIVERY, None)

    stage.run_due(Deadline.SPREADING)

    times = {(row["created_at_ms"], row["next_attempt_at_ms"]) for row in stage.owed()}
    assert times == {(NOW_MS, NOW_MS)}
    assert stage.due_at_ms[Deadline.DELIVERY] == NOW_MS + 5_000


def test_each_operation_of_a_batch_writes_as_many_itself(stage: HookStage) -> None:
    subscribe(stage, DELIVERIES_AT_ONCE_MAX)

    def one(tx: Tx) -> None:
        enqueue(tx, stage.org, a_job(), OPEN, ALL_QUEUES)

    batch = Batch(stage._connection, hooks(), Ids(2))
    stage._connection.execute("BEGIN IMMEDIATE")
    for _ in range(2):
        batch.run(NOW_MS, one)
    stage._connection.execute("COMMIT")

    assert (len(stage.owed()), waiting(stage)) == (2 * DELIVERIES_AT_ONCE_MAX, 0)


def test_large_results_are_written_a_few_at_a_time(stage: HookStage) -> None:
    result = json.dumps("x" * 1_000_000).encode()
    at_a_time = BODIES_AT_ONCE_BYTES_MAX // len(result)
    subscribe(stage, 10, "job.completed")
    job = stage.enqueue()
    stage.claim()

    stage.run(complete, stage.org, job["id"], Claimant(), result, ALL_QUEUES)
    passes: list[int] = []
    while waiting(stage):
        passes.append(stage.run_pass(Deadline.SPREADING))

    assert sum(passes) == len(stage.owed()) == 10
    assert max(passes) <= at_a_time + 1
    assert all(len(row["body"]) > 1_000_000 for row in stage.owed())


def test_a_cause_that_is_undone_owes_nothing_later_either(stage: HookStage) -> None:
    subscribe(stage, DELIVERIES_AT_ONCE_MAX + 1)

    def undone(tx: Tx) -> None:
        enqueue(tx, stage.org, a_job(), OPEN, ALL_QUEUES)
        raise LookupError

    with pytest.raises(LookupError):
        stage.run(undone)

    assert (waiting(stage), stage.owed()) == (0, [])


def test_a_pass_that_is_cut_off_leaves_everything_to_the_next(stage: HookStage) -> None:
    webhooks = subscribe(stage, WEBHOOKS_MAX)
    job = stage.enqueue()
    stage.run_pass(Deadline.SPREADING)
    before = stage.owed()

    def cut_off(tx: Tx) -> None:
        spread_owed(tx)
        raise LookupError

    with pytest.raises(LookupError):
        stage.run(cut_off)

    assert stage.owed() == before
    stage.run_pass(Deadline.SPREADING)
    assert pairs(stage) == {(webhook["seq"], job["id"]): 1 for webhook in webhooks}


# -- changes between the event and its deliveries --------------------------------------------


def owed_to(stage: HookStage, webhook: WebhookRow) -> list[StoredDelivery]:
    return [row for row in stage.owed() if row["webhook"] == webhook["seq"]]


def test_told_are_those_that_had_asked_for_it_by_then(stage: HookStage) -> None:
    first, *others = subscribe(stage, DELIVERIES_AT_ONCE_MAX + 1)
    stage.enqueue()

    stage.change(first, events='["job.failed"]')
    late = stage.subscribe("job.created")
    stage.run_due(Deadline.SPREADING)

    assert len(owed_to(stage, first)) == 1
    assert owed_to(stage, late) == []
    assert len(stage.owed()) == len(others) + 1


def test_one_that_is_off_by_then_has_a_failed_delivery(stage: HookStage) -> None:
    off, *_ = subscribe(stage, DELIVERIES_AT_ONCE_MAX + 1)
    stage.enqueue()

    stage.change(off, enabled=0)
    stage.run_due()

    [row] = owed_to(stage, off)
    assert (row["status"], row["error"], row["attempts"]) == ("failed", SWITCHED_OFF, 0)
    assert row["next_attempt_at_ms"] is None
    assert json.loads(row["body"])["webhook_id"] == off["id"]


def test_one_that_is_deleted_by_then_has_none(stage: HookStage) -> None:
    gone, *others = subscribe(stage, DELIVERIES_AT_ONCE_MAX + 1)
    stage.enqueue()

    stage.run(delete_webhook, stage.org, gone["id"])
    stage.run_due()

    assert {row["webhook"] for row in stage.owed()} == {each["seq"] for each in others}
    assert waiting(stage) == 0


@pytest.mark.parametrize("spread_first", [True, False])
def test_a_deleted_organization_is_told_nothing_more(stage: HookStage, spread_first: bool) -> None:
    subscribe(stage, DELIVERIES_AT_ONCE_MAX + 1)
    stage.enqueue()
    stage.run(delete_organization, stage.org, even_if_busy=True)

    order: list[Any] = [Deadline.SPREADING, Deadline.DELETION]
    for kind in order if spread_first else reversed(order):
        stage.run_due(kind)

    assert (waiting(stage), stage.owed()) == (0, [])
