"""GET /jobs/search: what it answers, where it goes on, and what it refuses."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from spooled_lite.core.jobs import search as searching
from spooled_lite.core.jobs.excerpts import CHARS_MAX
from spooled_lite.wire.http.resources import search as resource
from spooled_lite.wire.searches import OF_ORG_MAX
from tests.wire.http.job_calls import NOW, WatchedApi, refusal

JOB_BYTES = 5 * 1024 * 1024


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings(queue_max_payload_size_bytes=JOB_BYTES)) as it:
        yield it


def search(api: WatchedApi, key: str | None = None, **query: Any) -> dict[str, Any]:
    answer = api.get("jobs/search", params=query, key=key or api.key)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def found_ids(api: WatchedApi, **query: Any) -> list[str]:
    """Of all pages: one search has a bounded time, and a busy machine comes less far in it."""
    found = list[str]()
    while True:
        answer = search(api, **query)
        found += [each["id"] for each in answer["jobs"]]
        if answer["cursor"] is None or "limit" in query:
            return found
        query = {**query, "cursor": answer["cursor"]}


def test_a_job_is_found_by_what_is_in_its_payload(api: WatchedApi) -> None:
    job = api.enqueue(payload={"customer": {"id": "cus_81x"}})
    api.enqueue(payload={"customer": {"id": "cus_9"}})

    answer = search(api, text="cus_81x")
    [found] = answer.pop("jobs")
    [listed] = [each for each in api.get("jobs").json() if each["id"] == job["id"]]

    assert answer == {"scanned": 2, "reached_at": NOW, "cursor": None, "is_complete": True}
    match = found.pop("match")
    assert match["where"] == "payload"
    assert json.loads(match["excerpt"]) == {"customer": {"id": "cus_81x"}}
    assert found == listed
    assert found_ids(api, path="customer.id", equals="cus_81x") == [job["id"]]
    assert found_ids(api, path="customer", equals="cus_81x") == []


def test_an_id_or_key_is_answered_before_anything_is_looked_through(api: WatchedApi) -> None:
    job = api.enqueue(idempotency_key="order-7")
    other = api.enqueue(payload="see order-7")

    first = search(api, text="order-7")
    rest = search(api, text="order-7", cursor=first["cursor"])

    assert [each["match"] for each in first["jobs"]] == [
        {"where": "idempotency_key", "excerpt": "order-7"}
    ]
    assert (first["scanned"], first["reached_at"], first["is_complete"]) == (0, None, False)
    assert [each["id"] for each in rest["jobs"]] == [other["id"]]
    assert rest["is_complete"]
    assert found_ids(api, text=job["id"]) == [job["id"]]
    of_index = search(api, text="order-7", where="id,idempotency_key")
    assert (len(of_index["jobs"]), of_index["cursor"], of_index["is_complete"]) == (1, None, True)
    assert search(api, text="see order-7", where="idempotency_key")["jobs"] == []


def test_a_search_goes_on_where_it_ended(api: WatchedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "WINDOW_ROWS", 2)
    monkeypatch.setattr(resource, "SECONDS", 0.0)
    jobs = [api.enqueue(payload="needle" if n in (0, 5) else n)["id"] for n in range(7)]

    cursor, calls, found = None, 0, list[str]()
    while calls == 0 or cursor is not None:
        answer = search(api, text="needle", **({} if cursor is None else {"cursor": cursor}))
        assert answer["scanned"] <= 2
        found += [each["id"] for each in answer["jobs"]]
        cursor, calls = answer["cursor"], calls + 1
        assert answer["is_complete"] is (cursor is None)

    assert found == [jobs[5], jobs[0]]
    assert calls == 4


def test_a_page_is_as_long_as_was_asked_for(api: WatchedApi) -> None:
    jobs = [api.enqueue(payload="needle")["id"] for _ in range(5)]

    first = search(api, text="needle", limit=2)
    rest = search(api, text="needle", limit=2, cursor=first["cursor"])

    assert [each["id"] for each in (*first["jobs"], *rest["jobs"])] == jobs[:0:-1]
    assert (first["scanned"], rest["scanned"]) == (2, 2)


@pytest.mark.parametrize(
    "text",
    ["100%", "a_b", "'; DROP TABLE jobs; --", 'x"y', "\0", "😀", "é", "%00", "*?[", "\\u0041"],
)
def test_any_text_is_only_a_text(api: WatchedApi, text: str) -> None:
    job = api.enqueue(payload={"is": f"<{text}>"})
    api.enqueue(payload="1000 aab")

    assert found_ids(api, text=text) == [job["id"]]
    assert found_ids(api, path="is", equals=f"<{text}>") == [job["id"]]


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({}, "`text`"),
        ({"text": ""}, "`text`"),
        ({"text": "x" * 256}, "`text`"),
        ({"text": "x", "path": "a", "equals": "1"}, "`path`"),
        ({"path": "a"}, "`equals`"),
        ({"equals": "a"}, "`path`"),
        ({"path": "a..b", "equals": "1"}, "`path`"),
        ({"path": "a')--", "equals": "[1]"}, "`equals`"),
        ({"text": "x", "where": "tags"}, "`where`"),
        ({"text": "x", "status": "lost"}, "`status`"),
        ({"text": "x", "state": "lost"}, "`state`"),
        ({"text": "x", "created_after": "yesterday"}, "`created_after`"),
        ({"text": "x", "limit": "many"}, "`limit`"),
        *(
            ({"text": "x", "cursor": cursor}, "`cursor`")
            for cursor in (
                "x",
                "1",
                "1.2.3",
                "1.x",
                f"{10**18}.1",
                "1.-1",
                "\u0661.1",
                "begin ",
                "\0",
            )
        ),
    ],
)
def test_what_cannot_be_searched_is_named(
    api: WatchedApi, query: dict[str, str], word: str
) -> None:
    answer = api.get("jobs/search", params=query)

    assert answer.status_code == 400
    assert word in answer.json()["message"]


def test_jobs_of_others_are_not_found(api: WatchedApi) -> None:
    job = api.enqueue("charges", payload="needle", idempotency_key="needle")
    api.enqueue("emails", payload="needle")
    stranger = api.shown(
        "POST", "organizations", 201, json={"name": "Other", "slug": "other"}, key=None
    )
    scoped = api.shown("POST", "api-keys", 201, json={"name": "k", "queues": ["emails"]})

    for text in ("needle", job["id"]):
        answer = search(api, key=stranger["api_key"]["key"], text=text)
        assert (answer["jobs"], answer["scanned"], answer["is_complete"]) == ([], 0, True)
    answer = search(api, key=scoped["key"], text="needle")
    assert [each["queue_name"] for each in answer["jobs"]] == ["emails"]
    assert answer["scanned"] == 1
    assert search(api, key=scoped["key"], text=job["id"])["jobs"] == []
    assert search(api, key=scoped["key"], text="needle", queue_name="charges")["jobs"] == []


def test_large_payloads_are_searched_and_shown_in_short(api: WatchedApi) -> None:
    filling = "😀" * (JOB_BYTES // 14)
    jobs = [api.enqueue(payload=[filling, "needle", filling])["id"] for _ in range(3)]

    found, cursor = list[dict[str, Any]](), "begin"
    while cursor is not None:
        answer = search(api, text="needle", cursor=cursor)
        found += answer["jobs"]
        cursor = answer["cursor"]

    assert [each["id"] for each in found] == jobs[::-1]
    assert all(len(each["match"]["excerpt"]) <= CHARS_MAX + 2 for each in found)
    assert found_ids(api, path="[1]", equals="needle") == jobs[::-1]


def test_an_organization_has_so_many_searches_at_a_time(api: WatchedApi) -> None:
    api.enqueue(idempotency_key="order-7")
    searches, org = api.served.services.searches, api.org
    places = [searches.place(org) for _ in range(OF_ORG_MAX)]
    for place in places:
        place.__enter__()

    refused = api.get("jobs/search", params={"text": "needle"})
    assert refusal(refused) == (429, "RATE_LIMIT_EXCEEDED")
    assert refused.headers["retry-after"] == "1"
    assert search(api, text="order-7")["jobs"]  # by index
    for place in places:
        place.__exit__(None, None, None)

    assert search(api, text="needle")["is_complete"]
    assert searches.count() == 0
