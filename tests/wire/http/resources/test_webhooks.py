"""Webhooks over HTTP: fields, refusals, calls by hand, and what nobody is shown."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from spooled_lite.config import Settings
from spooled_lite.core.webhooks.records import WEBHOOK_EVENTS
from tests.outbound.receiver import Receiver
from tests.patience import looks
from tests.wire.http.job_calls import NOW, UNKNOWN_ID, WatchedApi, problem, refusal
from tests.wire.http.webhook_calls import A_WEBHOOK, NOBODY, Busy, a_webhook, a_webhook_for

SECRET = "signs-what-is-sent-to-the-hook"
PATHS = ("outgoing-webhooks", "webhooks")
FIELDS = [
    "id", "organization_id", "name", "url", "events", "topics", "format", "enabled",
    "failure_count", "last_triggered_at", "last_status", "has_secret", "created_at", "updated_at",
]  # fmt: skip


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as it:
        yield it


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


@pytest.fixture
def busy() -> Iterator[WatchedApi]:
    with Busy(":memory:", Settings()) as it:
        yield it


def create(api: WatchedApi, **fields: Any) -> httpx.Response:
    return api.post("outgoing-webhooks", json={**A_WEBHOOK, **fields})


# -- create, read, change, delete ------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_a_webhook_is_made_shown_listed_changed_and_deleted(busy: WatchedApi, path: str) -> None:
    made = busy.shown("POST", path, 201, json=A_WEBHOOK)
    assert list(made) == FIELDS
    assert {key: made[key] for key in ("name", "url", "events", "format", "enabled")} == {
        "name": "hook", "url": NOBODY, "events": ["worker.offline"], "format": "json",
        "enabled": True,
    }  # fmt: skip
    assert (made["has_secret"], made["created_at"], made["organization_id"]) == (
        True, NOW, busy.served.org_id,
    )  # fmt: skip

    assert busy.shown("GET", f"{path}/{made['id']}") == made
    second = busy.shown("POST", path, 201, json=A_WEBHOOK)
    assert busy.get(path).json() == [second, made], "newest first"
    for method in ("PUT", "PATCH"):
        changed = busy.shown(method, f"{path}/{made['id']}", json={"name": method})
        assert changed == {**made, "name": method}
    assert busy.shown("PUT", f"{path}/{made['id']}")["name"] == "PATCH", "no body is no change"

    assert busy.delete(f"{path}/{made['id']}").status_code == 204
    assert refusal(busy.get(f"{path}/{made['id']}")) == (404, "NOT_FOUND")
    assert busy.get(path).json() == [second]


@pytest.mark.parametrize(
    ("fields", "status", "field", "code"),
    [
        ({"name": ""}, 400, "name", "length"),
        ({"name": "x" * 256}, 400, "name", "length"),
        ({"url": ""}, 400, "url", "length"),
        ({"url": "https://x.example.com/" + "x" * 2048}, 400, "url", "length"),
        ({"url": "ftp://x.example.com"}, 400, "url", "invalid_url"),
        ({"url": "not a url"}, 400, "url", "invalid_url"),
        ({"url": "http://x.example.com"}, 400, "url", "https_required"),
        ({"url": "https://user:pw@x.example.com"}, 400, "url", "invalid_url"),
        ({"url": "https://10.0.0.1/x"}, 400, "url", "private_ip"),
        ({"url": "https://169.254.169.254/latest"}, 400, "url", "private_ip"),
        ({"events": []}, 400, "events", "length"),
        ({"events": ["job.created"] * 101}, 400, "events", "length"),
        ({"events": ["job.exploded"]}, 400, "events[0]", "invalid_value"),
        ({"events": ["webhook.test"]}, 400, "events[0]", "invalid_value"),
        ({"format": "xml"}, 400, "format", "invalid_value"),
        ({"format": ""}, 400, "format", "invalid_value"),
        ({"secret": "x" * 256}, 400, "secret", "length"),
        ({"name": None}, 422, "name", "invalid_type"),
        ({"url": 7}, 422, "url", "invalid_type"),
        ({"events": "job.created"}, 422, "events", "invalid_type"),
        ({"events": [7]}, 422, "events[0]", "invalid_type"),
        ({"enabled": "yes"}, 422, "enabled", "invalid_type"),
        ({"secret": 7}, 422, "secret", "invalid_type"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_the_field(
    api: WatchedApi, fields: dict[str, Any], status: int, field: str, code: str
) -> None:
    assert problem(create(api, **fields))[0] == status
    found = create(api, **fields).json()["details"][0]
    assert (found["field"].replace("[...]", "[0]"), found["code"]) == (field, code)
    if None in fields.values():
        return
    webhook = a_webhook(api)
    changed = api.put(f"outgoing-webhooks/{webhook['id']}", json=fields)
    assert changed.status_code == status, "the same rules as when it is made"


@pytest.mark.parametrize("missing", ["name", "url", "events"])
def test_what_is_missing_is_named(api: WatchedApi, missing: str) -> None:
    body = {name: value for name, value in A_WEBHOOK.items() if name != missing}

    assert problem(api.post("outgoing-webhooks", json=body)) == (422, missing, "missing_field")


def test_the_words_that_clients_search_for(api: WatchedApi) -> None:
    plain = create(api, url="http://example.com/webhook").json()["message"]
    private = create(api, url="https://192.168.0.1/x").json()["message"]
    unknown = create(api, events=["nope"]).json()["message"]

    assert "Invalid webhook URL" in plain
    assert "HTTP not allowed" in plain
    assert "Invalid webhook URL" in private
    assert all(event in unknown for event in WEBHOOK_EVENTS)


@pytest.mark.parametrize("url", ["http://localhost:3000/webhook", "http://127.0.0.1:1/", NOBODY])
def test_this_machine_may_be_called_in_development_and_not_in_production(
    api: WatchedApi, url: str
) -> None:
    assert create(api, url=url).status_code == 201
    settings = Settings(environment="production", webhook_allow_networks=())
    with WatchedApi(":memory:", settings) as production:
        assert problem(create(production, url=url))[0] == 400


@pytest.mark.parametrize(
    ("sent", "has_secret"),
    [({}, True), ({"secret": None}, False), ({"secret": ""}, False), ({"secret": "new"}, True)],
)
def test_null_takes_the_secret_away_and_nothing_keeps_it(
    api: WatchedApi, sent: dict[str, Any], has_secret: bool
) -> None:
    webhook = a_webhook(api)

    changed = api.shown("PUT", f"outgoing-webhooks/{webhook['id']}", json=sent)

    assert changed["has_secret"] is has_secret


def test_no_answer_shows_a_secret(busy: WatchedApi) -> None:
    webhook = a_webhook(busy, events=["job.created"])
    busy.enqueue()
    path = f"outgoing-webhooks/{webhook['id']}"
    answers = [
        create(busy), busy.get(path), busy.get("outgoing-webhooks"), busy.put(path, json={}),
        busy.post(f"{path}/test"), busy.get(f"{path}/deliveries"),
        create(busy, secret=SECRET * 20),
    ]  # fmt: skip

    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 200, 200, 400]
    assert all(SECRET not in answer.text for answer in answers)


# -- who may ---------------------------------------------------------------------------------


def test_a_key_of_some_queues_and_another_organization(api: WatchedApi) -> None:
    webhook = a_webhook(api)
    scoped, other = api.issue(queues=("emails",)), api.other_org()

    for path in ("", f"/{webhook['id']}", f"/{webhook['id']}/deliveries"):
        answer = api.get(f"outgoing-webhooks{path}", key=scoped)
        assert refusal(answer) == (403, "ACCESS_DENIED")
    assert api.get("outgoing-webhooks", key=other).json() == []
    for path in ("", "/deliveries"):
        answer = api.get(f"outgoing-webhooks/{webhook['id']}{path}", key=other)
        assert refusal(answer) == (404, "NOT_FOUND")


def test_words_of_permission(api: WatchedApi) -> None:
    webhook = a_webhook(api)
    reads = api.issue(permissions=("webhooks:read",))
    jobs = api.issue(permissions=("jobs:write",))

    assert api.get("outgoing-webhooks", key=reads).status_code == 200
    assert refusal(api.get("outgoing-webhooks", key=jobs)) == (403, "ACCESS_DENIED")
    for method, path in (("PUT", ""), ("DELETE", ""), ("POST", "/test")):
        answer = api.request(method, f"outgoing-webhooks/{webhook['id']}{path}", json={}, key=reads)
        assert refusal(answer) == (403, "ACCESS_DENIED")


def test_a_plan_counts_those_that_are_enabled() -> None:
    with WatchedApi(":memory:", Settings(plan_enforcement="on")) as api:
        other = api.other_org(tier="free")
        first = a_webhook(api, key=other)
        body = {**A_WEBHOOK, "enabled": False}
        second = api.shown("POST", "outgoing-webhooks", 201, json=body, key=other)

        for answer in (
            api.post("outgoing-webhooks", json=A_WEBHOOK, key=other),
            api.put(f"outgoing-webhooks/{second['id']}", json={"enabled": True}, key=other),
        ):
            assert refusal(answer) == (429, "QUOTA_EXCEEDED")
            assert (answer.json()["resource"], answer.json()["current"]) == ("webhooks", 1)
            assert "limit reached" in answer.json()["message"]
            assert "retry-after" not in answer.headers
        usage = api.shown("GET", "organizations/usage", key=other)["usage"]["webhooks"]
        assert (usage["current"], usage["limit"]) == (1, 1)
        api.shown("PUT", f"outgoing-webhooks/{first['id']}", json={"enabled": False}, key=other)
        api.shown("PUT", f"outgoing-webhooks/{second['id']}", json={"enabled": True}, key=other)


# -- by hand ---------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [None, b"", b"{}", b"[]", b"null"])
def test_a_trial_call_arrives(api: WatchedApi, receiver: Receiver, body: bytes | None) -> None:
    url = receiver.url("ok", "trial")
    receiver.forget()
    webhook = a_webhook(api, url=url, enabled=False)

    result = api.shown("POST", f"outgoing-webhooks/{webhook['id']}/test", content=body)

    assert (result["success"], result["status"], result["status_code"], result["error"]) == (
        True, "success", 200, None,
    )  # fmt: skip
    assert isinstance(result["response_time_ms"], int)
    [request] = receiver.requests("/ok/trial")
    assert request.header("x-spooled-event") == "webhook.test"
    assert request.header("x-spooled-signature")
    shown = api.shown("GET", f"outgoing-webhooks/{webhook['id']}")
    assert (shown["failure_count"], shown["last_status"], shown["last_triggered_at"]) == (
        0, None, None,
    )  # fmt: skip
    assert api.get(f"outgoing-webhooks/{webhook['id']}/deliveries").json() == []


@pytest.mark.parametrize(
    ("mode", "status_code", "error"),
    [
        ("500", 500, "HTTP 500 Internal Server Error"),
        ("301 Location: /ok", 301, "HTTP 301 Moved Permanently"),
        ("resets", None, "Request failed"),
        ("closes", None, "Request failed"),
        ("garbage", None, "Request failed"),
    ],
)
def test_a_trial_call_that_fails_says_how_and_leaves_no_trace(
    api: WatchedApi, receiver: Receiver, mode: str, status_code: int | None, error: str
) -> None:
    webhook = a_webhook(api, url=receiver.url(mode, "trial"))

    result = api.shown("POST", f"outgoing-webhooks/{webhook['id']}/test")

    assert (result["success"], result["status"]) == (False, "failed")
    assert (result["status_code"], result["error"]) == (status_code, error)
    assert api.shown("GET", f"outgoing-webhooks/{webhook['id']}") == webhook
    assert api.get(f"outgoing-webhooks/{webhook['id']}/deliveries").json() == []


def test_a_trial_call_to_an_address_that_is_refused_now(api: WatchedApi) -> None:
    webhook = a_webhook(api)
    api.write(lambda tx: tx.execute("UPDATE webhooks SET url = 'https://10.0.0.1/x'"))

    result = api.shown("POST", f"outgoing-webhooks/{webhook['id']}/test")

    assert (result["success"], result["status_code"], result["error"]) == (
        False, None, "Invalid webhook URL",
    )  # fmt: skip


def delivered(api: WatchedApi, webhook: dict[str, Any], *statuses: str) -> list[dict[str, Any]]:
    """The deliveries of a webhook, once they are decided."""
    path = f"outgoing-webhooks/{webhook['id']}/deliveries"
    for _ in looks():
        rows: list[dict[str, Any]] = api.get(path).json()
        if rows and all(row["attempts"] for row in rows):
            return rows
    raise AssertionError(f"still {rows}")


def test_a_delivery_is_listed_with_its_twins(busy: WatchedApi, receiver: Receiver) -> None:
    webhook = a_webhook(busy, url=receiver.url("500", "list"), events=["job.created"])
    job = busy.enqueue()

    [row] = delivered(busy, webhook)

    assert (row["webhook_id"], row["event"], row["event_type"]) == (
        webhook["id"], "job.created", "job.created",
    )  # fmt: skip
    assert (row["status"], row["attempts"], row["attempt_number"]) == ("pending", 1, 1)
    assert (row["status_code"], row["error"]) == (500, "HTTP 500 Internal Server Error")
    assert (row["response_body"], row["response"], row["delivered_at"]) == ("{}", "{}", None)
    assert isinstance(row["duration"], int)
    assert row["payload"]["id"] == row["id"]
    assert row["payload"]["data"]["job_id"] == job["id"]
    assert row["created_at"] == row["payload"]["created_at"] == NOW


@pytest.mark.parametrize("form", ["retry/{}", "deliveries/{}/retry"])
def test_a_retry_by_hand_decides_and_tells(busy: WatchedApi, receiver: Receiver, form: str) -> None:
    url = receiver.url("by-hand", form[:5])
    receiver.answer("/" + url.partition("//")[2].partition("/")[2], "500", "503", "200")
    webhook = a_webhook(busy, url=url, events=["job.created"])
    busy.enqueue()
    [row] = delivered(busy, webhook)
    path = f"outgoing-webhooks/{webhook['id']}/{form.format(row['id'])}"

    failed = busy.shown("POST", path)
    counted = busy.shown("GET", f"outgoing-webhooks/{webhook['id']}")
    taken = busy.shown("POST", path)
    after = busy.shown("GET", f"outgoing-webhooks/{webhook['id']}")

    assert failed == {
        "success": False,
        "message": "The delivery failed: HTTP 503 Service Unavailable",
        "id": row["id"],
        "delivery_id": row["id"],
        "status": "failed",
        "status_code": 503,
        "attempts": 2,
        "error": "HTTP 503 Service Unavailable",
    }
    assert (counted["failure_count"], counted["last_status"]) == (1, "failed")
    assert (taken["success"], taken["status"], taken["attempts"], taken["error"]) == (
        True, "success", 3, None,
    )  # fmt: skip
    assert taken["message"]
    assert (after["failure_count"], after["last_status"]) == (0, "success")
    [row] = busy.get(f"outgoing-webhooks/{webhook['id']}/deliveries").json()
    assert (row["status"], row["delivered_at"]) == ("success", NOW)


def test_unknown_ids(api: WatchedApi) -> None:
    webhook, other = a_webhook(api), a_webhook(api)
    for path in (
        f"outgoing-webhooks/{webhook['id']}/retry/{UNKNOWN_ID}",
        f"outgoing-webhooks/{UNKNOWN_ID}/retry/{UNKNOWN_ID}",
        f"outgoing-webhooks/{UNKNOWN_ID}/test",
        f"outgoing-webhooks/{other['id']}/deliveries/x/retry",
    ):
        assert refusal(api.post(path)) == (404, "NOT_FOUND"), path


# -- the list of deliveries ------------------------------------------------------------------


def test_pages_of_deliveries(busy: WatchedApi) -> None:
    webhook = a_webhook(busy, events=["job.created"], url=NOBODY)
    busy.post("jobs/bulk", json={"queue": "emails", "jobs": [{"payload": 1}] * 100})
    busy.enqueue()
    path = f"outgoing-webhooks/{webhook['id']}/deliveries"

    def page(query: str) -> tuple[int, str]:
        answer = busy.get(f"{path}?{query}")
        return len(answer.json()), answer.headers["x-has-more"]

    assert page("") == (100, "false"), "what is older cannot be read"
    assert page("limit=50") == (50, "true")
    assert page("limit=50&offset=50") == (50, "false")
    assert page("limit=1000") == (100, "false")
    assert page("offset=100") == (0, "false")
    assert page("offset=-5&limit=0") == (1, "true")
    assert page("status=success") == (0, "false")
    assert page("status=pending&limit=3") == (3, "true")
    assert page("status=nonsense&limit=3") == (3, "true")
    assert refusal(busy.get(f"{path}?limit=x")) == (400, "BAD_REQUEST")


# -- receivers that do not end ---------------------------------------------------------------


@pytest.mark.slow
def test_a_trial_call_has_ten_seconds(api: WatchedApi, receiver: Receiver) -> None:
    webhook = a_webhook(api, url=receiver.url("hangs", "trial"))

    result = api.shown("POST", f"outgoing-webhooks/{webhook['id']}/test")

    assert (result["success"], result["status_code"], result["error"]) == (
        False, None, "Request failed",
    )  # fmt: skip
    assert 9_500 <= result["response_time_ms"] <= 14_000


@pytest.mark.slow
def test_a_retry_by_hand_has_thirty_seconds_and_is_answered_after_them(
    api: WatchedApi, receiver: Receiver
) -> None:
    path = a_webhook_for("outgoing-webhooks/{id}/retry/{delivery_id}", api)
    webhook_id = path.split("/")[1]
    api.shown("PUT", f"outgoing-webhooks/{webhook_id}", json={"url": receiver.url("hangs", "hand")})

    result = api.shown("POST", path)

    assert (result["success"], result["error"], result["attempts"]) == (False, "Request failed", 6)
    assert api.shown("GET", f"outgoing-webhooks/{webhook_id}")["failure_count"] == 0
