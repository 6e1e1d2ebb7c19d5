"""Schedules that run flows, over HTTP. Contract: catbird-capabilities, S1-S3 and section 19.8."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import WatchedApi, refusal

PATH = "flows/orders/schedule"


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        steps = [{"key": "pick", "queue_name": "picking"}, {"key": "pack"}]
        it.shown("PUT", "flows/orders", json={"steps": steps})
        yield it


def listed(api: WatchedApi, query: str) -> list[str]:
    rows: Any = api.shown("GET", f"schedules?{query}")
    return [row["name"] for row in rows]


def test_the_schedule_of_a_flow_is_put_shown_and_deleted(api: WatchedApi) -> None:
    body = {"cron_expression": "@hourly", "input": {"amount": 1}, "catch_up": "all"}

    made = api.shown("PUT", PATH, json=body)

    expected = {
        "name": "orders",
        "flow_name": "orders",
        "queue_name": "picking",
        "input": {"amount": 1},
        "payload_template": {"amount": 1},
        "catch_up": "all",
        "next_run_at": "2027-01-15T09:00:00.000Z",
    }
    assert made.items() >= expected.items()
    assert "task_name" not in made
    again = api.shown("PUT", PATH, json={**body, "catch_up": "skip"})
    assert (again["id"], again["catch_up"]) == (made["id"], "skip")
    assert api.shown("GET", PATH) == api.shown("GET", f"schedules/{made['id']}") == again
    assert api.request("DELETE", PATH).status_code == 204
    assert refusal(api.request("DELETE", PATH)) == (404, "NOT_FOUND")
    assert refusal(api.get(PATH)) == (404, "NOT_FOUND")


def test_a_slot_becomes_a_run_and_the_trigger_gives_one_too(api: WatchedApi) -> None:
    made = api.shown("PUT", PATH, json={"cron_expression": "* * * * *", "input": [1, 2]})

    api.clock.advance(seconds=60)
    [run] = api.until("flows/orders/runs", len)
    triggered = api.shown("POST", f"schedules/{made['id']}/trigger")
    history: Any = api.shown("GET", f"schedules/{made['id']}/history")

    assert run["concurrency_key"] == "schedule:1800000060.000000"
    assert [each["workflow_id"] for each in history] == [triggered["workflow_id"], run["id"]]
    first = api.shown("GET", f"workflows/{run['id']}")["jobs"][0]
    assert (first["key"], history[1]["job_id"]) == ("pick", first["id"])
    rows: Any = api.shown("GET", "flows/orders/runs")
    assert [row["id"] for row in rows] == [triggered["workflow_id"], run["id"]]
    assert rows[0]["concurrency_key"] is None


@pytest.mark.parametrize("where", ["flow_name", "metadata"])
def test_a_schedule_may_name_a_flow(api: WatchedApi, where: str) -> None:
    said: dict[str, Any] = {"flow_name": "orders"}
    body = {"name": "nightly", "cron_expression": "0 2 * * *"}
    made = api.shown(
        "POST", "schedules", 201, json={**body, **(said if where in said else {"metadata": said})}
    )

    assert (made["flow_name"], made["queue_name"]) == ("orders", "picking")
    assert listed(api, "target_type=flow") == listed(api, "flow_name=orders") == ["nightly"]
    assert listed(api, "target_type=queue") == listed(api, "target_type=task") == []
    both = {**body, "flow_name": "orders", "task_name": "orders"}
    assert refusal(api.post("schedules", json=both)) == (400, "VALIDATION_ERROR")
    other = {**body, "flow_name": "other"}
    assert refusal(api.post("schedules", json=other)) == (404, "NOT_FOUND")


def test_the_schedules_of_a_flow_follow_its_first_queue_and_go_with_it(api: WatchedApi) -> None:
    api.shown("PUT", PATH, json={"cron_expression": "@daily"})

    api.shown("PUT", "flows/orders", json={"steps": [{"key": "a", "queue_name": "other"}]})
    assert api.shown("GET", PATH)["queue_name"] == "other"

    api.request("DELETE", "flows/orders")
    assert listed(api, "") == []


def test_a_key_needs_every_queue_of_the_flow(api: WatchedApi) -> None:
    body = {"cron_expression": "@daily"}
    key = api.issue(queues=["picking"])

    assert refusal(api.request("PUT", PATH, json=body, key=key)) == (403, "ACCESS_DENIED")
    both = api.issue(queues=["picking", "orders"])
    assert api.request("PUT", PATH, json=body, key=both).status_code == 200
