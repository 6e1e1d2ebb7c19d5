"""Schedules over HTTP: contract schedules-workflows-webhooks, section 1."""

import json
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from spooled_lite.config import Settings
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.storage.statement import Statement
from spooled_lite.storage.transaction import Tx
from tests.wire.http.job_calls import UNKNOWN_ID, WatchedApi, problem, refusal, sent, spelled

NOW: Final = "2027-01-15T08:00:00.000Z"
NEXT: Final = "2027-01-15T14:00:00.000Z"
BODY: Final[dict[str, Any]] = {
    "name": "nightly",
    "cron_expression": "0 9 * * *",
    "timezone": "America/New_York",
    "queue_name": "reports",
    "payload_template": {"kind": "daily"},
}
BY_ID: Final = [
    ("GET", ""),
    ("PUT", ""),
    ("DELETE", ""),
    ("POST", "/pause"),
    ("POST", "/resume"),
    ("POST", "/trigger"),
    ("GET", "/history"),
    ("GET", "/next"),
]
ACTS: Final = [("POST", "/pause"), ("POST", "/resume"), ("POST", "/trigger"), ("PUT", "")]


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def created(api: WatchedApi, **fields: Any) -> dict[str, Any]:
    return api.shown("POST", "schedules", 201, json={**BODY, **fields})


def without(*names: str, **fields: Any) -> dict[str, Any]:
    return {name: value for name, value in {**BODY, **fields}.items() if name not in names}


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["name"] for each in answer.json()]


# -- create ----------------------------------------------------------------------------------


def test_a_new_schedule_is_answered_with_every_field(api: WatchedApi) -> None:
    shown = created(api)

    assert len(shown.pop("id")) == 36
    assert shown == {
        "organization_id": api.served.org_id,
        "name": "nightly",
        "description": None,
        "cron_expression": "0 9 * * *",
        "timezone": "America/New_York",
        "queue_name": "reports",
        "payload_template": {"kind": "daily"},
        "priority": 0,
        "max_retries": 3,
        "timeout_seconds": 300,
        "is_active": True,
        "enabled": True,
        "catch_up": "one",
        "last_run_at": None,
        "next_run_at": NEXT,
        "run_count": 0,
        "failed_count": 0,
        "tags": None,
        "metadata": None,
        "created_at": NOW,
        "updated_at": NOW,
    }


