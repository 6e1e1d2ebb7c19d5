"""Schedules that run tasks, over HTTP. Contract: catbird-capabilities, S1-S3 and section 19.8."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import WatchedApi, refusal

PATH = "tasks/charge_card/schedule"


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        it.shown("PUT", "tasks/charge_card", json={"queue_name": "payments"})
        yield it


def listed(api: WatchedApi, query: str) -> list[str]:
    rows: Any = api.shown("GET", f"schedules?{query}")
    return [row["name"] for row in rows]


def test_the_schedule_of_a_task_is_put_shown_and_deleted(api: WatchedApi) -> None:
    body = {"cron_expression": "@hourly", "input": {"amount": 1}, "catch_up": "all"}

    made = api.shown("PUT", PATH, json=body)

    assert (
        made.items()
        >= {
            "name": "charge_card",
            "task_name": "charge_card",
            "queue_name": "payments",
            "cron_expression": "@hourly",
            "timezone": "UTC",
            "input": {"amount": 1},
            "payload_template": {"amount": 1},
            "catch_up": "all",
            "misfire_grace_seconds": 60,
            "is_active": True,
            "next_run_at": "2027-01-15T09:00:00.000Z",
            "last_run_at": None,
            "last_scheduled_for": None,
        }.items()
    )
    assert api.shown("GET", PATH) == api.shown("GET", f"schedules/{made['id']}") == made
    assert api.request("DELETE", PATH).status_code == 204
    assert refusal(api.request("DELETE", PATH)) == (404, "NOT_FOUND")
    assert refusal(api.get(PATH)) == (404, "NOT_FOUND")


def test_a_slot_becomes_a_run_and_the_trigger_gives_one_too(api: WatchedApi) -> None:
    made = api.shown("PUT", PATH, json={"cron_expression": "* * * * *", "input": [1, 2]})

    api.clock.advance(seconds=60)
    runs = api.until("tasks/charge_card/runs", len)
    triggered = api.shown("POST", f"schedules/{made['id']}/trigger")

    assert (runs[0]["state"], runs[0]["payload"]) == ("queued", {"value": [1, 2]})
    assert runs[0]["concurrency_key"] == "schedule:1800000060.000000"
    run = api.shown("GET", f"tasks/charge_card/runs/{triggered['job_id']}")
    assert run["kind"] == "task_run"
    assert api.shown("GET", PATH)["last_scheduled_for"] == "2027-01-15T08:01:00.000Z"


def test_clients_that_send_no_new_fields_name_the_task_in_the_metadata(api: WatchedApi) -> None:
    body = {
        "name": "nightly",
        "cron_expression": "0 2 * * *",
        "metadata": {"task_name": "charge_card", "catch_up": "skip"},
        "payload_template": {"amount": 2},
        "queue_name": "ignored",
    }

    made = api.shown("POST", "schedules", 201, json=body)

    assert made.items() >= {"task_name": "charge_card", "catch_up": "skip"}.items()
    assert (made["queue_name"], made["input"]) == ("payments", {"amount": 2})


def test_a_schedule_with_a_task_needs_neither_queue_nor_template(api: WatchedApi) -> None:
    body = {"name": "nightly", "cron": "@daily", "task_name": "charge_card"}
    made = api.shown("POST", "schedules", 201, json=body)
    assert made["input"] == {}

    changed = api.shown(
        "PUT",
        f"schedules/{made['id']}",
        json={"input": 7, "misfire_grace_seconds": 5, "task_name": "other"},
    )

    assert (changed["input"], changed["misfire_grace_seconds"]) == (7, 5)
    assert changed["task_name"] == "charge_card"
    unknown = {**body, "task_name": "unheard_of"}
    assert refusal(api.post("schedules", json=unknown)) == (404, "NOT_FOUND")


def test_schedules_are_listed_by_what_they_feed_and_by_their_next_slots(api: WatchedApi) -> None:
    api.shown("PUT", PATH, json={"cron_expression": "@daily"})
    rest = {"queue_name": "q", "payload_template": {}}
    for name, cron in (("late", "@yearly"), ("early", "@hourly")):
        body = {"name": name, "cron_expression": cron, **rest}
        made = api.shown("POST", "schedules", 201, json=body)
        assert not {"task_name", "input", "misfire_grace_seconds"} & made.keys()

    assert listed(api, "order_by=next_run_at&order_dir=asc") == ["early", "charge_card", "late"]
    assert listed(api, "target_type=task") == ["charge_card"]
    assert listed(api, "target_type=queue&order_by=next_run_at") == ["late", "early"]
    assert listed(api, "task_name=charge_card") == ["charge_card"]
    assert refusal(api.get("schedules?target_type=pipe")) == (400, "BAD_REQUEST")


def test_a_bad_schedule_of_a_task_is_refused(api: WatchedApi) -> None:
    assert refusal(api.put(PATH, json={"input": {}}))[0] == 422
    assert refusal(api.put(PATH, json={"cron_expression": "61 * * * *"}))[0] == 400
    assert refusal(api.put("tasks/none/schedule", json={"cron_expression": "@daily"}))[0] == 404
