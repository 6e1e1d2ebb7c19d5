"""The table of queues over HTTP."""

from collections.abc import Iterator

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import NOW, WatchedApi, refusal


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def test_a_queue_is_shown_with_every_figure(api: WatchedApi) -> None:
    api.put("queues/emails", json={"rate_limit": 50, "max_concurrency": 4})
    api.enqueue()
    api.enqueue()
    api.claim()
    api.post("queues/emails/pause", json={"reason": "night"})

    assert api.get("dashboard/queues").json() == [
        {
            "queue_name": "emails",
            "paused": True,
            "paused_at": NOW,
            "paused_reason": "night",
            "waiting": 1,
            "retrying": 0,
            "blocked": 0,
            "scheduled": 0,
            "processing": 1,
            "max_concurrency": 4,
            "rate_limit": 50,
            "deadletter": 0,
            "oldest_waiting_at": NOW,
            "created_per_min": 0.5,
            "completed_per_min": 0.0,
            "failed_per_min": 0.0,
            "p95_ms": None,
            "workers": 0,
            "waiting_claims": 0,
            "last_claim_at": NOW,
            "drain_seconds": None,
            "spark": [0] * 30,
            "attention": ["paused"],
        }
    ]


def test_pages_say_whether_there_are_more(api: WatchedApi) -> None:
    for name in ("a", "b", "c"):
        api.enqueue(name)

    first = api.get("dashboard/queues?limit=2&sort=name")
    last = api.get("dashboard/queues?limit=2&offset=2&sort=name")

    assert [each["queue_name"] for each in first.json()] == ["a", "b"]
    assert [each["queue_name"] for each in last.json()] == ["c"]
    assert (first.headers["x-has-more"], last.headers["x-has-more"]) == ("true", "false")


def test_a_key_sees_its_queues_only(api: WatchedApi) -> None:
    api.enqueue("emails")
    api.enqueue("secret")

    shown = api.get("dashboard/queues", key=api.issue(queues=("emails",))).json()

    assert [each["queue_name"] for each in shown] == ["emails"]


def test_another_organization_sees_nothing_of_it(api: WatchedApi) -> None:
    api.enqueue()

    assert api.get("dashboard/queues", key=api.other_org()).json() == []


def test_an_unknown_order_is_refused_with_its_name(api: WatchedApi) -> None:
    answer = api.get("dashboard/queues?sort=size")

    assert refusal(answer) == (400, "BAD_REQUEST")
    assert "`sort`" in answer.json()["message"]
