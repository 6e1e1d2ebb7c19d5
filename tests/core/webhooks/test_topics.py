"""Webhooks that ask for topics: what is sent to a topic is owed to them, with its cause."""

import json
from typing import Any

import pytest

from spooled_lite.core.topics.notify import NewNotice, notify
from spooled_lite.core.webhooks import outbox, subscribe
from spooled_lite.core.webhooks.columns import WebhookRow
from spooled_lite.core.webhooks.outbox import DELIVERIES_AT_ONCE_MAX, TOPIC_EVENT
from spooled_lite.core.webhooks.records import NewWebhook, topics_json
from spooled_lite.core.webhooks.spread import spread_owed
from spooled_lite.core.webhooks.subscribe import create_webhook, delete_webhook
from spooled_lite.errors import Conflict, RuleBroken
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx
from tests.core.store import NOW_MS
from tests.core.webhooks.hook_stage import HookStage


def asking(stage: HookStage, *topics: str, events: tuple[str, ...] = ()) -> WebhookRow:
    webhook = NewWebhook(
        name="hook", url="https://hooks.example.com/x", events=events, topics=topics
    )
    return stage.run(create_webhook, stage.org, webhook, None)


def send(stage: HookStage, topic: str, message: str | None = "m", **more: Any) -> None:
    stage.run(notify, stage.org, NewNotice(topic, message, **more))


def owed_to(stage: HookStage, webhook: WebhookRow) -> list[Any]:
    """The data of the deliveries of a webhook."""
    rows = [row for row in stage.owed() if row["webhook"] == webhook["seq"]]
    return [json.loads(row["body"])["data"] for row in rows]


def test_a_message_is_owed_to_the_webhooks_whose_patterns_match(stage: HookStage) -> None:
    orders, everything = asking(stage, "order.*", "order.7"), asking(stage, "#")
    events_alone = stage.subscribe("job.created")

    send(stage, "order.7", "placed", sent_by="tab-1")
    send(stage, "invoice.1", None)

    placed = {"topic": "order.7", "message": "placed", "sent_by": "tab-1"}
    assert owed_to(stage, orders) == [placed]
    assert owed_to(stage, everything) == [placed, {"topic": "invoice.1", "message": None}]
    assert owed_to(stage, events_alone) == []
    [first, *_] = stage.owed()
    envelope = json.loads(first["body"])
    assert (envelope["event"], envelope["type"], first["event"]) == (TOPIC_EVENT,) * 3
    assert (first["job_id"], first["status"]) == (None, "pending")
    assert stage.due_at_ms[Deadline.DELIVERY] == NOW_MS


def test_nothing_is_owed_of_an_operation_that_is_undone(stage: HookStage) -> None:
    asking(stage, "#")

    def fails(tx: Tx) -> None:
        notify(tx, stage.org, NewNotice("a", "never"))
        raise Conflict("no")

    with pytest.raises(Conflict):
        stage.run(fails)

    assert stage.owed() == []


def test_a_webhook_may_ask_for_events_and_topics(stage: HookStage) -> None:
    both = asking(stage, "a", events=("job.created",))

    stage.enqueue()
    send(stage, "a")

    assert stage.told() == ["job.created", TOPIC_EVENT]
    assert len(owed_to(stage, both)) == 2


def test_a_change_of_topics_counts_from_the_next_message_on(stage: HookStage) -> None:
    webhook = asking(stage, "a")
    send(stage, "a", "1")
    stage.change(webhook, topics=topics_json(("b",)))
    send(stage, "a", "2")
    send(stage, "b", "3")
    stage.change(webhook, enabled=0)
    send(stage, "b", "4")
    stage.change(webhook, enabled=1)
    send(stage, "b", "5")
    stage.run(delete_webhook, stage.org, webhook["id"])
    send(stage, "b", "6")

    assert [each["message"] for each in owed_to(stage, webhook)] == ["1", "3", "5"]


def test_messages_of_another_organization_are_not_owed(stage: HookStage) -> None:
    asking(stage, "#")

    stage.run(notify, stage.other_org(), NewNotice("a", "theirs"))

    assert stage.owed() == []


def test_a_webhook_asks_for_something(stage: HookStage) -> None:
    webhook = asking(stage, "a")

    with pytest.raises(RuleBroken):
        stage.change(webhook, topics=None)
    stage.change(webhook, topics=None, events='["job.created"]')
    with pytest.raises(RuleBroken):
        stage.change(webhook, events="[]")


def test_the_patterns_of_all_webhooks_have_a_bound(
    stage: HookStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribe, "WORDS_MAX", 5)
    first = asking(stage, "a.b.c")

    with pytest.raises(Conflict):
        asking(stage, "a.b.*")
    asking(stage, "a.#")
    stage.change(first, topics=topics_json(("a.b.d",)))
    with pytest.raises(Conflict):
        stage.change(first, topics=topics_json(("a.b.d", "e")))


def test_a_message_owed_to_very_many_is_spread_in_passes(stage: HookStage) -> None:
    webhooks = [asking(stage, "a.#") for _ in range(DELIVERIES_AT_ONCE_MAX + 1)]

    send(stage, "a.b", "to all")
    assert stage.owed() == []
    while stage.run(spread_owed).due_again_ms is not None:
        pass

    assert {row["webhook"] for row in stage.owed()} == {each["seq"] for each in webhooks}


def test_trees_are_kept_for_so_many_organizations(
    stage: HookStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_TREES_MAX", 1)
    mine = asking(stage, "a")
    other = stage.other_org()
    theirs = NewWebhook(name="h", url="https://hooks.example.com/x", events=(), topics=("b",))
    stage.run(create_webhook, other, theirs, None)

    for _ in range(2):
        send(stage, "a")
        stage.run(notify, other, NewNotice("b", "theirs"))

    assert len(owed_to(stage, mine)) == 2
    assert len(stage.owed()) == 4
