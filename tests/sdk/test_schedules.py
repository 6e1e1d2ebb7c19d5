"""The schedules calls of the official client, and the daily report of its introduction."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
import pytest
from spooled.client import SpooledClient
from spooled.errors import NotFoundError, ValidationError

from tests.sdk.test_attempts import claim_one
from tests.server_process import API_KEY, ServerProcess

pytestmark = pytest.mark.slow

NEW_YORK: Final = ZoneInfo("America/New_York")
FIRES_WITHIN: Final = timedelta(seconds=1)


def create(client: SpooledClient, queue: str, **fields: Any) -> str:
    """The id of a new schedule."""
    body = {
        "name": "nightly",
        "cron_expression": "0 9 * * *",
        "queue_name": queue,
        "payload_template": {"kind": "daily"},
        **fields,
    }
    return client.schedules.create(body).id


@pytest.mark.parametrize("expression", ["0 9 * * *", "0 0 9 * * MON-FRI", "*/10 * * * * *"])
def test_an_expression_is_read_back_as_it_was_sent(
    client: SpooledClient, queue: str, expression: str
) -> None:
    created = client.schedules.create(
        {
            "name": "nightly",
            "cron_expression": expression,
            "queue_name": queue,
            "payload_template": {},
        }
    )

    assert (created.name, created.cron_expression) == ("nightly", expression)
    assert created.next_run_at is not None
    assert client.schedules.get(created.id).cron_expression == expression
    client.schedules.delete(created.id)


def test_a_schedule_is_read_back_with_all_it_was_made_with(
    client: SpooledClient, queue: str
) -> None:
    schedule_id = create(
        client,
        queue,
        description="d",
        timezone="Asia/Tokyo",
        priority=5,
        max_retries=1,
        timeout_seconds=60,
        tags={"team": ["a"]},
        metadata={"catch_up": "skip", "deep": [1]},
    )

    schedule = client.schedules.get(schedule_id)

    assert (schedule.description, schedule.timezone, schedule.queue_name) == (
        "d",
        "Asia/Tokyo",
        queue,
    )
    assert (schedule.priority, schedule.max_retries, schedule.timeout_seconds) == (5, 1, 60)
    assert (schedule.tags, schedule.metadata) == (
        {"team": ["a"]},
        {"catch_up": "skip", "deep": [1]},
    )
    assert (schedule.is_active, schedule.run_count, schedule.last_run_at) == (True, 0, None)
    assert schedule.payload_template == {"kind": "daily"}


def test_schedules_are_listed_newest_first(client: SpooledClient, queue: str) -> None:
    first, second = create(client, queue), create(client, queue)
    client.schedules.pause(first)

    listed = client.schedules.list({"queue_name": queue})
    running = client.schedules.list({"queue_name": queue, "is_active": True, "limit": 1})

    assert [each.id for each in listed] == [second, first]
    assert [each.id for each in running] == [second]


def test_a_change_keeps_what_it_does_not_name(client: SpooledClient, queue: str) -> None:
    schedule_id = create(client, queue, description="d")

    changed = client.schedules.update(
        schedule_id, {"cron_expression": "30 9 * * *", "queue_name": "another"}
    )

    assert (changed.cron_expression, changed.queue_name) == ("30 9 * * *", queue)
    assert (changed.name, changed.description) == ("nightly", "d")
    assert changed.next_run_at is not None
    assert (changed.next_run_at.hour, changed.next_run_at.minute) == (9, 30)


def test_a_paused_schedule_goes_on_later(client: SpooledClient, queue: str) -> None:
    schedule_id = create(client, queue)

    assert client.schedules.pause(schedule_id).is_active is False
    resumed = client.schedules.resume(schedule_id)

    assert (resumed.is_active, resumed.next_run_at is not None) == (True, True)


def test_a_triggered_job_is_a_job_and_a_run(client: SpooledClient, queue: str) -> None:
    schedule_id = create(client, queue)

    triggered = client.schedules.trigger(schedule_id)

    [run] = client.schedules.get_history(schedule_id)
    assert (run.job_id, run.status, run.error_message) == (triggered.job_id, "completed", None)
    assert run.started_at == triggered.triggered_at
    assert client.schedules.get(schedule_id).last_run_at == triggered.triggered_at
    client.jobs.cancel(triggered.job_id)
    assert client.jobs.get(triggered.job_id).status == "cancelled"


def test_a_deleted_schedule_is_not_found(client: SpooledClient, queue: str) -> None:
    schedule_id = create(client, queue)

    client.schedules.delete(schedule_id)

    for call in (
        client.schedules.get,
        client.schedules.delete,
        client.schedules.pause,
        client.schedules.resume,
        client.schedules.trigger,
        client.schedules.get_history,
    ):
        with pytest.raises(NotFoundError):
            call(schedule_id)


@pytest.mark.parametrize("fields", [{"cron_expression": "* * * *"}, {"timezone": "Mars/Olympus"}])
def test_a_bad_rule_is_a_validation_error(
    client: SpooledClient, queue: str, fields: dict[str, str]
) -> None:
    with pytest.raises(ValidationError):
        create(client, queue, **fields)


def test_a_daily_report_in_new_york_at_nine(client: SpooledClient, queue: str) -> None:
    created = client.schedules.create(
        {
            "name": "Daily Report",
            "cron_expression": "0 9 * * *",
            "timezone": "America/New_York",
            "queue_name": queue,
            "payload_template": {"type": "daily_report"},
        }
    )

    assert created.next_run_at is not None
    there = created.next_run_at.astimezone(NEW_YORK)
    now = datetime.now(UTC)
    assert (there.hour, there.minute, there.second) == (9, 0, 0)
    assert now < created.next_run_at <= now + timedelta(days=1, hours=1)
    client.schedules.trigger(created.id)
    job = claim_one(client, queue)
    assert job.payload == {"type": "daily_report"}


def test_a_report_comes_within_a_second_to_a_claim_that_waits(
    client: SpooledClient, server: ServerProcess, queue: str
) -> None:
    """The same rule, said for a moment that a test can wait for."""
    soon = datetime.now(NEW_YORK).replace(microsecond=0) + timedelta(seconds=2)
    schedule_id = create(
        client,
        queue,
        cron_expression=f"{soon.second} {soon.minute} {soon.hour} * * *",
        timezone="America/New_York",
    )

    # The client has no word for waiting.
    [job] = httpx.post(
        f"{server.url}/api/v1/jobs/claim",
        json={"queue_name": queue, "worker_id": "w", "wait_ms": 10_000},
        headers={"Authorization": f"Bearer {API_KEY}"},
        timeout=20,
    ).json()["jobs"]

    [run] = client.schedules.get_history(schedule_id)
    assert run.job_id == job["id"]
    assert timedelta(0) <= run.started_at - soon < FIRES_WITHIN
    schedule = client.schedules.get(schedule_id)
    assert schedule.next_run_at is not None
    assert schedule.next_run_at.astimezone(NEW_YORK).date() == soon.date() + timedelta(days=1)
