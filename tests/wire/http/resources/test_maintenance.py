"""Removing what is over, and the migrations. Contract: catbird-capabilities, G5 and U4."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from spooled_lite.wire.http.resources import maintenance
from tests.wire.http.admin_calls import ADMIN_KEY, AdminApi
from tests.wire.http.job_calls import refusal

NOTHING: Final = dict.fromkeys(
    (
        *("expired_queues_deleted", "expired_messages_deleted", "expired_task_runs"),
        *("expired_flow_runs", "stale_workers_deleted", "stale_wire_nodes_deleted"),
        *("expired_notifications_deleted", "task_runs_purged", "flow_runs_purged"),
    ),
    0,
)
ADMIN: Final = {"X-Admin-Key": ADMIN_KEY}


@pytest.fixture
def api() -> Iterator[AdminApi]:
    with AdminApi() as it:
        yield it


def with_something_over(api: AdminApi, key: str | None = None) -> None:
    """One of everything that is over after a second, which no loop has seen."""
    more: dict[str, Any] = {} if key is None else {"key": key}
    api.shown("POST", "queues", 201, json={"name": "short", "expires_in_ms": 500}, **more)
    api.shown("POST", "queues", 201, json={"name": "long"}, **more)
    message = {"body": 1, "expires_in_ms": 500}
    api.shown("POST", "queues/long/messages", 201, json=message, **more)
    api.shown("PUT", "tasks/charge", json={}, **more)
    run = {"input": {"n": 1}, "expires_in_ms": 500}
    api.shown("POST", "tasks/charge/runs", 201, json=run, **more)


def collected(api: AdminApi, **more: Any) -> dict[str, Any]:
    return api.shown("POST", "maintenance/gc", **more)


def test_what_is_over_is_removed_and_counted(api: AdminApi) -> None:
    with_something_over(api)
    assert collected(api) == NOTHING

    api.skip(seconds=1)

    assert collected(api) == {
        **NOTHING,
        "expired_queues_deleted": 1,
        "expired_messages_deleted": 1,
        "expired_task_runs": 1,
    }
    assert collected(api) == NOTHING
    assert refusal(api.get("queues/short")) == (404, "NOT_FOUND")


def test_a_key_removes_what_is_over_of_its_organization_and_the_admin_key_of_all(
    api: AdminApi,
) -> None:
    body = {"name": "Another", "slug": "another"}
    made = api.shown("POST", "organizations", 201, json=body, key=None)
    with_something_over(api, made["api_key"]["key"])
    api.skip(seconds=1)

    assert collected(api) == NOTHING
    done = collected(api, key=None, headers=ADMIN)

    assert (done["expired_queues_deleted"], done["expired_task_runs"]) == (1, 1)


def test_one_call_makes_so_many_passes_at_most(
    api: AdminApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "PASSES_MAX", 1)
    with_something_over(api)
    api.skip(seconds=1)

    assert collected(api) == {**NOTHING, "expired_queues_deleted": 1}
    assert collected(api)["expired_messages_deleted"] == 1


def test_it_needs_the_word_for_administering_an_organization(api: AdminApi) -> None:
    limited = api.shown("POST", "api-keys", 201, json={"name": "k", "queues": ["long"]})["key"]

    assert refusal(api.post("maintenance/gc", key=limited)) == (403, "ACCESS_DENIED")
    assert refusal(api.post("maintenance/gc", key=None)) == (401, "UNAUTHORIZED")


def test_the_migrations_are_listed_for_the_administrator(api: AdminApi) -> None:
    rows: Any = api.shown("GET", "maintenance/migrations", headers=ADMIN)

    assert rows[0] == {"version": 1, "name": "initial", "applied": True}
    assert all(row["applied"] for row in rows)
    assert refusal(api.get("maintenance/migrations"))[0] == 401
