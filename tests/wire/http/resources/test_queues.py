"""Queues over HTTP: contract jobs, section 11."""

from typing import Any

import httpx
import pytest

from tests.wire.http.served import Api

NOW = "2027-01-15T08:00:00.000Z"
UPDATES = [("PUT", "queues/emails/config"), ("PUT", "queues/emails"), ("PATCH", "queues/emails")]
BY_NAME = [
    ("GET", "queues/{name}"),
    ("PUT", "queues/{name}/config"),
    ("PUT", "queues/{name}"),
    ("PATCH", "queues/{name}"),
    ("DELETE", "queues/{name}"),
    ("GET", "queues/{name}/stats"),
    ("POST", "queues/{name}/pause"),
    ("POST", "queues/{name}/resume"),
    ("POST", "queues/{name}/purge"),
]


def problem(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, field and rule of a refusal with one problem."""
    [found] = answer.json()["details"]
    return answer.status_code, found["field"], found["code"]


def test_a_new_queue_is_answered_with_every_field(api: Api) -> None:
    answer = api.post("queues", json={"name": "emails"})

    shown = answer.json()
    assert answer.status_code == 201
    assert len(shown.pop("id")) == 36
    assert shown == {
        "organization_id": api.served.org_id,
        "queue_name": "emails",
        "name": "emails",
        "description": None,
        "max_retries": 3,
        "default_timeout": 300,
        "timeout_seconds": 300,
        "timeout": 300,
        "retry_delay_seconds": None,
        "retry_delay": None,
        "rate_limit": None,
        "max_concurrency": None,
        "backoff_base_seconds": None,
        "backoff_multiplier": None,
        "backoff_max_seconds": None,
        "enabled": True,
        "paused": False,
        "settings": {},
        "created_at": NOW,
        "updated_at": NOW,
    }


def test_creating_a_known_queue_updates_it(api: Api) -> None:
    first = api.post("queues", json={"name": "emails", "max_retries": 9, "rate_limit": 5})

    again = api.post("queues", json={"queue": "emails", "timeout": 60, "rate_limit": None})

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert (again.json()["max_retries"], again.json()["timeout_seconds"]) == (9, 60)
    assert again.json()["rate_limit"] == 5


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (422, "name", "missing_field")),
        ({"name": 5}, (422, "name", "invalid_type")),
        ({"name": ""}, (400, "name", "length")),
        ({"queue_name": "x" * 101}, (400, "queue_name", "length")),
        ({"queue": "a b"}, (400, "queue", "invalid_queue_name")),
        ({"name": "a", "max_retries": 101}, (400, "max_retries", "range")),
        ({"name": "a", "max_retries": "3"}, (422, "max_retries", "invalid_type")),
        ({"name": "a", "retry_delay_seconds": -1}, (400, "retry_delay_seconds", "range")),
        ({"name": "a", "timeout_seconds": 0}, (400, "timeout_seconds", "range")),
        ({"name": "a", "rate_limit": 0}, (400, "rate_limit", "range")),
        ({"name": "a", "enabled": "yes"}, (422, "enabled", "invalid_type")),
        ({"name": "a", "description": "x" * 1_001}, (400, "description", "length")),
        ({"name": "a", "settings": "x"}, (422, "settings", "invalid_type")),
        ({"name": "a", "settings": {"a": "x" * 65_536}}, (400, "settings", "settings_too_large")),
    ],
)
def test_a_bad_new_queue_is_refused_with_its_field(
    api: Api, body: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert problem(api.post("queues", json=body)) == expected
    assert api.get("queues").json() == []


def test_a_new_queue_needs_a_body(api: Api) -> None:
    assert problem(api.post("queues")) == (400, "body", "empty_body")


@pytest.mark.parametrize(("method", "path"), UPDATES)
def test_every_way_to_update_makes_a_queue_and_keeps_what_is_left_out(
    api: Api, method: str, path: str
) -> None:
    first = api.request(method, path, json={"queue_name": "other", "max_retries": 9})

    second = api.request(
        method,
        path,
        json={
            "default_timeout": 60,
            "rate_limit_per_second": 7,
            "max_concurrent_jobs": 2,
            "retry_delay_seconds": 30,
            "backoff_base_seconds": 0.5,
            "backoff_multiplier": 3,
            "backoff_max_seconds": 90,
            "description": "mail",
            "settings": {"concurrency": 4},
        },
    )

    assert (first.status_code, second.status_code) == (200, 200)
    shown = second.json()
    assert (shown["queue_name"], shown["max_retries"], shown["timeout"]) == ("emails", 9, 60)
    assert (shown["rate_limit"], shown["max_concurrency"]) == (7, 2)
    assert (shown["retry_delay_seconds"], shown["retry_delay"]) == (30, 30)
    assert (shown["backoff_base_seconds"], shown["backoff_multiplier"]) == (0.5, 3)
    assert (shown["backoff_max_seconds"], shown["description"]) == (90, "mail")
    assert shown["settings"] == {"concurrency": 4}
    assert [each["queue_name"] for each in api.get("queues").json()] == ["emails"]


@pytest.mark.parametrize(("method", "path"), UPDATES)
def test_null_clears_the_two_limits_and_nothing_else(api: Api, method: str, path: str) -> None:
    api.put("queues/emails", json={"rate_limit": 5, "max_concurrency": 2, "description": "mail"})

    shown = api.request(
        method, path, json={"rate_limit": None, "max_concurrency": None, "description": None}
    ).json()

    assert (shown["rate_limit"], shown["max_concurrency"]) == (None, None)
    assert shown["description"] == "mail"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"null"])
def test_an_update_may_say_nothing(api: Api, content: bytes) -> None:
    assert api.put("queues/emails/config", content=content).status_code == 200


def test_whole_numbers_are_shown_without_a_fraction(api: Api) -> None:
    answer = api.put("queues/emails", json={"retry_delay_seconds": 30.0, "backoff_multiplier": 2})

    assert '"retry_delay_seconds":30,' in answer.text
    assert '"backoff_multiplier":2,' in answer.text


def test_disabling_pauses_and_the_settings_say_so(api: Api) -> None:
    api.put("queues/emails", json={"settings": {"concurrency": 4}})

    shown = api.put("queues/emails", json={"enabled": False}).json()

    assert (shown["enabled"], shown["paused"]) == (False, True)
    assert shown["settings"] == {
        "paused": True,
        "paused_at": NOW,
        "paused_reason": None,
        "concurrency": 4,
    }
    assert api.put("queues/emails", json={"enabled": True}).json()["settings"] == {"concurrency": 4}


def test_a_bad_update_is_refused_and_makes_nothing(api: Api) -> None:
    answer = api.put("queues/emails/config", json={"backoff_multiplier": 11})

    assert problem(answer) == (400, "backoff_multiplier", "range")
    assert api.get("queues/emails").status_code == 404


def test_a_queue_is_paused_and_resumed(api: Api) -> None:
    paused = api.post("queues/emails/pause", json={"reason": "deploy"})
    api.clock.advance(seconds=61.5)
    resumed = api.post("queues/emails/resume")

    assert (paused.status_code, resumed.status_code) == (200, 200)
    assert paused.json() == {
        "queue_name": "emails",
        "name": "emails",
        "paused": True,
        "enabled": False,
        "paused_at": NOW,
        "reason": "deploy",
    }
    assert resumed.json() == {
        "queue_name": "emails",
        "name": "emails",
        "resumed": True,
        "paused": False,
        "enabled": True,
        "paused_duration_secs": 61,
    }


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"reason": null}'])
def test_a_pause_needs_no_reason(api: Api, content: bytes) -> None:
    answer = api.post("queues/emails/pause", content=content)

    assert answer.status_code == 200
    assert answer.json()["reason"] is None


def test_a_long_reason_is_refused(api: Api) -> None:
    answer = api.post("queues/emails/pause", json={"reason": "x" * 501})

    assert problem(answer) == (400, "reason", "reason_too_long")


def test_resuming_a_running_queue_is_no_error_and_an_unknown_one_is(api: Api) -> None:
    api.post("queues", json={"name": "emails"})

    assert api.post("queues/emails/resume").json()["paused_duration_secs"] == 0
    assert api.post("queues/unknown/resume").status_code == 404


def test_statistics_of_an_unknown_queue_are_zeros(api: Api) -> None:
    answer = api.get("queues/unknown/stats")

    assert answer.status_code == 200
    assert answer.json() == {
        "queue_name": "unknown",
        "name": "unknown",
        "pending_jobs": 0,
        "processing_jobs": 0,
        "completed_jobs_24h": 0,
        "failed_jobs_24h": 0,
        "avg_processing_time_ms": None,
        "max_job_age_seconds": None,
        "active_workers": 0,
        "pending": 0,
        "scheduled": 0,
        "claimed": 0,
        "processing": 0,
        "completed": 0,
        "failed": 0,
        "deadletter": 0,
        "dead_letter": 0,
        "cancelled": 0,
        "total": 0,
        "avg_processing_time": None,
        "throughput": 0,
        "pending_count": 0,
        "processing_count": 0,
        "completed_count": 0,
        "failed_count": 0,
        "oldest_job_age_seconds": None,
        "paused": False,
    }


def test_an_unknown_queue_is_not_found(api: Api) -> None:
    for answer in (
        api.get("queues/unknown"),
        api.delete("queues/unknown"),
        api.post("queues/unknown/purge"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
        assert "unknown" not in answer.json()["message"]


@pytest.mark.parametrize(("method", "path"), BY_NAME)
@pytest.mark.parametrize("name", ["x" * 129, ".emails", "a%20b", "a%2Fb"])
def test_a_bad_name_in_the_path_is_a_bad_request(
    api: Api, method: str, path: str, name: str
) -> None:
    answer = api.request(method, path.format(name=name))

    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
    assert "Queue name" in answer.json()["message"]


def test_a_name_is_percent_decoded(api: Api) -> None:
    api.post("queues", json={"name": "größe"})

    assert api.get("queues/gr%C3%B6%C3%9Fe").json()["name"] == "größe"


@pytest.mark.parametrize(("method", "path"), BY_NAME)
def test_a_queue_outside_the_scope_is_denied(api: Api, method: str, path: str) -> None:
    api.post("queues", json={"name": "emails"})
    key = api.issue(queues=("reports",))

    answer = api.request(method, path.format(name="emails"), key=key)

    assert (answer.status_code, answer.json()["code"]) == (403, "ACCESS_DENIED")
    assert api.get("queues/emails").json()["enabled"]


def test_a_limited_key_lists_and_makes_its_own_queues_only(api: Api) -> None:
    key = api.issue(queues=("reports",))
    api.post("queues", json={"name": "emails"})

    assert api.post("queues", json={"name": "other"}, key=key).status_code == 403
    assert api.post("queues", json={"name": "reports"}, key=key).status_code == 201
    assert [each["name"] for each in api.get("queues", key=key).json()] == ["reports"]


def test_another_organizations_queues_are_not_there(api: Api) -> None:
    api.post("queues", json={"name": "emails"})
    theirs = api.other_org()

    assert api.get("queues", key=theirs).json() == []
    assert api.get("queues/emails", key=theirs).status_code == 404
    assert api.post("queues", json={"name": "emails"}, key=theirs).status_code == 201


@pytest.mark.parametrize(("method", "path"), [("GET", "queues"), ("POST", "queues"), *BY_NAME])
def test_a_call_without_a_key_is_not_let_in(api: Api, method: str, path: str) -> None:
    answer = api.request(method, path.format(name="emails"), key=None)

    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    ("words", "reads", "writes"),
    [
        (("queues:read",), 200, 403),
        (("queues:write",), 200, 200),
        (("jobs:read",), 200, 403),
        (("jobs:write",), 200, 200),
        (("workers:write",), 403, 403),
    ],
)
def test_a_limited_key_needs_the_word(
    api: Api, words: tuple[str, ...], reads: int, writes: int
) -> None:
    key = api.issue(permissions=words)

    assert api.get("queues", key=key).status_code == reads
    assert api.put("queues/emails", json={}, key=key).status_code == writes


def test_an_empty_queue_is_deleted_and_its_name_is_free(api: Api) -> None:
    first = api.post("queues", json={"name": "emails"}).json()

    answer = api.delete("queues/emails")

    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get("queues/emails").status_code == 404
    assert api.post("queues", json={"name": "emails"}).json()["id"] != first["id"]


def test_deleting_takes_a_yes_or_a_no(api: Api) -> None:
    api.post("queues", json={"name": "emails"})

    assert api.delete("queues/emails?delete_jobs=perhaps").status_code == 400
    assert api.delete("queues/emails?delete_jobs=true").status_code == 204


def test_a_queue_with_jobs_is_deleted_only_when_that_is_asked_for(api: Api) -> None:
    job = api.post("jobs", json={"queue_name": "emails", "payload": 1, "idempotency_key": "k"})

    refused = api.delete("queues/emails")
    done = api.delete("queues/emails?delete_jobs=true")

    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    assert done.status_code == 204
    assert api.get("queues/emails").status_code == 404
    assert api.get(f"jobs/{job.json()['id']}").status_code == 404


def test_purging_keeps_what_is_being_processed(api: Api) -> None:
    for number in range(250):
        api.post("jobs", json={"queue_name": "emails", "payload": number})
    [held] = api.post("jobs/claim", json={"queue_name": "emails", "worker_id": "w"}).json()["jobs"]

    answer = api.post("queues/emails/purge")

    assert answer.json()["purged_count"] == 249
    assert [each["id"] for each in api.get("jobs").json()] == [held["id"]]
    assert api.get("queues/emails/stats").json()["total"] == 1


def test_statistics_show_what_waits_runs_and_was_done(api: Api) -> None:
    for number in range(3):
        api.post("jobs", json={"queue_name": "emails", "payload": number})
    claim = {"queue_name": "emails", "worker_id": "w-1", "limit": 2}
    first, _ = api.post("jobs/claim", json=claim).json()["jobs"]
    api.clock.advance(seconds=2)
    api.post(f"jobs/{first['id']}/complete", json={"worker_id": "w-1"})

    found = api.get("queues/emails/stats").json()

    assert (found["pending_jobs"], found["processing_jobs"]) == (1, 1)
    assert (found["completed_jobs_24h"], found["failed_jobs_24h"]) == (1, 0)
    assert (found["avg_processing_time_ms"], found["max_job_age_seconds"]) == (2_000, 2)
    assert found["total"] == 3


def test_purging_an_empty_queue_removes_nothing(api: Api) -> None:
    api.post("queues", json={"name": "emails"})

    answer = api.post("queues/emails/purge")

    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "purged_count": 0,
        "message": "0 jobs were removed",
    }


def test_a_list_of_queues_has_pages_and_can_be_searched(api: Api) -> None:
    for number in range(103):
        api.post("queues", json={"name": f"Queue-{number:03}"})
    key = api.issue(queues=["Queue-007", "Queue-101"])

    def names(query: str, **more: Any) -> list[str]:
        return [each["name"] for each in api.get(f"queues?{query}", **more).json()]

    first = api.get("queues")
    assert (len(first.json()), first.headers["x-has-more"]) == (100, "true")
    assert names("limit=2&offset=101") == ["Queue-101", "Queue-102"]
    assert api.get("queues?limit=2&offset=101").headers["x-has-more"] == "false"
    assert names("search=EUE-10") == ["Queue-100", "Queue-101", "Queue-102"]
    assert names("search=nothing") == []
    assert names("limit=1&offset=1", key=key) == ["Queue-101"]
    assert len(names("limit=500")) == 103