def test_every_field_is_kept(api: WatchedApi) -> None:
    given = {
        "description": "d",
        "priority": -100,
        "max_retries": 0,
        "timeout_seconds": 86_400,
        "is_active": False,
        "tags": {"a": [1]},
        "metadata": [None, {"b": 1.50}],
        "catch_up": "all",
    }

    shown = created(api, **given)

    assert {name: shown[name] for name in given} == given
    assert shown["enabled"] is False
    assert api.shown("GET", f"schedules/{shown['id']}") == shown


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        (without("cron_expression", cron="@daily"), "cron_expression", "@daily"),
        (without("cron_expression", schedule="@daily"), "cron_expression", "@daily"),
        ({**BODY, "cron": "@daily"}, "cron_expression", "0 9 * * *"),
        (without("queue_name", queue="other"), "queue_name", "other"),
        ({**BODY, "queue": "other"}, "queue_name", "reports"),
        (without("payload_template", payload=[1]), "payload_template", [1]),
        ({**BODY, "payload": [1]}, "payload_template", {"kind": "daily"}),
        ({**BODY, "payload_template": None}, "payload_template", None),
        ({**BODY, "enabled": False}, "is_active", False),
        ({**BODY, "enabled": False, "is_active": True}, "is_active", True),
        ({**BODY, "timezone": None}, "timezone", "UTC"),
        (without("timezone"), "timezone", "UTC"),
        ({**BODY, "timezone": "-05:30"}, "timezone", "-05:30"),
        ({**BODY, "cron_expression": "  0  0 9 * * mon-FRI "}, "cron_expression",
         "  0  0 9 * * mon-FRI "),
        ({**BODY, "metadata": {"catch_up": "skip"}}, "catch_up", "skip"),
        ({**BODY, "metadata": {"catch_up": "skip"}, "catch_up": "all"}, "catch_up", "all"),
        ({**BODY, "metadata": {"catch_up": "never"}}, "catch_up", "one"),
        ({**BODY, "metadata": {"catch_up": ["all"]}}, "catch_up", "one"),
        ({**BODY, "job_type": "mail"}, "payload_template", {"kind": "daily", "job_type": "mail"}),
        ({**BODY, "job_type": "mail", "payload_template": {"job_type": "sms"}},
         "payload_template", {"job_type": "sms"}),
        ({**BODY, "job_type": "mail", "payload_template": [1]}, "payload_template", [1]),
        ({**BODY, "unknown": 1, "organization_id": "x"}, "name", "nightly"),
        ({**BODY, "description": None, "priority": None, "tags": None}, "priority", 0),
    ],
)  # fmt: skip
def test_fields_have_several_spellings_and_defaults(
    api: WatchedApi, body: dict[str, Any], field: str, value: Any
) -> None:
    assert api.shown("POST", "schedules", 201, json=body)[field] == value


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (without("name"), (422, "name", "missing_field")),
        (without("cron_expression"), (422, "cron_expression", "missing_field")),
        (without("queue_name"), (422, "queue_name", "missing_field")),
        (without("payload_template"), (422, "payload_template", "missing_field")),
        ({**BODY, "name": ""}, (400, "name", "length")),
        ({**BODY, "name": "x" * 256}, (400, "name", "length")),
        ({**BODY, "name": 5}, (422, "name", "invalid_type")),
        ({**BODY, "description": "x" * 1_001}, (400, "description", "length")),
        ({**BODY, "cron_expression": 5}, (422, "cron_expression", "invalid_type")),
        ({**BODY, "timezone": "Mars/Olympus"}, (400, "timezone", "invalid_value")),
        ({**BODY, "timezone": ""}, (400, "timezone", "invalid_value")),
        ({**BODY, "timezone": 1}, (422, "timezone", "invalid_type")),
        ({**BODY, "queue_name": ""}, (400, "queue_name", "length")),
        ({**BODY, "queue_name": "x" * 101}, (400, "queue_name", "length")),
        ({**BODY, "queue_name": "a b"}, (400, "queue_name", "invalid_queue_name")),
        ({**BODY, "queue_name": ".a"}, (400, "queue_name", "invalid_queue_name_start")),
        ({**BODY, "priority": 101}, (400, "priority", "range")),
        ({**BODY, "priority": "1"}, (422, "priority", "invalid_type")),
        ({**BODY, "max_retries": 101}, (400, "max_retries", "range")),
        ({**BODY, "timeout_seconds": 0}, (400, "timeout_seconds", "range")),
        ({**BODY, "timeout_seconds": 86_401}, (400, "timeout_seconds", "range")),
        ({**BODY, "is_active": "yes"}, (422, "is_active", "invalid_type")),
        ({**BODY, "tags": "x"}, (422, "tags", "invalid_type")),
        ({**BODY, "tags": 1}, (422, "tags", "invalid_type")),
        ({**BODY, "tags": ["x" * 65_536]}, (400, "tags", "tags_too_large")),
        ({**BODY, "metadata": "x" * 65_536}, (400, "metadata", "metadata_too_large")),
        ({**BODY, "job_type": "x" * 256}, (400, "job_type", "length")),
        ({**BODY, "catch_up": "two"}, (400, "catch_up", "invalid_value")),
        ({**BODY, "catch_up": 1}, (422, "catch_up", "invalid_type")),
    ],
)  # fmt: skip
def test_a_bad_new_schedule_is_refused_with_its_field(
    api: WatchedApi, body: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert problem(api.post("schedules", json=body)) == expected


@pytest.mark.parametrize("expression", ["", "* * * *", "60 * * * *", "a * * * *", "* " * 51])
@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("PUT", "/{id}"), ("POST", "/preview")])
def test_a_bad_expression_is_refused_in_words_that_clients_know(
    api: WatchedApi, expression: str, method: str, path: str
) -> None:
    path = path.replace("{id}", created(api)["id"])

    answer = api.request(method, f"schedules{path}", json={**BODY, "cron_expression": expression})

    assert refusal(answer) == (400, "VALIDATION_ERROR")
    assert answer.json()["message"].startswith("Invalid cron expression:")
    assert answer.json()["details"][0]["field"] == "cron_expression"


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{"])
def test_a_new_schedule_needs_a_body(api: WatchedApi, body: bytes) -> None:
    answer = sent(api, "POST", "schedules", body)

    assert answer.status_code in (400, 422)


def test_a_template_that_is_too_large_is_refused(api: WatchedApi) -> None:
    template = {"x": "x" * 1_048_576}

    assert refusal(api.post("schedules", json={**BODY, "payload_template": template})) == (
        413,
        "PAYLOAD_TOO_LARGE",
    )
    made = created(api)
    for body in ({"payload_template": template}, {"payload": template}):
        assert refusal(api.put(f"schedules/{made['id']}", json=body)) == (413, "PAYLOAD_TOO_LARGE")


def test_a_template_comes_back_byte_for_byte(api: WatchedApi) -> None:
    given = {name: f'"{value}"'.encode() for name, value in BODY.items() if name[0] != "p"}
    template = b'{"n": 1.50,  "big": 123456789012345678901234567890, "e": "\\u00e9"}'

    answer = sent(api, "POST", "schedules", spelled(**given, payload_template=template))

    assert template in answer.content
    assert template in api.get(f"schedules/{answer.json()['id']}").content


def test_an_expression_that_never_matches_has_no_next_run(api: WatchedApi) -> None:
    assert created(api, cron_expression="0 0 30 2 *")["next_run_at"] is None


# -- list ------------------------------------------------------------------------------------


def test_the_newest_schedules_come_first(api: WatchedApi) -> None:
    for name in ("a", "b", "c"):
        created(api, name=name, queue_name=f"queue-{name}", is_active=name != "b")
        api.clock.advance(seconds=1)

    assert names(api.get("schedules")) == ["c", "b", "a"]
    assert names(api.get("schedules?limit=2")) == ["c", "b"]
    assert names(api.get("schedules?limit=2&offset=2")) == ["a"]
    assert names(api.get("schedules?queue_name=queue-b")) == ["b"]
    assert names(api.get("schedules?queue_name=queue%20b")) == []  # no queue can have this name
    assert names(api.get("schedules?queue=queue-c")) == ["c"]
    assert names(api.get("schedules?is_active=true")) == ["c", "a"]
    assert names(api.get("schedules?is_active=0")) == ["b"]
    assert names(api.get("schedules?order_by=name&order_dir=asc")) == ["a", "b", "c"]
    assert names(api.get("schedules?order_by=nothing&order_dir=sideways")) == ["c", "b", "a"]


def test_a_list_says_whether_there_is_more(api: WatchedApi) -> None:
    for _ in range(3):
        created(api)

    more = {
        query: api.get(f"schedules?{query}").headers["x-has-more"]
        for query in ("limit=2", "limit=3", "limit=0", "limit=501&offset=-1", "limit=2&offset=1")
    }

    assert more == {
        "limit=2": "true",
        "limit=3": "false",
        "limit=0": "true",
        "limit=501&offset=-1": "false",
        "limit=2&offset=1": "false",
    }


@pytest.mark.parametrize("query", ["limit=x", "offset=x", "is_active=maybe"])
def test_a_list_refuses_what_is_no_value(api: WatchedApi, query: str) -> None:
    assert refusal(api.get(f"schedules?{query}")) == (400, "BAD_REQUEST")


# -- update ----------------------------------------------------------------------------------


def test_a_change_keeps_what_it_does_not_name(api: WatchedApi) -> None:
    made = created(api, description="d", tags=["t"], metadata={"m": 1})
    api.clock.advance(seconds=1)

    changed = api.shown(
        "PUT",
        f"schedules/{made['id']}",
        json={"name": "other", "description": None, "payload_template": None, "tags": None},
    )

    assert changed == {**made, "name": "other", "updated_at": "2027-01-15T08:00:01.000Z"}


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        ({"cron": "0 10 * * *"}, {"cron_expression": "0 10 * * *",
                                  "next_run_at": "2027-01-15T15:00:00.000Z"}),
        ({"timezone": "UTC"}, {"timezone": "UTC", "next_run_at": "2027-01-15T09:00:00.000Z"}),
        ({"payload": 5}, {"payload_template": 5}),
        ({"payload_template": None, "payload": 5}, {"payload_template": 5}),
        ({"job_type": "mail"}, {"payload_template": {"kind": "daily", "job_type": "mail"}}),
        ({"payload": {}, "job_type": "x"}, {"payload_template": {"job_type": "x"}}),
        ({"enabled": False}, {"is_active": False, "enabled": False}),
        ({"is_active": False}, {"is_active": False, "enabled": False}),
        ({"queue_name": "q" * 255}, {}),
        ({"queue": "not a queue name"}, {}),
        ({"metadata": {"catch_up": "all"}}, {"metadata": {"catch_up": "all"}, "catch_up": "all"}),
        ({"priority": 5, "max_retries": 1, "timeout_seconds": 7},
         {"priority": 5, "max_retries": 1, "timeout_seconds": 7}),
        ({}, {}),
        (BODY, {}),
    ],
)  # fmt: skip
def test_a_change_changes_what_it_names(
    api: WatchedApi, body: dict[str, Any], changes: dict[str, Any]
) -> None:
    made = created(api)

    changed = api.shown("PUT", f"schedules/{made['id']}", json=body)

    assert changed == {**made, **changes}
    assert api.shown("GET", f"schedules/{made['id']}") == changed


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": ""}, (400, "name", "length")),
        ({"queue_name": "x" * 256}, (400, "queue_name", "length")),
        ({"queue_name": 1}, (422, "queue_name", "invalid_type")),
        ({"timezone": "x"}, (400, "timezone", "invalid_value")),
        ({"priority": -101}, (400, "priority", "range")),
        ({"tags": "x"}, (422, "tags", "invalid_type")),
        ({"enabled": 1}, (422, "enabled", "invalid_type")),
    ],
)
def test_a_bad_change_is_refused_with_its_field(
    api: WatchedApi, body: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    made = created(api)

    assert problem(api.put(f"schedules/{made['id']}", json=body)) == expected


# -- pause, resume, trigger, history, delete --------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null"])
@pytest.mark.parametrize(("method", "path"), ACTS)
def test_an_act_needs_no_body(api: WatchedApi, method: str, path: str, body: bytes) -> None:
    made = created(api)

    assert sent(api, method, f"schedules/{made['id']}{path}", body).status_code == 200


def test_a_pause_and_its_end(api: WatchedApi) -> None:
    made = created(api, cron_expression="0 * * * *", timezone="UTC")

    paused = api.shown("POST", f"schedules/{made['id']}/pause")
    again = api.shown("POST", f"schedules/{made['id']}/pause")
    api.clock.advance(seconds=2 * 3_600)
    resumed = api.shown("POST", f"schedules/{made['id']}/resume")

    assert paused == again == {**made, "is_active": False, "enabled": False}
    assert (resumed["is_active"], resumed["next_run_at"]) == (True, "2027-01-15T11:00:00.000Z")
    assert api.shown("POST", f"schedules/{made['id']}/resume")["next_run_at"] == (
        "2027-01-15T11:00:00.000Z"
    )
    assert api.get("jobs").json() == []


def test_a_trigger_makes_a_job_like_any_other(api: WatchedApi) -> None:
    made = created(api, priority=3, max_retries=1, timeout_seconds=9, tags={"a": 1})

    answer = api.shown("POST", f"schedules/{made['id']}/trigger")

    assert answer == {
        "job_id": answer["job_id"],
        "triggered_at": NOW,
        "scheduled_at": NOW,
    }
    job = api.job(answer["job_id"])
    assert (job["status"], job["queue_name"], job["payload"]) == (
        "pending",
        "reports",
        {"kind": "daily"},
    )
    assert (job["priority"], job["max_retries"], job["timeout_seconds"]) == (3, 1, 9)
    assert (job["tags"], job["scheduled_at"], job["idempotency_key"]) == ({"a": 1}, None, None)
    assert api.history(job["id"]) == ["created"]
    after = api.shown("GET", f"schedules/{made['id']}")
    assert (after["run_count"], after["last_run_at"], after["next_run_at"]) == (1, NOW, NEXT)


def test_a_run_has_every_field(api: WatchedApi) -> None:
    made = created(api)
    job_id = api.shown("POST", f"schedules/{made['id']}/trigger")["job_id"]

    [run] = api.get(f"schedules/{made['id']}/history").json()

    assert len(run.pop("id")) == 36
    assert run == {
        "schedule_id": made["id"],
        "job_id": job_id,
        "status": "completed",
        "error_message": None,
        "error": None,
        "started_at": NOW,
        "executed_at": NOW,
        "triggered_at": NOW,
        "completed_at": NOW,
        "duration": 0,
    }


def test_a_slot_fires_while_nobody_asks(api: WatchedApi) -> None:
    made = created(api, cron_expression="* * * * *")

    api.clock.advance(seconds=60)
    after = api.until(f"schedules/{made['id']}", lambda it: it["run_count"] == 1)
    api.clock.advance(seconds=60)
    api.until(f"schedules/{made['id']}", lambda it: it["run_count"] == 2)

    assert after["last_run_at"] == "2027-01-15T08:01:00.000Z"
    assert after["next_run_at"] == "2027-01-15T08:02:00.000Z"
    assert len(api.get("jobs?queue_name=reports").json()) == 2
    history = api.get(f"schedules/{made['id']}/history").json()
    assert [run["started_at"] for run in history] == [
        "2027-01-15T08:02:00.000Z",
        "2027-01-15T08:01:00.000Z",
    ]


def test_history_is_paged(api: WatchedApi) -> None:
    made = created(api)
    for _ in range(3):
        api.clock.advance(seconds=1)
        api.shown("POST", f"schedules/{made['id']}/trigger")

    first = api.get(f"schedules/{made['id']}/history?limit=2")
    second = api.get(f"schedules/{made['id']}/history?limit=2&offset=2")

    assert (first.headers["x-has-more"], second.headers["x-has-more"]) == ("true", "false")
    times = [run["started_at"][17:19] for run in first.json() + second.json()]
    assert times == ["03", "02", "01"]


def test_a_deleted_schedule_is_gone_and_its_jobs_stay(api: WatchedApi) -> None:
    made = created(api)
    job_id = api.shown("POST", f"schedules/{made['id']}/trigger")["job_id"]

    assert api.delete(f"schedules/{made['id']}").status_code == 204

    assert api.get("schedules").json() == []
    for method, path in BY_ID:
        answer = api.request(method, f"schedules/{made['id']}{path}")
        assert refusal(answer) == (404, "NOT_FOUND"), (method, path)
    assert api.job(job_id)["status"] == "pending"


# -- slots -----------------------------------------------------------------------------------


def test_the_next_slots_are_shown_in_both_clocks(api: WatchedApi) -> None:
    made = created(api, is_active=False)

    shown = api.shown("GET", f"schedules/{made['id']}/next?count=2")
    looked_at = api.shown(
        "POST",
        "schedules/preview",
        json={"cron": "0 9 * * *", "timezone": "America/New_York", "count": 2},
    )

    assert shown == {
        "cron_expression": "0 9 * * *",
        "timezone": "America/New_York",
        "slots": [
            {"utc": NEXT, "local": "2027-01-15T09:00:00.000-05:00"},
            {"utc": "2027-01-16T14:00:00.000Z", "local": "2027-01-16T09:00:00.000-05:00"},
        ],
    }
    assert looked_at == shown


def test_slots_cross_a_change_of_the_clock(api: WatchedApi) -> None:
    body = {"cron": "30 2 14 3 *", "timezone": "America/New_York", "count": 1}

    [slot] = api.shown("POST", "schedules/preview", json=body)["slots"]

    assert slot == {"utc": "2027-03-14T07:00:00.000Z", "local": "2027-03-14T03:00:00.000-04:00"}


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ({"cron_expression": "@hourly"}, 10),
        ({"cron_expression": "@hourly", "count": 100}, 100),
        ({"cron_expression": "0 0 30 2 *"}, 0),
    ],
)
def test_a_preview_has_as_many_slots_as_there_are(
    api: WatchedApi, body: dict[str, Any], count: int
) -> None:
    shown = api.shown("POST", "schedules/preview", json=body)

    assert (len(shown["slots"]), shown["timezone"]) == (count, "UTC")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (422, "cron_expression", "missing_field")),
        ({"cron_expression": "@hourly", "timezone": "x"}, (400, "timezone", "invalid_value")),
        ({"cron_expression": "@hourly", "count": 0}, (400, "count", "range")),
        ({"cron_expression": "@hourly", "count": 101}, (400, "count", "range")),
        ({"cron_expression": "@hourly", "count": "5"}, (422, "count", "invalid_type")),
    ],
)
def test_a_bad_preview_is_refused_with_its_field(
    api: WatchedApi, body: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert problem(api.post("schedules/preview", json=body)) == expected


@pytest.mark.parametrize("count", ["0", "101", "-1", "x", "1.5", "9" * 5_000])
def test_a_number_of_slots_out_of_range_is_refused(api: WatchedApi, count: str) -> None:
    made = created(api)

    answer = api.get(f"schedules/{made['id']}/next?count={count}")

    assert refusal(answer) == (400, "BAD_REQUEST")


def test_a_schedule_cannot_be_called_preview(api: WatchedApi) -> None:
    assert refusal(api.post("schedules/preview/trigger")) == (404, "NOT_FOUND")


# -- whose -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), BY_ID)
def test_unknown_and_foreign_schedules_are_not_found(
    api: WatchedApi, method: str, path: str
) -> None:
    made, stranger = created(api), api.other_org()

    unknown = api.request(method, f"schedules/{UNKNOWN_ID}{path}")
    malformed = api.request(method, f"schedules/non-existent{path}")
    foreign = api.request(method, f"schedules/{made['id']}{path}", key=stranger)

    assert {refusal(it) for it in (unknown, malformed, foreign)} == {(404, "NOT_FOUND")}


@pytest.mark.parametrize(("method", "path"), BY_ID)
def test_a_key_for_other_queues_may_not_touch_a_schedule(
    api: WatchedApi, method: str, path: str
) -> None:
    made, scoped = created(api), api.issue(queues=("others",))

    answer = api.request(method, f"schedules/{made['id']}{path}", key=scoped)

    assert refusal(answer) == (403, "ACCESS_DENIED")


def test_a_key_for_some_queues_makes_and_sees_schedules_of_those(api: WatchedApi) -> None:
    scoped = api.issue(queues=("re*",))
    created(api, name="hidden", queue_name="others")

    api.shown("POST", "schedules", 201, json=BODY, key=scoped)
    outside = api.post("schedules", json={**BODY, "queue_name": "others"}, key=scoped)

    assert refusal(outside) == (403, "ACCESS_DENIED")
    assert names(api.get("schedules", key=scoped)) == ["nightly"]
    assert names(api.get("schedules?queue_name=others", key=scoped)) == []


@pytest.mark.parametrize(
    ("words", "may_read", "may_write"),
    [
        (("schedules:read",), True, False),
        (("schedules:write",), True, True),
        (("jobs:read",), True, False),
        (("jobs:write",), True, True),
        (("queues:write", "workers:write"), False, False),
    ],
)
def test_a_key_needs_the_word(
    api: WatchedApi, words: tuple[str, ...], may_read: bool, may_write: bool
) -> None:
    key, made = api.issue(permissions=words), created(api)
    reads = [
        api.get("schedules", key=key),
        api.get(f"schedules/{made['id']}/next", key=key),
        api.post("schedules/preview", json={"cron": "@daily"}, key=key),
    ]
    writes = [
        api.post("schedules", json=BODY, key=key),
        api.post(f"schedules/{made['id']}/trigger", key=key),
        api.put(f"schedules/{made['id']}", json={}, key=key),
    ]

    assert {answer.status_code < 400 for answer in reads} == {may_read}
    assert {answer.status_code < 400 for answer in writes} == {may_write}


# -- plans -----------------------------------------------------------------------------------


def test_a_full_plan_is_told_in_numbers() -> None:
    with WatchedApi(":memory:", Settings(plan_enforcement="on")) as api:
        free(api)
        made = created(api)
        paused = created(api, is_active=False)

        over = [
            api.post("schedules", json=BODY),
            api.post(f"schedules/{paused['id']}/resume"),
            api.put(f"schedules/{paused['id']}", json={"enabled": True}),
        ]

        for answer in over:
            assert answer.status_code == 429
            assert "retry-after" not in answer.headers
            assert (
                answer.json().items()
                >= {
                    "code": "QUOTA_EXCEEDED",
                    "error": "limit_exceeded",
                    "resource": "schedules",
                    "current": 1,
                    "limit": 1,
                    "plan": "free",
                    "upgrade_to": "starter",
                }.items()
            )
        api.shown("POST", f"schedules/{made['id']}/pause")
        api.shown("POST", f"schedules/{paused['id']}/resume")


def test_a_trigger_keeps_to_the_limits_of_the_organization(api: WatchedApi) -> None:
    custom(api, max_active_jobs=2)
    made = created(api)
    for _ in range(2):
        api.shown("POST", f"schedules/{made['id']}/trigger")

    refused = api.post(f"schedules/{made['id']}/trigger")

    assert refusal(refused) == (429, "QUOTA_EXCEEDED")
    assert refused.json()["resource"] == "active_jobs"


def test_a_slot_that_meets_a_full_organization_leaves_its_reason(api: WatchedApi) -> None:
    custom(api, max_active_jobs=1)
    made = created(api, cron_expression="* * * * *")
    api.enqueue("reports")

    api.clock.advance(seconds=60)
    after = api.until(f"schedules/{made['id']}", lambda it: it["failed_count"] == 1)

    [run] = api.get(f"schedules/{made['id']}/history").json()
    assert (run["status"], run["job_id"]) == ("failed", None)
    assert run["error"] == run["error_message"]
    assert "active jobs limit reached (1/1)" in run["error"]
    assert (after["run_count"], after["next_run_at"]) == (0, "2027-01-15T08:02:00.000Z")


def test_templates_keep_to_the_plan() -> None:
    with WatchedApi(":memory:", Settings(plan_enforcement="on")) as api:
        made = created(api, payload_template={"x": "x" * 70_000})
        free(api)

        over = [
            api.post(f"schedules/{made['id']}/trigger"),
            api.put(f"schedules/{made['id']}", json={"job_type": "mail"}),
            api.put(f"schedules/{made['id']}", json={"payload": {"x": "x" * 70_000}}),
        ]

        assert {(it.status_code, it.json()["limit"]) for it in over} == {(413, 65_536)}


def test_usage_and_the_end_of_an_organization_look_at_active_schedules(api: WatchedApi) -> None:
    made = created(api)

    usage = api.shown("GET", "organizations/usage")["usage"]
    refused = api.delete(f"organizations/{api.served.org_id}")

    assert usage["schedules"]["current"] == 1
    assert refusal(refused) == (409, "CONFLICT")
    assert "active schedules" in refused.json()["message"]
    api.shown("POST", f"schedules/{made['id']}/pause")
    assert api.delete(f"organizations/{api.served.org_id}").status_code == 204


def free(api: WatchedApi) -> None:
    """Put the organization on the free plan."""
    change_organization(api, "plan_tier", "free")


def custom(api: WatchedApi, **limits: int) -> None:
    """Give the organization limits of its own."""
    change_organization(api, "custom_limits", json.dumps(limits).encode())


def change_organization(api: WatchedApi, column: str, value: Any) -> None:
    """As an administrator would; its keys learn of it with the next call."""
    update = f"UPDATE organizations SET {column} = :value RETURNING *"  # noqa: S608

    def change(tx: Tx) -> None:
        row = tx.row(Statement(OrgRow, update), {"value": value})
        assert row is not None
        tx.emit("org.changed", row["seq"], row=row)

    api.write(change)


# -- what comes next -------------------------------------------------------------------------


def test_the_next_slots_of_all_schedules_are_listed_together(api: WatchedApi) -> None:
    daily = created(api)
    hourly = created(api, name="hourly", cron_expression="0 * * * *", queue_name="emails")

    answer = api.get("schedules/upcoming?hours=8&limit=7")

    assert answer.headers["x-has-more"] == "true"
    *others, last = answer.json()
    assert [each["schedule_id"] for each in others] == [hourly["id"]] * 6
    assert others[-1]["at"] == NEXT
    assert last == {
        "at": NEXT, "schedule_id": daily["id"], "name": "nightly", "queue_name": "reports",
    }  # fmt: skip
    assert api.get("schedules/upcoming?hours=1").json() == []
    assert api.get("schedules/upcoming?hours=1").headers["x-has-more"] == "false"
    assert len(api.get("schedules/upcoming").json()) == 24


def test_at_most_so_many_slots_of_each_schedule_are_listed(api: WatchedApi) -> None:
    daily = created(api)
    often = created(api, name="often", cron_expression="* * * * * *", queue_name="emails")

    slots = api.get("schedules/upcoming?each=2").json()

    assert [each["schedule_id"] for each in slots] == [often["id"], often["id"], daily["id"]]


def test_upcoming_slots_are_those_of_the_key(api: WatchedApi) -> None:
    created(api)
    path = "schedules/upcoming"

    assert names(api.get(path, key=api.issue(queues=("reports",)))) == ["nightly"]
    assert names(api.get(path, key=api.issue(queues=("others",)))) == []
    assert names(api.get(path, key=api.other_org())) == []


@pytest.mark.parametrize("name", ["hours", "limit", "each"])
def test_upcoming_slots_are_asked_for_in_numbers(api: WatchedApi, name: str) -> None:
    answer = api.get(f"schedules/upcoming?{name}=many")

    assert refusal(answer) == (400, "BAD_REQUEST")
    assert f"`{name}`" in answer.json()["message"]
