"""Creating jobs: contract jobs, J1."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import NOW, UNKNOWN_ID, WatchedApi, problem, refusal
from tests.wire.http.served import NOW_MS


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def a_body(**fields: Any) -> dict[str, Any]:
    return {"queue_name": "emails", "payload": {"to": "a"}, **fields}


def test_a_new_job_is_answered_in_full(api: WatchedApi) -> None:
    answer = api.post("jobs", json=a_body())

    shown = answer.json()
    assert answer.status_code == 201
    assert len(shown.pop("id")) == 36
    assert shown == {
        "organization_id": api.served.org_id,
        "queue_name": "emails",
        "queue": "emails",
        "status": "pending",
        "payload": {"to": "a"},
        "result": None,
        "retry_count": 0,
        "attempt": 0,
        "attempts": 0,
        "max_retries": 3,
        "last_error": None,
        "error": None,
        "created_at": NOW,
        "scheduled_at": None,
        "started_at": None,
        "completed_at": None,
        "expires_at": None,
        "priority": 0,
        "tags": None,
        "timeout_seconds": 300,
        "parent_job_id": None,
        "completion_webhook": None,
        "assigned_worker_id": None,
        "worker_id": None,
        "lease_id": None,
        "lease_expires_at": None,
        "idempotency_key": None,
        "updated_at": NOW,
        "workflow_id": None,
        "dependency_mode": None,
        "dependencies_met": None,
        "progress": None,
        "progress_message": None,
        "created": True,
    }


def test_what_was_asked_for_is_kept_and_the_secret_is_not_shown(api: WatchedApi) -> None:
    asked: dict[str, Any] = {
        "priority": -10,
        "max_retries": 0,
        "timeout_seconds": 86_400,
        "expires_at": "2027-01-16T08:00:00.000Z",
        "idempotency_key": "k" * 255,
        "tags": {"team": "a"},
        "completion_webhook": "http://localhost:9/done",
    }

    created = api.enqueue(**asked, completion_webhook_secret="s" * 255)

    assert {name: created[name] for name in asked} == asked
    assert "completion_webhook_secret" not in created
    shown = api.job(created["id"])
    assert {**shown, "created": True} == created


def test_the_queue_decides_what_the_job_leaves_open(api: WatchedApi) -> None:
    api.post("queues", json={"name": "emails", "max_retries": 7, "timeout_seconds": 9})

    job = api.enqueue(max_retries=None, timeout_seconds=None)

    assert (job["max_retries"], job["timeout_seconds"]) == (7, 9)


def test_a_queue_comes_into_being_with_its_first_job(api: WatchedApi) -> None:
    assert api.get("queues/new").status_code == 404

    api.enqueue("new")

    assert api.shown("GET", "queues/new")["max_retries"] == 3


def test_queue_is_another_name_of_queue_name_which_wins(api: WatchedApi) -> None:
    by_alias = api.shown("POST", "jobs", 201, json={"queue": "a", "payload": 1})
    by_both = api.shown("POST", "jobs", 201, json={"queue": "a", "queue_name": "b", "payload": 1})

    assert (by_alias["queue_name"], by_both["queue_name"]) == ("a", "b")


def test_queue_names_that_are_fine(api: WatchedApi) -> None:
    for name in ("a", "x" * 100, "A-b_c.9", "_a", "äöü", "数据", "9"):
        assert api.enqueue(name)["queue_name"] == name


def test_edges_just_inside_are_accepted(api: WatchedApi) -> None:
    for field, values in {
        "priority": (-100, 100),
        "max_retries": (0, 100),
        "timeout_seconds": (1, 86_400),
        "delay_seconds": (0, 86_400),
        "idempotency_key": ("", "x" * 255),
    }.items():
        for value in values:
            assert api.post("jobs", json=a_body(**{field: value})).status_code == 201, field


RULES: list[tuple[dict[str, Any], tuple[int, str, str]]] = [
    ({"queue_name": ""}, (400, "queue_name", "length")),
    ({"queue_name": "x" * 101}, (400, "queue_name", "length")),
    ({"queue_name": "a b"}, (400, "queue_name", "invalid_queue_name")),
    ({"queue_name": "a/b"}, (400, "queue_name", "invalid_queue_name")),
    ({"queue_name": ".a"}, (400, "queue_name", "invalid_queue_name_start")),
    ({"queue_name": "-a"}, (400, "queue_name", "invalid_queue_name_start")),
    ({"queue_name": None, "queue": ""}, (400, "queue", "length")),
    ({"queue_name": None}, (422, "queue_name", "missing_field")),
    ({"queue_name": 5}, (422, "queue_name", "invalid_type")),
    ({"priority": -101}, (400, "priority", "range")),
    ({"priority": 101}, (400, "priority", "range")),
    ({"priority": "1"}, (422, "priority", "invalid_type")),
    ({"priority": 1.5}, (422, "priority", "invalid_type")),
    ({"priority": True}, (422, "priority", "invalid_type")),
    ({"max_retries": -1}, (400, "max_retries", "range")),
    ({"max_retries": 101}, (400, "max_retries", "range")),
    ({"timeout_seconds": 0}, (400, "timeout_seconds", "range")),
    ({"timeout_seconds": 86_401}, (400, "timeout_seconds", "range")),
    ({"delay_seconds": -1}, (400, "delay_seconds", "range")),
    ({"delay_seconds": 10**30}, (400, "delay_seconds", "range")),
    ({"delay_seconds": "5"}, (422, "delay_seconds", "invalid_type")),
    ({"idempotency_key": "x" * 256}, (400, "idempotency_key", "length")),
    ({"idempotency_key": 5}, (422, "idempotency_key", "invalid_type")),
    ({"parent_job_id": UNKNOWN_ID}, (400, "parent_job_id", "invalid_value")),
    ({"completion_webhook": "nonsense"}, (400, "completion_webhook", "invalid_url")),
    ({"completion_webhook": "ftp://a.example/x"}, (400, "completion_webhook", "invalid_url")),
    ({"completion_webhook": "http://"}, (400, "completion_webhook", "invalid_url")),
    ({"completion_webhook": "https://a b.example"}, (400, "completion_webhook", "invalid_url")),
    ({"completion_webhook": 5}, (422, "completion_webhook", "invalid_type")),
    ({"completion_webhook_secret": "x" * 256}, (400, "completion_webhook_secret", "length")),
    ({"scheduled_at": "tomorrow"}, (422, "scheduled_at", "invalid_type")),
    ({"scheduled_at": 1_800_000_000}, (422, "scheduled_at", "invalid_type")),
    ({"scheduled_at": ""}, (422, "scheduled_at", "invalid_type")),
    ({"scheduled_at": {"date": "soon", "timezone": "UTC"}}, (422, "scheduled_at", "invalid_type")),
    ({"scheduled_at": "2027-02-30T00:00:00Z"}, (422, "scheduled_at", "invalid_type")),
    ({"scheduled_at": "0001-01-01T00:00:00+23:59"}, (422, "scheduled_at", "invalid_type")),
    ({"scheduled_at": "9999-12-31T23:59:59-23:59"}, (422, "scheduled_at", "invalid_type")),
    ({"scheduled_for": "x"}, (422, "scheduled_for", "invalid_type")),
    ({"expires_at": "x"}, (422, "expires_at", "invalid_type")),
]


def test_a_bad_field_is_refused_by_name(api: WatchedApi) -> None:
    for fields, expected in RULES:
        assert problem(api.post("jobs", json=a_body(**fields))) == expected, fields


def test_the_payload_is_required_and_may_be_null(api: WatchedApi) -> None:
    missing = api.post("jobs", json={"queue_name": "emails"})

    assert problem(missing) == (422, "payload", "missing_field")
    assert api.enqueue(payload=None)["payload"] is None


def test_null_is_the_same_as_absent(api: WatchedApi) -> None:
    nothing: dict[str, Any] = dict.fromkeys(
        (
            "priority", "max_retries", "timeout_seconds", "scheduled_at", "scheduled_for",
            "delay_seconds", "expires_at", "idempotency_key", "tags", "parent_job_id",
            "completion_webhook", "completion_webhook_secret", "queue",
        )
    )  # fmt: skip
    plain = api.enqueue()

    job = api.enqueue(**nothing)

    assert {**job, "id": plain["id"]} == plain


def test_fields_that_nobody_knows_are_ignored(api: WatchedApi) -> None:
    job = api.enqueue(metadata={"a": 1}, dependencies=["x"], job_type=5, nonsense=[[]])

    assert "nonsense" not in job


# -- times ----------------------------------------------------------------------------------------

TIMES: list[tuple[Any, str]] = [
    ("2027-02-01T09:00:00Z", "2027-02-01T09:00:00.000Z"),
    ("2027-02-01t09:00:00z", "2027-02-01T09:00:00.000Z"),
    ("2027-02-01T09:00:00+02:00", "2027-02-01T07:00:00.000Z"),
    ("2027-02-01T09:00:00.5-05:30", "2027-02-01T14:30:00.500Z"),
    ("2027-02-01T09:00:00", "2027-02-01T09:00:00.000Z"),
    ("2027-02-01 09:00:00", "2027-02-01T09:00:00.000Z"),
    ("2027-02-01 09:00:00", "2027-02-01T09:00:00.000Z"),
    ("2027-02-01T09:00:00.123456789Z", "2027-02-01T09:00:00.123Z"),
    (
        {"date": "2027-02-01 09:00:00.250000", "timezone_type": 3, "timezone": "Europe/Berlin"},
        "2027-02-01T08:00:00.250Z",
    ),
    (
        {"date": "2027-02-01 09:00:00.000000", "timezone_type": 1, "timezone": "+02:00"},
        "2027-02-01T07:00:00.000Z",
    ),
    (
        {"date": "2027-02-01 09:00:00.000000", "timezone_type": 2, "timezone": "EST"},
        "2027-02-01T14:00:00.000Z",
    ),
]


def test_times_are_read_in_many_spellings_and_shown_in_one(api: WatchedApi) -> None:
    for given, shown in TIMES:
        job = api.enqueue(scheduled_at=given, expires_at=given)

        assert (job["scheduled_at"], job["expires_at"]) == (shown, shown), given
        assert job["status"] == "scheduled"


def test_a_time_that_has_come_is_kept_and_the_job_waits_no_longer(api: WatchedApi) -> None:
    for past in ("0001-01-01T00:00:00.000Z", NOW):
        job = api.enqueue("past", scheduled_at=past)

        assert (job["status"], job["scheduled_at"]) == ("pending", past)
    assert len(api.claim("past", limit=9)) == 2


def test_a_delay_counts_from_now_and_gives_way_to_a_time(api: WatchedApi) -> None:
    later = api.enqueue(delay_seconds=90)
    at_once = api.enqueue(delay_seconds=0)
    by_time = api.enqueue(delay_seconds=90, scheduled_for="2027-02-01T00:00:00")
    both = api.enqueue(scheduled_at="2027-03-01T00:00:00", scheduled_for="2027-02-01T00:00:00")

    assert (later["scheduled_at"], later["status"]) == ("2027-01-15T08:01:30.000Z", "scheduled")
    assert (at_once["scheduled_at"], at_once["status"]) == (NOW, "pending")
    assert by_time["scheduled_at"] == "2027-02-01T00:00:00.000Z"
    assert both["scheduled_at"] == "2027-03-01T00:00:00.000Z"


def test_a_scheduled_job_is_promoted_when_its_time_comes(api: WatchedApi) -> None:
    job = api.enqueue(delay_seconds=60)
    assert api.claim() == []

    api.clock.advance(seconds=60)

    api.until(f"jobs/{job['id']}", lambda shown: shown["status"] == "pending")


def test_a_job_that_was_not_claimed_in_time_is_cancelled(api: WatchedApi) -> None:
    job = api.enqueue(expires_at="2027-01-15T08:01:00Z")

    api.clock.advance(seconds=60)

    assert api.claim() == []
    shown = api.until(f"jobs/{job['id']}", lambda shown: shown["status"] == "cancelled")
    assert shown["completed_at"] == "2027-01-15T08:01:00.000Z"


# -- caps -----------------------------------------------------------------------------------------


def test_a_full_plan_refuses_a_job_and_names_the_numbers() -> None:
    with WatchedApi(":memory:", Settings(plan_enforcement="on")) as api:
        key = api.other_org(tier="free")
        for _ in range(10):
            assert api.post("jobs", json=a_body(), key=key).is_success
        api.clock.advance(seconds=10)  # the plan limits the rate of requests too

        refused = api.post("jobs", json=a_body(), key=key)

        assert refusal(refused) == (429, "QUOTA_EXCEEDED")
        assert "retry-after" not in refused.headers
        facts = {"resource": "active_jobs", "current": 10, "limit": 10, "plan": "free"}
        assert {name: refused.json()[name] for name in facts} == facts
        assert "limit reached" in refused.json()["message"]


def test_the_time_stands_still_for_these_tests(api: WatchedApi) -> None:
    assert api.clock.now_ms() == NOW_MS
