"""Making, changing and ending subscriptions."""

import json

import pytest

from spooled_lite.core.jobs.passes import Pass
from spooled_lite.core.webhooks.clear import clear_webhooks
from spooled_lite.core.webhooks.deliveries import LAST_ENDPOINT, find_owed
from spooled_lite.core.webhooks.query import (
    DeliveriesAsked,
    get_webhook,
    list_deliveries,
    list_webhooks,
)
from spooled_lite.core.webhooks.subscribe import WEBHOOKS_MAX, delete_webhook
from spooled_lite.errors import Conflict, NotFound, QuotaExceeded
from spooled_lite.plans import Caps
from spooled_lite.storage.transaction import Reading
from tests.core.store import NOW_MS
from tests.core.webhooks.hook_stage import HookStage

ONE = Caps("free", "starter", {"webhooks": 1})


# -- making ----------------------------------------------------------------------------------


def test_only_enabled_ones_count_against_the_plan(stage: HookStage) -> None:
    first = stage.subscribe(caps=ONE)
    stage.subscribe(caps=ONE, enabled=False)

    with pytest.raises(QuotaExceeded) as refused:
        stage.subscribe(caps=ONE)
    assert refused.value.details["resource"] == "webhooks"

    stage.run(delete_webhook, stage.org, first["id"])
    assert stage.subscribe(caps=ONE)["enabled"] == 1


def test_an_organization_has_so_many_and_no_more(stage: HookStage) -> None:
    for _ in range(WEBHOOKS_MAX):
        stage.subscribe(enabled=False)

    with pytest.raises(Conflict):
        stage.subscribe()

    assert stage.subscribe(org=stage.other_org())["enabled"] == 1
    assert len(stage.read(list_webhooks, stage.org)) == 100


def test_the_newest_comes_first(stage: HookStage) -> None:
    rows = [stage.subscribe() for _ in range(3)]

    listed = stage.read(list_webhooks, stage.org)

    assert [row["id"] for row in listed] == [row["id"] for row in reversed(rows)]


# -- changing --------------------------------------------------------------------------------


def test_what_is_not_changed_is_kept(stage: HookStage) -> None:
    webhook = stage.subscribe("job.created", "job.failed", format="teams", secret="s")
    stage.clock.advance(seconds=5)

    row = stage.change(webhook, name="renamed")

    assert dict(row) == {**webhook, "name": "renamed", "updated_at_ms": NOW_MS + 5_000}


def test_a_secret_can_be_cleared_and_replaced(stage: HookStage) -> None:
    webhook = stage.subscribe(secret="s3cret")

    assert stage.change(webhook, secret=None)["secret"] is None
    assert stage.change(webhook, secret="new")["secret"] == "new"


def test_events_are_replaced_and_count_at_once(stage: HookStage) -> None:
    webhook = stage.subscribe("job.completed")

    row = stage.change(webhook, events='["job.created"]')
    stage.enqueue()

    assert json.loads(row["events"]) == ["job.created"]
    assert stage.told() == ["job.created"]


def test_what_is_owed_goes_to_the_new_address_with_the_new_secret(stage: HookStage) -> None:
    webhook = stage.subscribe(secret="old")
    stage.enqueue()

    stage.change(webhook, url="https://new.example.com", secret="new", format="slack")

    call = stage.call(stage.owed()[0])
    assert (call.url, call.secret, call.format) == ("https://new.example.com", "new", "slack")


def test_switching_on_counts_against_the_plan(stage: HookStage) -> None:
    stage.subscribe()
    off = stage.subscribe(enabled=False)

    with pytest.raises(QuotaExceeded):
        stage.change(off, caps=ONE, enabled=1)
    assert stage.hook(off)["enabled"] == 0

    stage.change(off, caps=ONE, name="renamed")  # stays off: no room is asked for
    assert stage.change(off, enabled=1)["enabled"] == 1


def test_another_organization_finds_nothing(stage: HookStage) -> None:
    webhook, other = stage.subscribe(), stage.other_org()

    for operation in (get_webhook, delete_webhook):
        with pytest.raises(NotFound):
            stage.run(operation, other, webhook["id"])
    asked = DeliveriesAsked(status=None, limit=1, offset=0)
    with pytest.raises(NotFound):
        stage.read(list_deliveries, other, webhook["id"], asked)


# -- switching off and deleting --------------------------------------------------------------


def test_switched_off_it_gives_up_what_is_owed(stage: HookStage) -> None:
    webhook = stage.subscribe()
    stage.enqueue()
    stage.enqueue()
    stage.attempt(stage.owed()[1])

    stage.change(webhook, enabled=0)
    assert stage.read(_waiting) == []
    stage.run_due()

    tried, untried = stage.owed()[1], stage.owed()[0]
    assert (untried["status"], untried["error"]) == ("failed", "Webhook disabled")
    assert (tried["status"], tried["error"]) == ("failed", "HTTP 500 Internal Server Error")
    assert (stage.hook(webhook)["failure_count"], stage.hook(webhook)["drop_to"]) == (0, None)


def test_switched_on_again_at_once_it_gets_what_is_new_and_not_what_was_given_up(
    stage: HookStage,
) -> None:
    webhook = stage.subscribe()
    stage.enqueue()
    stage.change(webhook, enabled=0)
    stage.change(webhook, enabled=1)
    stage.enqueue()

    stage.run_due()

    assert [row["status"] for row in stage.owed()] == ["failed", "pending"]
    assert stage.read(_waiting) == [stage.owed()[1]["seq"]]


def test_a_deleted_one_is_gone_at_once_and_its_rows_go_in_passes(stage: HookStage) -> None:
    webhook, other = stage.subscribe(), stage.subscribe()
    for _ in range(600):
        stage.enqueue()

    stage.run(delete_webhook, stage.org, webhook["id"])

    assert [row["id"] for row in stage.read(list_webhooks, stage.org)] == [other["id"]]
    with pytest.raises(NotFound):
        stage.run(delete_webhook, stage.org, webhook["id"])
    assert stage.hook(webhook)["secret"] is None
    waiting = stage.read(_waiting)
    assert waiting
    webhook_of = {row["seq"]: row["webhook"] for row in stage.owed()}
    assert {webhook_of[seq] for seq in waiting} == {other["seq"]}
    passes: list[Pass] = []
    while not passes or passes[-1].due_again_ms == NOW_MS:
        passes.append(stage.run(clear_webhooks))
    assert [each.done for each in passes] == [500, 100, 1, 0]
    assert {row["webhook"] for row in stage.owed()} == {other["seq"]}
    assert len(stage.rows("SELECT 1 FROM webhooks")) == 1


def _waiting(tx: Reading) -> list[int]:
    return [each.seq for each in find_owed(tx, "", LAST_ENDPOINT, 100).owed]
