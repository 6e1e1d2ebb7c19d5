"""Definitions of tasks over HTTP: catbird-capabilities, T1-T3, 19.8; amendments, G17, G18."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from spooled_lite.config import Settings
from spooled_lite.core.tasks import define
from tests.wire.http.job_calls import WatchedApi

WHOLE: Final[dict[str, Any]] = {
    "description": "Charge a card",
    "queue_name": "payments",
    "condition": "input.amount gt 0",
    "max_retries": 3,
    "timeout_seconds": 20,
    "retention_seconds": 0.25,
    "max_concurrency": 4,
    "backoff": {"strategy": "full_jitter", "min_delay_ms": 500, "max_delay_ms": 10_000},
    "circuit_breaker": {"failure_threshold": 5, "open_timeout_ms": 30_000},
    "on_fail": {
        "queue_name": "payments_alerts",
        "max_retries": 3,
        "timeout_seconds": 1.5,
        "backoff": {"strategy": "fixed", "base_delay_ms": 5},
    },
}
USUAL: Final[dict[str, Any]] = {
    "description": None,
    "queue_name": "charge_card",
    "condition": None,
    "max_retries": 2,
    "timeout_seconds": 30,
    "timeout_ms": 30_000,
    "backoff": None,
    "circuit_breaker": None,
    "max_concurrency": None,
    "retention_seconds": None,
    "on_fail": None,
}


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def listed(api: WatchedApi, **more: Any) -> list[dict[str, Any]]:
    found: Any = api.shown("GET", "tasks", **more)
    return list(found)


def defined(api: WatchedApi, name: str = "charge_card", **fields: Any) -> dict[str, Any]:
    return api.shown("PUT", f"tasks/{name}", json=fields)


def test_everything_that_is_said_of_a_task_comes_back(api: WatchedApi) -> None:
    made = defined(api, **WHOLE)

    assert made.pop("changed") is True
    assert made.pop("warnings") == []
    shown = api.shown("GET", "tasks/charge_card")
    assert shown.pop("breaker")["state"] == "closed"
    assert made == shown
    created_at = made["created_at"]
    assert made == {
        **WHOLE,
        "name": "charge_card",
        "timeout_ms": 20_000,
        "on_fail": {**WHOLE["on_fail"], "timeout_ms": 1_500},
        "revision": 1,
        "created_at": created_at,
        "updated_at": created_at,
    }
    assert listed(api) == [made]


def test_what_is_left_out_gets_its_default_also_in_a_replacement(api: WatchedApi) -> None:
    defined(api, **WHOLE)
    api.skip(seconds=5)

    made = defined(api, queue=None, description=None)

    assert made["created_at"] < made["updated_at"]
    assert {name: made[name] for name in USUAL} == USUAL


def test_the_same_again_is_no_change_and_each_change_a_revision(api: WatchedApi) -> None:
    first = defined(api, **WHOLE)
    api.skip(seconds=5)

    again = defined(api, **WHOLE)
    other = defined(api, **{**WHOLE, "timeout_ms": 0})

    assert again == {**first, "changed": False}
    assert (other["revision"], other["changed"], other["timeout_seconds"]) == (2, True, 0)


def test_a_create_changes_nothing_of_what_is_there(api: WatchedApi) -> None:
    body = {"name": "charge_card", "max_retries": 7}
    first = api.shown("POST", "tasks", 201, json=body)
    second = api.shown("POST", "tasks", 200, json={**body, "max_retries": 8})

    assert (first["changed"], second["changed"]) == (True, False)
    assert second["max_retries"] == first["max_retries"] == 7


def test_if_match_wants_the_revision_that_the_task_has(api: WatchedApi) -> None:
    def put(if_match: str, **fields: Any) -> int:
        headers = {"If-Match": if_match}
        answer = api.request("PUT", "tasks/charge_card", json=fields, headers=headers)
        if answer.status_code == 412:
            assert answer.json()["code"] == "PRECONDITION_FAILED"
            assert "task" in answer.json()["message"]
        return answer.status_code

    assert put("*") == put("1") == 412, "there is none"
    defined(api)
    assert put('"2"') == put("0") == put("x") == 412
    assert api.shown("GET", "tasks/charge_card")["revision"] == 1
    assert put('"1"', max_retries=5) == 200
    assert put("1, 2", max_retries=6) == 200
    assert put("*", max_retries=7) == 200
    assert api.shown("GET", "tasks/charge_card")["revision"] == 4


def test_lists_are_by_name_in_pages(api: WatchedApi) -> None:
    for name in ("b", "c", "a"):
        defined(api, name)

    assert [each["name"] for each in listed(api)] == ["a", "b", "c"]
    answer = api.get("tasks?limit=1&offset=1")
    assert [each["name"] for each in answer.json()] == ["b"]
    assert answer.headers["x-has-more"] == "true"


def test_deleting_succeeds_once(api: WatchedApi) -> None:
    defined(api)

    assert api.request("DELETE", "tasks/charge_card").status_code == 204
    for method in ("GET", "DELETE"):
        answer = api.request(method, "tasks/charge_card")
        assert answer.status_code == 404
        assert answer.json()["details"] == {"resource": "task"}
    assert listed(api) == []
    assert defined(api)["revision"] == 1


@pytest.mark.parametrize(
    "name", ["input", "Charge", "charge-card", "a.b", "a" * 59, "caf%C3%A9", "a%20b"]
)
def test_a_name_that_is_none_is_refused(api: WatchedApi, name: str) -> None:
    answer = api.request("PUT", f"tasks/{name}", json={})

    assert answer.status_code == 400
    [problem] = answer.json()["details"]
    assert problem["field"] == "name"


@pytest.mark.parametrize("name", ["a", "a" * 58, "0_1"])
def test_names_at_the_edge_are_taken(api: WatchedApi, name: str) -> None:
    assert defined(api, name)["queue_name"] == name


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"condition": "input.amount >> 1"}, "condition"),
        ({"queue_name": ".hidden"}, "queue_name"),
        ({"max_retries": -1}, "max_retries"),
        ({"timeout_ms": -1}, "timeout_ms"),
        ({"timeout_seconds": 86_401}, "timeout_seconds"),
        ({"retention_seconds": 0}, "retention_seconds"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"max_concurrency": 10_001}, "max_concurrency"),
        ({"backoff": {"strategy": "random"}}, "backoff.strategy"),
        (
            {"backoff": {"strategy": "full_jitter", "min_delay_ms": 9, "max_delay_ms": 9}},
            "backoff.max_delay_ms",
        ),
        (
            {"circuit_breaker": {"failure_threshold": 0, "open_timeout_ms": 1}},
            "circuit_breaker.failure_threshold",
        ),
        ({"on_fail": {"queue_name": "a b"}}, "on_fail.queue_name"),
        (
            {"on_fail": {"backoff": {"strategy": "full_jitter", "max_delay_ms": 1}}},
            "on_fail.backoff.max_delay_ms",
        ),
    ],
)
def test_a_value_that_breaks_its_rule_is_refused(
    api: WatchedApi, fields: dict[str, Any], field: str
) -> None:
    answer = api.request("PUT", "tasks/charge_card", json=fields)

    assert answer.status_code == 400, answer.text
    assert [each["field"] for each in answer.json()["details"]] == [field]


def test_a_condition_that_does_not_parse_is_shown_with_its_place(api: WatchedApi) -> None:
    answer = api.request("PUT", "tasks/charge_card", json={"condition": "input.amount above 0"})

    assert "character 14: an operator is expected" in answer.json()["message"]


def test_a_condition_on_what_is_never_there_is_warned_of(api: WatchedApi) -> None:
    [warning] = defined(api, condition="amount gt 0")["warnings"]

    assert "`amount`" in warning


def test_a_misspelt_field_is_told_with_the_nearest_one(api: WatchedApi) -> None:
    said = ["`max_retrys` is unknown and ignored; the nearest is `max_retries`"]

    assert defined(api, max_retrys=9)["warnings"] == said
    new = {"name": "other", "max_retrys": 9}
    assert api.shown("POST", "tasks", 201, json=new)["warnings"] == said
    assert api.shown("POST", "tasks", json=new)["warnings"] == [], "nothing was stored"


def test_a_key_with_queues_defines_and_sees_only_tasks_of_them(api: WatchedApi) -> None:
    key = api.shown("POST", "api-keys", 201, json={"name": "k", "queues": ["payments*"]})["key"]
    defined(api, "elsewhere")
    defined(api, **WHOLE)

    def status(method: str, path: str, **body: Any) -> int:
        answer = api.request(method, path, json=body or None, key=key)
        return answer.status_code

    assert [each["name"] for each in listed(api, key=key)] == ["charge_card"]
    assert status("GET", "tasks/elsewhere") == status("DELETE", "tasks/elsewhere") == 403
    assert status("PUT", "tasks/elsewhere", queue_name="payments") == 403
    assert status("PUT", "tasks/charge_card", queue_name="emails") == 403
    assert status("POST", "tasks", name="elsewhere", queue_name="payments") == 403
    assert status("POST", "tasks", name="new_one") == 403
    assert status("PUT", "tasks/charge_card", queue_name="payments", on_fail={}) == 403
    assert status("PUT", "tasks/charge_card", queue_name="payments.eu") == 200
    assert status("GET", "tasks/unknown") == 404


def test_an_organization_has_a_bounded_number_of_tasks(
    api: WatchedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(define, "TASKS_MAX", 1)
    defined(api)

    assert api.request("PUT", "tasks/another", json={}).status_code == 409
    assert defined(api, max_retries=9)["revision"] == 2


def test_who_changed_a_task_is_written_down(api: WatchedApi) -> None:
    defined(api)
    defined(api)  # nothing new
    defined(api, max_retries=1)
    api.request("DELETE", "tasks/charge_card")

    acts: Any = api.shown("GET", "acts?kind=task")
    assert [(each["act"], each["subject"]) for each in acts] == [
        ("delete", "charge_card"),
        ("change", "charge_card"),
        ("change", "charge_card"),
    ]
    assert acts[0]["subject_exists"] is False


@pytest.mark.parametrize(("seconds", "timeout_ms"), [(0, 0), (1e-300, 1), (0.0004, 1), (0.29, 290)])
def test_a_very_short_timeout_is_not_one_without_end(
    api: WatchedApi, seconds: float, timeout_ms: int
) -> None:
    defined(api, timeout_seconds=seconds, on_fail={"timeout_seconds": seconds})
    task: Any = api.shown("GET", "tasks/charge_card")
    assert (task["timeout_ms"], task["on_fail"]["timeout_ms"]) == (timeout_ms, timeout_ms)

    asked = {"timeout_seconds": seconds}
    run: Any = api.shown("POST", "tasks/charge_card/runs", status=201, json=asked)
    found: Any = api.shown("GET", f"jobs/{run['id']}")
    assert found["timeout_ms"] == timeout_ms
