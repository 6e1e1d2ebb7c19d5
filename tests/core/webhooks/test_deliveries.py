"""What is due to whom, the ladder, what a webhook remembers, and sending by hand."""

import json

import pytest

from spooled_lite.core.jobs.passes import PASS_MAX
from spooled_lite.core.maintenance.prune import SWEEP_MS
from spooled_lite.core.webhooks.columns import WebhookRow
from spooled_lite.core.webhooks.deliveries import (
    LAST_ENDPOINT,
    OwedPage,
    find_owed,
    find_to_retry,
    load,
    record,
    record_retry,
    trial_call,
)
from spooled_lite.core.webhooks.records import Attempt
from spooled_lite.core.webhooks.set_back import OwedPosition, set_back_deliveries
from spooled_lite.core.webhooks.subscribe import delete_webhook
from spooled_lite.errors import NotFound
from spooled_lite.events import Deadline
from tests.core.store import NOW_MS
from tests.core.webhooks.hook_stage import (
    ATTEMPTS_MAX,
    REFUSED,
    TAKEN,
    HookStage,
    StoredDelivery,
)

DAY = 24 * 60 * 60


def waiting(
    stage: HookStage, after: str = "", last: str = LAST_ENDPOINT, most: int = 100
) -> OwedPage:
    return stage.read(find_owed, after, last, most)


def endpoints(found: OwedPage) -> list[str]:
    return list(dict.fromkeys(each.endpoint for each in found.owed))


# -- what is due -----------------------------------------------------------------------------


def test_much_that_is_owed_to_one_hides_nothing_of_the_others(stage: HookStage) -> None:
    busy = stage.subscribe()
    for _ in range(300):
        stage.enqueue()
    stage.change(busy, events='["job.cancelled"]')
    quiet = stage.subscribe()
    stage.enqueue(priority=9, completion_webhook="https://Done.example.com:8443/x")
    stage.complete(stage.take())
    stage.enqueue()

    found = waiting(stage)

    assert endpoints(found) == ["//done.example.com", str(busy["seq"]), str(quiet["seq"])]
    assert len([each for each in found.owed if each.endpoint == str(busy["seq"])]) == 9


def test_endpoints_are_looked_at_in_parts(stage: HookStage) -> None:
    for _ in range(5):
        stage.subscribe()
    stage.enqueue()

    first = waiting(stage, most=3)
    assert first.after is not None
    second = waiting(stage, first.after, most=3)
    upto = waiting(stage, "", "3")

    assert (endpoints(first), first.after) == (["1", "2", "3"], "3")
    assert (endpoints(second), second.after) == (["4", "5"], None)
    assert (endpoints(upto), upto.after) == (["1", "2", "3"], None)


def test_one_that_is_not_due_says_when_it_is(stage: HookStage) -> None:
    stage.subscribe()
    stage.enqueue()
    stage.attempt(stage.owed()[0])

    [later] = waiting(stage).owed

    assert later.at_ms == NOW_MS + 1_000


def test_the_longest_due_comes_first(stage: HookStage) -> None:
    stage.subscribe()
    for _ in range(3):
        stage.enqueue()
        stage.clock.advance(seconds=1)
    first = stage.owed()[0]
    stage.attempt(first)

    order = [each.seq for each in waiting(stage).owed]

    assert order == [stage.owed()[1]["seq"], stage.owed()[2]["seq"], first["seq"]]


# -- the ladder ------------------------------------------------------------------------------


def test_five_attempts_one_two_four_and_eight_seconds_apart(stage: HookStage) -> None:
    webhook = stage.subscribe()
    stage.enqueue()
    [row] = stage.owed()
    waits: list[int] = []
    became: list[str | None] = []

    for _ in range(ATTEMPTS_MAX):
        assert stage.call(row).attempt == len(became) + 1
        became.append(stage.attempt(row))
        again_ms = stage.delivery(row)["next_attempt_at_ms"]
        if again_ms is not None:
            waits.append(again_ms - stage.clock.now_ms())
            stage.clock.set(again_ms)

    assert waits == [1_000, 2_000, 4_000, 8_000]
    assert became == ["pending"] * 4 + ["failed"]
    after = stage.delivery(row)
    assert (after["status"], after["attempts"], after["status_code"]) == ("failed", 5, 500)
    assert (after["error"], after["response_body"]) == ("HTTP 500 Internal Server Error", "no")
    assert (after["duration_ms"], after["delivered_at_ms"]) == (4, None)
    hook = stage.hook(webhook)
    assert (hook["failure_count"], hook["last_status"]) == (1, "failed")
    assert hook["last_triggered_at_ms"] == stage.clock.now_ms()


