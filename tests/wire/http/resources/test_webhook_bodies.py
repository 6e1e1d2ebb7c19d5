"""Bodies about webhooks: names, nulls, and what becomes of a secret."""

from typing import Any

import msgspec
import pytest

from spooled_lite.core.webhooks.records import WEBHOOK_EVENTS, NewWebhook
from spooled_lite.errors import RuleBroken
from spooled_lite.wire.shapes.webhooks import CreateWebhook, UpdateWebhook


def new(**fields: Any) -> NewWebhook:
    given = {"name": "n", "url": "https://x.example.com", "events": ["job.created"], **fields}
    return msgspec.convert(given, CreateWebhook).webhook()


def columns(**fields: Any) -> dict[str, Any]:
    return dict(msgspec.convert(fields, UpdateWebhook).changes().columns)


def test_names_are_kept_in_one_spelling_and_once() -> None:
    given = ["job.dlq", "job.dead_letter", "job.dead-letter", "job.processing", "job.deadlettered"]

    webhook = new(events=given)

    assert webhook.events == ("job.deadlettered", "job.started")
    assert columns(events=given) == {"events": '["job.deadlettered","job.started"]'}


@pytest.mark.parametrize("name", ["job.exploded", "webhook.test", "job.status_changed", "", "*"])
def test_an_unknown_event_is_named_together_with_the_known_ones(name: str) -> None:
    for act in (new, columns):
        with pytest.raises(RuleBroken) as refused:
            act(events=["job.created", name])

        [problem] = refused.value.details
        assert (problem.field, problem.code) == ("events[1]", "invalid_value")
        assert all(each in problem.message for each in WEBHOOK_EVENTS)


def test_an_unknown_format_is_refused() -> None:
    for act in (new, columns):
        with pytest.raises(RuleBroken) as refused:
            act(format="xml")

        [problem] = refused.value.details
        assert (problem.field, problem.code) == ("format", "invalid_value")


def test_nulls_and_an_empty_secret_are_as_good_as_left_out() -> None:
    webhook = new(secret="", enabled=None, format=None)

    assert (webhook.secret, webhook.enabled, webhook.format) == (None, True, "json")


@pytest.mark.parametrize(
    ("sent", "changed"),
    [
        ({}, {}),
        ({"secret": None}, {"secret": None}),
        ({"secret": ""}, {"secret": None}),
        ({"secret": "new"}, {"secret": "new"}),
    ],
)
def test_a_secret_is_kept_cleared_or_replaced(
    sent: dict[str, Any], changed: dict[str, Any]
) -> None:
    assert columns(**sent) == changed


def test_a_null_changes_nothing_but_the_secret() -> None:
    assert columns(name=None, url=None, events=None, enabled=None, format=None) == {}


def test_each_field_that_is_sent_is_changed() -> None:
    sent = {"name": "m", "url": "https://y.example.com", "enabled": False, "format": "slack"}

    assert columns(**sent) == {**sent, "enabled": 0}
