"""Renewals and settlements count against rate limits and are never refused by them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import WatchedApi

Make = Callable[..., WatchedApi]


@pytest.fixture
def make() -> Iterator[Make]:
    with ExitStack() as stack:

        def factory(**settings: Any) -> WatchedApi:
            return stack.enter_context(WatchedApi(":memory:", Settings(**settings)))

        yield factory


def holder(job: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"worker_id": "w-1", "lease_id": job["lease_id"], **fields}


def spent_key(api: WatchedApi) -> str:
    """A key that has used its one call of this minute."""
    key = api.issue(rate_limit=1)
    assert api.get("jobs", key=key).status_code == 200
    assert api.get("jobs", key=key).status_code == 429
    return key


@pytest.mark.parametrize(
    ("act", "fields"),
    [
        ("heartbeat", {"lease_duration_secs": 60}),
        ("renew-lease", {"lease_duration_secs": 60}),
        ("progress", {"progress": 50}),
        ("complete", {}),
        ("fail", {"error": "boom"}),
    ],
)
def test_a_key_past_its_limit_still_renews_and_settles(
    make: Make, act: str, fields: dict[str, Any]
) -> None:
    api = make()
    job = api.claimed()
    key = spent_key(api)

    answer = api.post(f"jobs/{job['id']}/{act}", key=key, json=holder(job, **fields))

    assert answer.is_success, answer.text
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert api.get("jobs", key=key).status_code == 429


@pytest.mark.parametrize("act", ["hide", "delete"])
def test_messages_are_hidden_and_deleted_past_the_limit(make: Make, act: str) -> None:
    api = make()
    api.post("queues", json={"name": "inbox"})
    first, second = (
        api.shown("POST", "queues/inbox/messages", 201, json={"body": n})["id"] for n in range(2)
    )
    key = spent_key(api)

    fields = {"hide_for_ms": 1000} if act == "hide" else {}
    many = api.post(f"queues/inbox/messages/{act}", key=key, json={"ids": [first], **fields})
    one = api.request("DELETE", f"queues/inbox/messages/{second}", key=key)

    assert (many.status_code, one.status_code) == (200, 204)


def test_a_settlement_takes_from_the_calls_of_the_minute(make: Make) -> None:
    api = make()
    job = api.claimed()
    key = api.issue(rate_limit=2)

    settled = api.post(f"jobs/{job['id']}/complete", key=key, json=holder(job))

    assert settled.headers["x-ratelimit-remaining"] == "1"
    assert [api.get("jobs", key=key).status_code for _ in range(2)] == [200, 429]


def test_settlements_beyond_the_rate_of_an_organization_leave_no_debt(make: Make) -> None:
    api = make(rate_limit_requests_per_second=1, rate_limit_burst_size=2)
    job = api.claimed()
    assert api.get("jobs").status_code == 429

    path, body = f"jobs/{job['id']}/heartbeat", holder(job, lease_duration_secs=60)
    renewals = [api.post(path, json=body) for _ in range(5)]

    assert [each.status_code for each in renewals] == [200] * 5
    assert {each.headers["x-ratelimit-remaining"] for each in renewals} == {"0"}
    assert api.get("jobs").status_code == 429
    api.clock.advance(seconds=1)
    assert api.get("jobs").status_code == 200


def test_a_settlement_past_the_limit_still_needs_the_permission(make: Make) -> None:
    api = make()
    job = api.claimed()
    key = api.issue(rate_limit=1, permissions=("jobs:read",))
    assert api.get("jobs", key=key).status_code == 200

    refused = api.post(f"jobs/{job['id']}/complete", key=key, json=holder(job))

    assert refused.status_code == 403


def test_a_claim_is_refused_past_the_limit(make: Make) -> None:
    api = make()
    api.enqueue()
    key = spent_key(api)

    claim = api.post("jobs/claim", key=key, json={"queue_name": "emails", "worker_id": "w-1"})

    assert claim.status_code == 429