@pytest.mark.parametrize(
    ("asked", "wait_ms"), [(None, 1_000), (0, 1_000), (0.2, 1_000), (7, 7_000), (600, 60_000)]
)
def test_a_receiver_lengthens_the_wait_and_never_shortens_it(
    stage: HookStage, asked: float | None, wait_ms: int
) -> None:
    stage.subscribe()
    stage.enqueue()
    busy = Attempt(status_code=429, error="HTTP 429", retry_after_seconds=asked)

    stage.attempt(stage.owed()[0], busy)

    assert stage.owed()[0]["next_attempt_at_ms"] == NOW_MS + wait_ms


def test_success_ends_it(stage: HookStage) -> None:
    webhook = stage.subscribe()
    stage.enqueue()
    [row] = stage.owed()
    stage.attempt(row)

    assert stage.attempt(row, TAKEN) == "success"

    after, hook = stage.delivery(row), stage.hook(webhook)
    assert (after["status"], after["attempts"], after["error"]) == ("success", 2, None)
    assert (after["delivered_at_ms"], after["next_attempt_at_ms"]) == (NOW_MS, None)
    assert (hook["failure_count"], hook["last_status"]) == (0, "success")
    assert stage.read(load, row["seq"]) is None


def test_an_attempt_is_written_down_once(stage: HookStage) -> None:
    stage.subscribe()
    stage.enqueue()
    call = stage.call(stage.owed()[0])
    stage.run(record, call, REFUSED, ATTEMPTS_MAX)

    assert stage.run(record, call, REFUSED, ATTEMPTS_MAX) is None

    assert stage.owed()[0]["attempts"] == 1


def test_a_completion_webhook_goes_the_same_way_and_touches_no_webhook(stage: HookStage) -> None:
    webhook = stage.subscribe("job.cancelled")
    stage.completed(completion_webhook="https://x.example.com/", completion_webhook_secret="s")
    [row] = stage.owed()
    call = stage.call(row)
    assert (call.url, call.secret, call.format) == ("https://x.example.com/", "s", "json")

    stage.fail_for_good(row)

    assert stage.delivery(row)["status"] == "failed"
    assert stage.hook(webhook)["failure_count"] == 0


# -- what a webhook remembers ----------------------------------------------------------------


def fail_deliveries(stage: HookStage, count: int) -> None:
    for _ in range(count):
        stage.enqueue()
        stage.fail_for_good(stage.owed()[-1])


def test_twenty_failed_deliveries_in_a_row_switch_it_off(stage: HookStage) -> None:
    webhook = stage.subscribe()
    fail_deliveries(stage, 19)
    stage.enqueue()
    stage.enqueue()  # is still owed when the other one fails
    assert stage.hook(webhook)["enabled"] == 1

    stage.fail_for_good(stage.owed()[-2])

    hook = stage.hook(webhook)
    assert (hook["enabled"], hook["failure_count"], hook["last_status"]) == (0, 20, "auto_disabled")
    before = len(stage.owed())
    stage.enqueue()
    stage.run_due()
    assert len(stage.owed()) == before, "nothing new is owed"
    assert {row["status"] for row in stage.owed()} == {"failed"}
    assert stage.owed()[-1]["error"] == "Webhook disabled"


def test_switched_on_again_it_begins_anew(stage: HookStage) -> None:
    webhook = stage.subscribe()
    fail_deliveries(stage, 20)

    row = stage.change(webhook, enabled=1)
    stage.run_due()
    stage.enqueue()

    assert (row["enabled"], row["failure_count"], row["last_status"]) == (1, 0, None)
    assert stage.owed()[-1]["status"] == "pending"


def test_one_success_begins_the_count_anew(stage: HookStage) -> None:
    webhook = stage.subscribe()
    fail_deliveries(stage, 19)
    stage.enqueue()
    stage.attempt(stage.owed()[-1], TAKEN)
    fail_deliveries(stage, 19)

    assert (stage.hook(webhook)["enabled"], stage.hook(webhook)["failure_count"]) == (1, 19)


