"""Ids, names, keys, tags and searches: no NUL, all letters, and headers as they were meant."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from tests.wire.http.admin_calls import AdminApi
from tests.wire.http.job_calls import WatchedApi, refusal


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


# -- NUL -------------------------------------------------------------------------------------------


def test_an_id_with_something_behind_a_nul_is_another_id(api: WatchedApi) -> None:
    job_id = api.enqueue()["id"]

    assert api.get(f"jobs/status?ids={job_id}%00junk").json() == []
    assert [each["id"] for each in api.get(f"jobs/status?ids=%00,{job_id}").json()] == [job_id]
    assert refusal(api.get(f"jobs/{job_id}%00junk")) == (404, "NOT_FOUND")
    assert refusal(api.post(f"jobs/{job_id}%00/cancel")) == (404, "NOT_FOUND")


def test_no_query_with_a_nul_finds_anything(api: WatchedApi) -> None:
    api.enqueue("emails", payload={"job_type": "welcome"}, tags=["red", "x"])
    job_id = api.enqueue("emails", tags={"red": 1})["id"]

    for query in (
        "q=emails%00", "q=emails%00junk", "q=%00", "q=welcome%00junk", f"q={job_id}%00",
        f"q={job_id[:8]}%00junk", "q=%C3%A9%00", "tag=red%00junk", "tag=%00", "job_type=welcome%00",
        "workflow_id=%00",
    ):  # fmt: skip
        assert api.get(f"jobs?{query}").json() == [], query


BODIES: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", "jobs", {"queue_name": "a", "payload": 1, "idempotency_key": "k\0x"},
     "idempotency_key"),
    ("POST", "jobs", {"queue_name": "a", "payload": 1, "parent_job_id": "{job}\0x"},
     "parent_job_id"),
    ("POST", "jobs", {"queue_name": "a", "payload": 1, "tags": ["a\0b"]}, "tags"),
    ("POST", "jobs", {"queue_name": "a", "payload": 1, "tags": {"a\0b": 1}}, "tags"),
    ("POST", "jobs/{job}/dependencies", {"depends_on": ["{job}\0x"]}, "depends_on[0]"),
    ("POST", "jobs/dlq/retry", {"job_ids": ["{job}\0x"]}, "job_ids[0]"),
    ("POST", "jobs/claim", {"queue_name": "a", "worker_id": "w\0x"}, "worker_id"),
    ("POST", "jobs/{job}/complete", {"lease_id": "l\0x"}, "lease_id"),
    ("POST", "schedules", {"name": "a\0b", "cron_expression": "@daily", "queue_name": "a",
                           "payload_template": {}}, "name"),
    ("POST", "schedules", {"name": "a", "cron_expression": "@daily", "queue_name": "a",
                           "payload_template": {}, "tags": ["\0"]}, "tags"),
    ("POST", "webhooks", {"name": "a\0b", "url": "https://a.example", "events": ["*"]}, "name"),
    ("POST", "auth/login", {"api_key": "sk_test_0123456789\0"}, "api_key"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "field"), BODIES)
def test_a_nul_in_an_id_a_name_a_key_or_a_tag_is_refused(
    api: WatchedApi, method: str, path: str, body: dict[str, Any], field: str
) -> None:
    job_id = api.enqueue()["id"]

    answer = api.request(method, path.replace("{job}", job_id), json=_with(body, job_id))

    assert refusal(answer) == (400, "VALIDATION_ERROR")
    [problem] = answer.json()["details"]
    assert (problem["field"], problem["code"]) == (field, "nul")


def _with(value: Any, job_id: str) -> Any:
    if isinstance(value, dict):
        return {key: _with(each, job_id) for key, each in value.items()}
    if isinstance(value, list):
        return [_with(each, job_id) for each in value]
    return value.replace("{job}", job_id) if isinstance(value, str) else value


def test_a_nul_in_what_is_only_shown_is_kept(api: WatchedApi) -> None:
    job = api.claimed(payload={"text": "a\0b", "job_type": "t\0x"}, tags={"escaped": "\\u0000"})

    failed = {"lease_id": job["lease_id"], "error": "boom\0 it said", "no_retry": True}
    api.shown("POST", f"jobs/{job['id']}/fail", json=failed)

    shown = api.job(job["id"])
    assert shown["payload"] == {"text": "a\0b", "job_type": "t\0x"}
    assert shown["tags"] == {"escaped": "\\u0000"}
    assert shown["last_error"] == "boom\0 it said"
    [summary] = api.get("jobs?status=deadletter").json()
    assert summary["job_type"] == ""  # such a name is none


# -- all letters -----------------------------------------------------------------------------------


def test_a_search_finds_letters_of_any_script_whatever_their_case(api: WatchedApi) -> None:
    job_id = api.enqueue("Überweisungen", payload={"job_type": "Zahlung-ÄRGER"})["id"]
    api.enqueue("uberweisungen", payload={"job_type": "Zahlung-ARGER"})

    for text in ("Überweisungen", "überweisungen", "ÜBERWEIS", "Ärger", "zahlung-ä"):
        assert [each["id"] for each in api.get(f"jobs?q={text}").json()] == [job_id], text
    assert len(api.get("jobs?q=ZAHLUNG").json()) == 2
    assert api.get("jobs?q=ü*n").json() == []


def test_an_administrator_finds_an_organization_by_letters_of_any_script() -> None:
    with AdminApi() as api:
        api.made("Ölmühle Łódź", "oelmuehle")

        for text in ("Ölmühle", "ölmühle", "ÖLMÜHLE", "łódź", "OELMUEHLE"):
            found = api.seen(f"organizations?search={text}")["organizations"]
            assert [each["slug"] for each in found] == ["oelmuehle"], text


# -- headers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_key_in_a_header_is_the_same_as_in_a_body(api: WatchedApi, encoding: str) -> None:
    key = "Bestellung-äöü"
    first = api.enqueue(idempotency_key=key)

    answer = api.post(
        "jobs",
        json={"queue_name": "emails", "payload": 2},
        headers=[(b"Idempotency-Key", key.encode(encoding))],
    )

    assert (answer.status_code, answer.json()["id"]) == (200, first["id"])


def test_the_limit_of_a_key_in_a_header_counts_characters(api: WatchedApi) -> None:
    def sent(key: str) -> int:
        headers = [(b"Idempotency-Key", key.encode())]
        body = {"queue_name": "emails", "payload": 1}
        return api.post("jobs", json=body, headers=headers).status_code

    assert sent("ä" * 255) == 201
    assert sent("ä" * 256) == 400
