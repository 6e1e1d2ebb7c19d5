"""Queues that go when their time has come. Contract: catbird-capabilities, Q1."""

from collections.abc import Iterator

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import WatchedApi, problem, refusal


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def test_a_queue_can_be_told_when_to_go(api: WatchedApi) -> None:
    made = api.shown(
        "POST", "queues", 201, json={"name": "short", "expires_at": "2027-01-15T08:00:05Z"}
    )
    api.enqueue("short")
    assert made["expires_at"] == "2027-01-15T08:00:05.000Z"
    [row] = api.get("dashboard/queues").json()
    assert row["expires_at"] == "2027-01-15T08:00:05.000Z"

    api.clock.advance(seconds=5)
    api.until("jobs", lambda jobs: jobs == [])
    api.come_to_rest()

    assert api.get("queues/short").status_code == 404


def test_the_expiry_of_a_queue_is_changed_and_taken_back(api: WatchedApi) -> None:
    path = "queues/emails/config"
    assert "expires_at" not in api.shown("PUT", path, json={})

    soon = api.shown("PUT", path, json={"expires_in_ms": 1_500})
    kept = api.shown("PUT", path, json={"max_retries": 5})
    never = api.shown("PUT", path, json={"expires_at": None})

    assert soon["expires_at"] == kept["expires_at"] == "2027-01-15T08:00:01.500Z"
    assert "expires_at" not in never
    assert problem(api.put(path, json={"expires_at": "2027-01-15T08:00:00Z"}))[1] == "expires_at"
    assert refusal(api.put(path, json={"expires_at": "soon"}))[0] == 422
