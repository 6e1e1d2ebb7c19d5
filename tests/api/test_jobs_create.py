"""Creating jobs: contract jobs, J1."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.config import Settings
from tests.api.conftest import ServedFactory
from tests.api.job_calls import NOW, UNKNOWN_ID, WatchedApi, problem, refusal, sent, spelled
from tests.api.served import NOW_MS

PAYLOAD_MAX = 1_048_576


@pytest.fixture
def api(tmp_path: Path) -> Iterator[WatchedApi]:
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


@pytest.mark.parametrize("name", ["a", "x" * 100, "A-b_c.9", "_a", "äöü", "数据", "9"])
def test_queue_names_that_are_fine(api: WatchedApi, name: str) -> None:
    job = api.enqueue(name)

    assert job["queue_name"] == name


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


@pytest.mark.parametrize(("fields", "expected"), RULES)
def test_a_bad_field_is_refused_by_name(
    api: WatchedApi, fields: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert problem(api.post("jobs", json=a_body(**fields))) == expected


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


# -- times ---------------------------------------------------------------------------------------

TIMES: list[tuple[Any, str]] = [
    ("2027-02-01T09:00:00Z", "2027-02-01T09:00:00.000Z"),
    ("2027-02-01t09:00:00z", "2027-02-01T09:00:00.000Z"),
    ("2027-02-01T09:00:00+02:00", "2027-02-01T07:00:00.000Z"),
    ("2027-02-01T09:00:00.5-05:30", "2027-02-01T14:30:00.500Z"),
    ("2027-02-01T09:00:00", "2027-02-01T09:00:00.000Z"),
    ("2027-02-01 09:00:00", "2027-02-01T09:00:00.000Z"),
    ("2027-02-01T09:00", "2027-02-01T09:00:00.000Z"),
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


@pytest.mark.parametrize(("given", "shown"), TIMES)
def test_times_are_read_in_many_spellings_and_shown_in_one(
    api: WatchedApi, given: Any, shown: str
) -> None:
    job = api.enqueue(scheduled_at=given, expires_at=given)

    assert (job["scheduled_at"], job["expires_at"], job["status"]) == (shown, shown, "scheduled")


def test_a_time_that_has_come_is_kept_and_the_job_waits_no_longer(api: WatchedApi) -> None:
    for past in ("0001-01-01T00:00:00.000Z", NOW):
        job = api.enqueue("past", scheduled_at=past)

        assert (job["status"], job["scheduled_at"]) == ("pending", past)
    assert len(api.claim("past", limit=9)) == 2


def test_a_delay_counts_from_now_and_gives_way_to_a_time(api: WatchedApi) -> None:
    later = api.enqueue(delay_seconds=90)
    at_once = api.enqueue(delay_seconds=0)
    by_time = api.enqueue(delay_seconds=90, scheduled_for="2027-02-01T00:00")
    both = api.enqueue(scheduled_at="2027-03-01T00:00", scheduled_for="2027-02-01T00:00")

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


# -- values that are not looked into -------------------------------------------------------------

RAW = [
    b"null",
    b"0",
    b"-0",
    b"1e400",
    b"123456789012345678901234567890.000",
    b'""',
    b'"\\u00e9 \\/ \\ud83d\\ude00"',
    '"\u00e9\u4e2d\U0001f600"'.encode(),
    b"[]",
    b"[ 1,\t2 ]",
    b'{"b": 1, "a": 2, "b": 3}',
    b'{ "deep" : {"a":[{}]}\n}',
    b'{"job_type": 1e999}',
    b'{"job_type": "\\u0061", "x": "\\u0000"}',
]


@pytest.mark.parametrize("raw", RAW)
def test_payload_and_tags_come_back_byte_for_byte(api: WatchedApi, raw: bytes) -> None:
    answer = sent(api, "POST", "jobs", spelled(queue_name=b'"emails"', payload=raw, tags=raw))

    assert answer.status_code == 201, answer.text
    shown = api.get(f"jobs/{answer.json()['id']}").content
    claimed = api.post("jobs/claim", json={"queue_name": "emails"}).content
    for body in (answer.content, shown, claimed):
        assert b'"payload":' + raw + b"," in body
        assert b'"tags":' + raw + b"," in body


def test_a_payload_may_have_its_limit_and_no_byte_more(api: WatchedApi) -> None:
    fits = b'"' + b"x" * (PAYLOAD_MAX - 2) + b'"'
    too_long = b'"' + b"x" * (PAYLOAD_MAX - 1) + b'"'

    accepted = sent(api, "POST", "jobs", spelled(queue_name=b'"a"', payload=fits))
    refused = sent(api, "POST", "jobs", spelled(queue_name=b'"a"', payload=too_long))

    assert accepted.status_code == 201
    assert refusal(refused) == (413, "PAYLOAD_TOO_LARGE")
    assert "payload" in refused.json()["message"]


def test_white_space_counts_only_up_to_the_limit(api: WatchedApi) -> None:
    inside = b'"' + b"x" * (PAYLOAD_MAX - 4) + b'"'
    spaced = b"[" + b" " * 1000 + inside + b"\n]"
    too_long = b"[" + b" " * 1000 + inside + b",1]"

    accepted = sent(api, "POST", "jobs", spelled(queue_name=b'"a"', payload=spaced))
    refused = sent(api, "POST", "jobs", spelled(queue_name=b'"a"', payload=too_long))

    assert accepted.status_code == 201
    assert b'"payload":' + spaced in accepted.content
    assert refusal(refused) == (413, "PAYLOAD_TOO_LARGE")


def test_a_smaller_limit_of_the_server_holds(tmp_path: Path) -> None:
    settings = Settings(queue_max_payload_size_bytes=10)
    with WatchedApi(":memory:", settings) as api:
        assert sent(api, "POST", "jobs", spelled(queue=b'"a"', payload=b'"12345678"')).is_success
        refused = sent(api, "POST", "jobs", spelled(queue=b'"a"', payload=b'"123456789"'))

        assert refusal(refused) == (413, "PAYLOAD_TOO_LARGE")
        assert "details" not in refused.json()


def test_the_limit_of_a_plan_is_told_in_numbers(tmp_path: Path) -> None:
    settings = Settings(plan_enforcement="on")
    with WatchedApi(":memory:", settings) as api:
        key = api.other_org(tier="free")
        body = {"queue": "a", "payload": "x" * 65_535}

        refused = api.post("jobs", json=body, key=key)

        facts = {"current": 65_537, "limit": 65_536, "plan": "free", "upgrade_to": "starter"}
        assert refusal(refused) == (413, "PAYLOAD_TOO_LARGE")
        assert refused.json()["details"] == facts
        assert {name: refused.json()[name] for name in facts} == facts
        assert api.post("jobs", json={**body, "payload": "x" * 65_534}, key=key).is_success


def test_tags_may_have_65536_bytes(api: WatchedApi) -> None:
    fits, too_long = (b'"' + b"x" * (size - 2) + b'"' for size in (65_536, 65_537))

    accepted = sent(api, "POST", "jobs", spelled(queue=b'"a"', payload=b"1", tags=fits))
    refused = sent(api, "POST", "jobs", spelled(queue=b'"a"', payload=b"1", tags=too_long))

    assert accepted.status_code == 201
    assert problem(refused) == (400, "tags", "tags_too_large")


# -- idempotency ---------------------------------------------------------------------------------


def test_a_repeated_key_is_answered_with_the_first_job_and_does_nothing(api: WatchedApi) -> None:
    first = api.enqueue(idempotency_key="k")
    api.clock.advance(seconds=5)

    answer = api.post(
        "jobs", json={"queue": "other", "payload": 2, "idempotency_key": "k", "priority": 9}
    )

    again = answer.json()
    assert answer.status_code == 200
    assert again.pop("updated_at") == "2027-01-15T08:00:05.000Z"
    first.pop("updated_at")
    assert again == {**first, "created": False}
    assert api.history(first["id"]) == ["created"]
    assert api.get("queues/other").status_code == 404
    assert api.shown("GET", "jobs/stats")["total"] == 1


@pytest.mark.parametrize("end", ["complete", "cancel", "fail"])
def test_a_key_is_taken_as_long_as_its_job_is_there(api: WatchedApi, end: str) -> None:
    first = api.enqueue(idempotency_key="k")
    if end != "cancel":
        api.claim()
    body = {"error": "e", "no_retry": True} if end == "fail" else {}
    assert api.post(f"jobs/{first['id']}/{end}", json=body).is_success

    again = api.shown("POST", "jobs", 200, json=a_body(idempotency_key="k"))

    assert (again["id"], again["created"]) == (first["id"], False)


def test_the_key_of_a_purged_job_is_free_again(api: WatchedApi) -> None:
    first = api.dead(idempotency_key="k")
    api.post("jobs/dlq/purge", json={"confirm": True})

    assert api.enqueue(idempotency_key="k")["id"] != first["id"]


def test_the_header_stands_in_for_a_missing_key(api: WatchedApi) -> None:
    def create(header: str, **fields: Any) -> Any:
        return api.post("jobs", json=a_body(**fields), headers={"Idempotency-Key": header}).json()

    by_header = create("h")

    assert by_header["idempotency_key"] == "h"
    assert create("h")["created"] is False
    assert create("h", idempotency_key="b")["idempotency_key"] == "b"
    assert create("h", idempotency_key="")["created"] is False
    assert create("h", idempotency_key=None)["created"] is False
    assert create("x" * 256, idempotency_key="b")["created"] is False


def test_a_header_that_is_too_long_is_refused(api: WatchedApi) -> None:
    refused = api.post("jobs", json=a_body(), headers={"Idempotency-Key": "x" * 256})

    assert refusal(refused) == (400, "VALIDATION_ERROR")
    assert "Idempotency-Key" in refused.json()["message"]
    assert refused.json()["details"][0]["code"] == "length"


def test_two_organizations_may_use_the_same_key(api: WatchedApi) -> None:
    api.enqueue(idempotency_key="k")

    answer = api.post("jobs", json=a_body(idempotency_key="k"), key=api.other_org())

    assert answer.status_code == 201


# -- parents -------------------------------------------------------------------------------------


def test_a_child_waits_for_its_parent(api: WatchedApi) -> None:
    parent = api.claimed("parents")
    child = api.enqueue(parent_job_id=parent["id"])
    assert (child["parent_job_id"], child["dependencies_met"]) == (parent["id"], False)
    assert api.claim() == []

    api.post(f"jobs/{parent['id']}/complete")

    [claimed] = api.claim()
    assert (claimed["id"], claimed["parent_job_id"]) == (child["id"], parent["id"])


def test_a_child_of_a_dead_letter_is_cancelled(api: WatchedApi) -> None:
    parent = api.dead("parents")

    child = api.enqueue(parent_job_id=parent["id"])

    shown = api.until(f"jobs/{child['id']}", lambda shown: shown["status"] == "cancelled")
    assert shown["last_error"] == "Parent job failed or was deadlettered"


def test_a_parent_of_another_organization_or_queue_is_unknown(api: WatchedApi) -> None:
    foreign = api.post("jobs", json=a_body(), key=api.other_org()).json()
    hidden = api.enqueue("hidden")
    key = api.issue(queues=("emails",))

    one = api.post("jobs", json=a_body(parent_job_id=foreign["id"]))
    other = api.post("jobs", json=a_body(parent_job_id=hidden["id"]), key=key)

    assert problem(one) == problem(other) == (400, "parent_job_id", "invalid_value")


# -- webhooks in production ----------------------------------------------------------------------


@pytest.fixture
def production(tmp_path: Path) -> Iterator[WatchedApi]:
    settings = Settings(environment="production", webhook_allow_networks=("10.1.0.0/16",))
    with WatchedApi(":memory:", settings) as it:
        yield it


REFUSED_TARGETS = [
    ("http://hooks.example.com/x", "https_required"),
    ("http://localhost:1/x", "https_required"),
    ("https://user:pw@hooks.example.com", "invalid_url"),
    ("https:///x", "invalid_url"),
    ("https://hooks.example.com:99999/", "invalid_url"),
    ("https://localhost/x", "private_ip"),
    ("https://LOCALHOST./x", "private_ip"),
    ("https://metadata.google.internal/x", "private_ip"),
    ("https://db.corp/x", "private_ip"),
    ("https://127.0.0.1/x", "private_ip"),
    ("https://[::1]/x", "private_ip"),
    ("https://10.0.0.1/x", "private_ip"),
    ("https://169.254.169.254/latest", "private_ip"),
    ("https://100.64.0.1/", "private_ip"),
    ("https://[fe80::1]/", "private_ip"),
    ("https://[fd00::1]/", "private_ip"),
    ("https://0.0.0.0/", "private_ip"),
    ("https://224.0.0.1/", "private_ip"),
    ("https://255.255.255.255/", "private_ip"),
    ("https://[::ffff:10.0.0.1]/", "private_ip"),
    ("https://[64:ff9b::a00:1]/", "private_ip"),
    ("https://[2002:a00:1::]/", "private_ip"),
    ("https://2130706433/", "private_ip"),
    ("https://0x7f.1/", "private_ip"),
    ("https://0177.0.0.1/", "private_ip"),
]


def test_production_looks_where_a_webhook_leads(production: WatchedApi) -> None:
    for url, code in REFUSED_TARGETS:
        refused = production.post("jobs", json=a_body(completion_webhook=url))

        assert problem(refused) == (400, "completion_webhook", code), url
        assert "Invalid webhook URL" in refused.json()["message"]
        assert ("HTTP not allowed" in refused.json()["message"]) is (code == "https_required")


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com/x?y=1", "https://10.1.2.3/x", "https://8.8.8.8:8443/"]
)
def test_production_accepts_public_and_listed_targets(production: WatchedApi, url: str) -> None:
    assert production.enqueue(completion_webhook=url)["completion_webhook"] == url


def test_outside_production_every_web_address_is_stored(api: WatchedApi) -> None:
    for url in ("http://10.0.0.1/x", "https://metadata/x", "HTTP://localhost", "http://u:p@a/"):
        assert api.enqueue(completion_webhook=url)["completion_webhook"] == url


# -- caps ----------------------------------------------------------------------------------------


def test_a_full_plan_refuses_a_job_and_names_the_numbers(tmp_path: Path) -> None:
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


# -- at the same time ----------------------------------------------------------------------------


def test_one_key_in_many_calls_at_once_is_one_job(served: ServedFactory) -> None:
    async def main() -> None:
        async with served() as it:
            body = a_body(idempotency_key="k")
            answers = await asyncio.gather(
                *(it.client.post("/api/v1/jobs", json=body) for _ in range(20))
            )

            assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 19}
            assert len({answer.json()["id"] for answer in answers}) == 1

    asyncio.run(main())


def test_many_claims_at_once_never_share_a_job(served: ServedFactory) -> None:
    async def main() -> None:
        async with served() as it:
            body = {"queue": "emails", "jobs": [{"payload": 1}] * 50}
            await it.client.post("/api/v1/jobs/bulk", json=body)

            answers = await asyncio.gather(
                *(
                    it.client.post("/api/v1/jobs/claim", json={"queue": "emails", "limit": 4})
                    for _ in range(20)
                )
            )

            claimed = [job["id"] for answer in answers for job in answer.json()["jobs"]]
            assert len(claimed) == len(set(claimed)) == 50

    asyncio.run(main())