# -- by hand ---------------------------------------------------------------------------------


def by_hand(stage: HookStage, webhook: WebhookRow, row: StoredDelivery, outcome: Attempt) -> int:
    call = stage.read(find_to_retry, stage.org, webhook["id"], row["id"])
    return stage.run(record_retry, call, outcome)


def test_a_retry_that_arrives_decides(stage: HookStage) -> None:
    webhook = stage.subscribe()
    fail_deliveries(stage, 20)
    row = stage.owed()[0]

    assert by_hand(stage, webhook, row, TAKEN) == 6

    after, hook = stage.delivery(row), stage.hook(webhook)
    assert (after["status"], after["delivered_at_ms"], after["error"]) == ("success", NOW_MS, None)
    assert (hook["failure_count"], hook["last_status"]) == (0, "success")
    assert hook["enabled"] == 0, "it is not switched on again"


@pytest.mark.parametrize(("first", "counted"), [("failed", 1), ("pending", 1), ("success", 1)])
def test_a_retry_that_fails_counts_unless_it_had_failed_already(
    stage: HookStage, first: str, counted: int
) -> None:
    webhook = stage.subscribe()
    stage.enqueue()
    [row] = stage.owed()
    if first == "failed":
        stage.fail_for_good(row)
    elif first == "success":
        stage.attempt(row, TAKEN)

    by_hand(stage, webhook, row, REFUSED)
    by_hand(stage, webhook, row, REFUSED)

    after = stage.delivery(row)
    assert (after["status"], after["delivered_at_ms"]) == ("failed", None)
    assert stage.hook(webhook)["failure_count"] == counted


def test_the_courier_does_not_undo_a_retry_that_came_between(stage: HookStage) -> None:
    webhook = stage.subscribe()
    stage.enqueue()
    [row] = stage.owed()
    under_way = stage.call(row)
    by_hand(stage, webhook, row, TAKEN)

    assert stage.run(record, under_way, REFUSED, ATTEMPTS_MAX) is None

    assert stage.delivery(row)["status"] == "success"


def test_only_deliveries_of_this_webhook_are_sent_again(stage: HookStage) -> None:
    webhook, other = stage.subscribe(), stage.subscribe("job.cancelled")
    stage.enqueue()
    [row] = stage.owed()

    for hook, delivery in ((other["id"], row["id"]), (webhook["id"], "nowhere")):
        with pytest.raises(NotFound):
            stage.read(find_to_retry, stage.org, hook, delivery)
    call = stage.read(find_to_retry, stage.org, webhook["id"], row["id"])
    stage.run(delete_webhook, stage.org, webhook["id"])
    stage.run_due()
    with pytest.raises(NotFound):
        stage.run(record_retry, call, TAKEN)


def test_a_trial_call_has_the_envelope_and_the_older_flat_keys(stage: HookStage) -> None:
    webhook = stage.subscribe(secret="s")

    call = trial_call(webhook, "org-1", call_id="c-1", now_ms=NOW_MS)

    body = json.loads(call.body)
    assert (call.event, call.attempt, call.secret) == ("webhook.test", 1, "s")
    assert (body["id"], body["event"], body["type"]) == ("c-1", "webhook.test", "webhook.test")
    assert body["data"] == {"message": body["message"], "webhook_id": webhook["id"], "test": True}
    assert (body["webhook_id"], body["organization_id"]) == (webhook["id"], "org-1")
    assert (body["test"], body["timestamp"]) == (True, "2027-01-15T08:00:00.000Z")


# -- retention -------------------------------------------------------------------------------


def test_decided_deliveries_go_with_the_history_and_what_is_owed_stays(stage: HookStage) -> None:
    stage.subscribe()
    stage.enqueue()
    stage.completed(completion_webhook="https://x.example.com/")
    decided = [stage.owed()[0], stage.owed()[2]]
    for row in decided:
        stage.attempt(row, TAKEN)

    stage.wait(seconds=7 * DAY)
    assert len(stage.owed()) == 3
    stage.wait(seconds=SWEEP_MS / 1000)

    assert [row["status"] for row in stage.owed()] == ["pending"]


@pytest.mark.parametrize("outcome", [REFUSED, TAKEN])
def test_what_was_under_way_when_it_was_switched_off_does_not_change_why(
    stage: HookStage, outcome: Attempt
) -> None:
    webhook = stage.subscribe()
    fail_deliveries(stage, 19)
    stage.enqueue()
    stage.enqueue()
    late, last = stage.owed()[-1], stage.owed()[-2]
    under_way = stage.call(late)
    stage.fail_for_good(last)

    stage.run(record, under_way, outcome, 1)
    stage.run_due()

    hook = stage.hook(webhook)
    assert (hook["enabled"], hook["failure_count"], hook["last_status"]) == (0, 20, "auto_disabled")
    assert stage.delivery(late)["status"] == ("success" if outcome is TAKEN else "failed")


def test_what_arrived_after_it_was_given_up_has_arrived(stage: HookStage) -> None:
    webhook = stage.subscribe()
    stage.enqueue()
    [row] = stage.owed()
    call = stage.call(row)
    stage.change(webhook, enabled=0)
    stage.run_pass(Deadline.CLEARING)
    assert stage.delivery(row)["error"] == "Webhook disabled"

    assert stage.run(record, call, REFUSED, ATTEMPTS_MAX) is None
    assert stage.delivery(row)["attempts"] == 0
    assert stage.run(record, call, TAKEN, ATTEMPTS_MAX) == "success"
    assert stage.run(record, call, TAKEN, ATTEMPTS_MAX) is None

    now = stage.delivery(row)
    assert (now["status"], now["attempts"], now["error"]) == ("success", 1, None)
    assert now["delivered_at_ms"] == stage.clock.now_ms()
    assert stage.hook(webhook)["last_status"] is None, "it is off"


def test_what_came_of_a_call_is_not_written_down_for_a_later_delivery(stage: HookStage) -> None:
    gone = stage.subscribe()
    stage.enqueue()
    call = stage.call(stage.owed()[0])
    stage.run(delete_webhook, stage.org, gone["id"])
    stage.run_due()
    stage.subscribe()
    stage.enqueue()

    assert stage.run(record, call, TAKEN, ATTEMPTS_MAX) is None

    [later] = stage.owed()
    assert (later["status"], later["attempts"]) == ("pending", 0)


def test_what_is_owed_after_it_was_switched_on_again_is_not_dropped(stage: HookStage) -> None:
    other = stage.subscribe("job.created", "job.started")
    hook = stage.subscribe("job.created")
    stage.enqueue()
    stage.take()  # the newest row is owed to the other one
    stage.change(hook, enabled=0)
    stage.run(delete_webhook, stage.org, other["id"])
    while stage.rows("SELECT 1 FROM webhooks WHERE seq = :seq", seq=other["seq"]):
        stage.run_pass(Deadline.CLEARING)  # its rows go before the hook's own are looked at
    stage.change(hook, enabled=1)
    stage.enqueue()

    stage.run_due()

    assert [row["status"] for row in stage.owed()] == ["failed", "pending"]


# -- the clock was set back ------------------------------------------------------------------


def test_a_delivery_that_would_wait_for_hours_is_tried_at_once(stage: HookStage) -> None:
    for _ in range(PASS_MAX):
        stage.subscribe()
    stage.enqueue()
    early = stage.owed()[0]
    stage.clock.advance(seconds=7_200)
    stage.enqueue()
    late = stage.owed()[PASS_MAX:]
    stage.clock.advance(seconds=-7_200)
    assert len(late) == PASS_MAX

    at: OwedPosition | None = OwedPosition()
    passes = 0
    while at is not None:
        at = stage.run(set_back_deliveries, at)
        passes += 1

    assert passes == 2 * PASS_MAX // PASS_MAX + 1
    assert {stage.delivery(each)["next_attempt_at_ms"] for each in late} == {NOW_MS}
    assert stage.delivery(early) == early


def test_a_retry_that_waits_as_usual_is_left_alone(stage: HookStage) -> None:
    stage.subscribe()
    stage.enqueue()
    [row] = stage.owed()
    stage.attempt(row)

    assert stage.run(set_back_deliveries, OwedPosition()) is None

    assert stage.delivery(row)["next_attempt_at_ms"] == NOW_MS + 1_000
