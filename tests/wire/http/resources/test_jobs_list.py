"""Lists of jobs: contract jobs, J2."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from spooled_lite.wire.http.resources import job_filters
from tests.wire.http.job_calls import NOW, WatchedApi, refusal


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def listed(api: WatchedApi, query: str = "") -> list[str]:
    rows: Any = api.shown("GET", f"jobs?{query}")
    return [row["id"] for row in rows]


def test_a_row_of_the_list_has_every_field_and_no_payload(api: WatchedApi) -> None:
    job = api.enqueue(payload={"job_type": "mail", "secret": 1}, tags=["a"], priority=5)

    [row] = api.get("jobs").json()

    assert row == {
        "id": job["id"],
        "organization_id": api.served.org_id,
        "queue_name": "emails",
        "queue": "emails",
        "status": "pending",
        "priority": 5,
        "retry_count": 0,
        "attempt": 0,
        "max_retries": 3,
        "timeout_seconds": 300,
        "job_type": "mail",
        "last_error": None,
        "tags": ["a"],
        "created_at": NOW,
        "updated_at": NOW,
        "scheduled_at": None,
        "started_at": None,
        "completed_at": None,
        "workflow_id": None,
        "parent_job_id": None,
    }


@pytest.mark.parametrize(
    ("payload", "job_type"),
    [
        ({"job_type": "a"}, "a"),
        ({"job_type": 5}, ""),
        ({"job_type": None}, ""),
        ({"a": {"job_type": "inner"}}, ""),
        (["job_type"], ""),
        ('{"job_type":"a"}', ""),
        (None, ""),
    ],
)
def test_the_type_is_a_text_of_that_name_in_the_payload(
    api: WatchedApi, payload: Any, job_type: str
) -> None:
    api.enqueue(payload=payload)

    assert api.get("jobs").json()[0]["job_type"] == job_type


def test_an_empty_list_is_a_list(api: WatchedApi) -> None:
    answer = api.get("jobs")

    assert (answer.content, answer.headers["x-has-more"]) == (b"[]", "false")


def test_newest_first_and_pages_do_not_overlap(api: WatchedApi) -> None:
    ids = [api.enqueue()["id"] for _ in range(5)][::-1]  # all of one moment

    pages = [api.get(f"jobs?limit=2&offset={offset}") for offset in (0, 2, 4)]

    assert [row["id"] for page in pages for row in page.json()] == ids
    assert [page.headers["x-has-more"] for page in pages] == ["true", "true", "false"]


def test_limit_and_offset_are_clamped_and_never_refused(api: WatchedApi) -> None:
    body = {"queue": "a", "jobs": [{"payload": 1}] * 100}
    api.post("jobs/bulk", json=body)
    api.enqueue()

    for query, count in {
        "": 50,
        "limit=": 50,
        "limit=0": 1,
        "limit=-5": 1,
        "limit=100": 100,
        "limit=101": 100,
        "limit=99999999999999999999999999999999999": 100,
        "offset=-1": 50,
        "offset=100": 1,
        "offset=999999999999999999999": 0,
        "cursor=abc": 50,
    }.items():
        assert len(listed(api, query)) == count, query


@pytest.mark.parametrize(
    "query",
    [
        "limit=ten",
        "limit=1.5",
        "limit=1e3",
        "offset=x",
        "offset=0x1",
        "created_after=yesterday",
        "created_before=5",
        "created_after=2027-13-01T00:00:00Z",
        "state=waiting",
        "error_key=boom",
        "error_key=9B1C5A7E0F3D2468",
        "error_key=9b1c5a7e0f3d24680",
        "tag=" + "x" * 1025,
    ],
)
def test_a_bad_value_in_the_query_is_named(api: WatchedApi, query: str) -> None:
    for path in ("jobs", "jobs/dlq"):
        refused = api.get(f"{path}?{query}")

        assert refusal(refused) == (400, "BAD_REQUEST")
        assert query.split("=")[0] in refused.json()["message"]


def test_filters_narrow_the_list(api: WatchedApi) -> None:
    old = api.enqueue("old", payload={"job_type": "Mail"}, tags=["red", "blue"])["id"]
    api.clock.advance(seconds=10)
    new = api.enqueue("new", tags={"red": 1}, delay_seconds=60)["id"]
    api.enqueue("new-born", tags="red")
    running = api.claim("old")[0]["id"]
    assert running == old

    for query, ids in {
        "queue_name=old": [old],
        "queue=old": [old],
        "queue_name=unknown": [],
        "status=processing": [old],
        "status=scheduled,processing": [new, old],
        "status=%20Processing%20,nonsense": [old],
        "job_type=Mail": [old],
        "job_type=mail": [],
        "created_after=2027-01-15T08:00:10Z&status=scheduled": [new],
        "created_before=2027-01-15T08:00:10Z": [old],
        "created_before=2027-01-15T08:00:00": [],
        "created_before=2027-01-15T10:00:10%2B02:00": [old],
        "tag=red": [new, old],
        "tag=blue": [old],
        "tag=re": [],
        f"q={old[:8].upper()}": [old],
        f"q={old}": [old],
        "q=OL": [old],
        "q=mai": [old],
        "q=born&status=scheduled": [],
        "workflow_id=none": [],
    }.items():
        assert listed(api, query) == ids, query


@pytest.mark.parametrize(
    "query",
    ["queue_name=a%20b", "status=nonsense,", "status=", "q=", "tag=", "error_key=", "unknown=1"],
)
def test_what_says_nothing_filters_nothing(api: WatchedApi, query: str) -> None:
    api.enqueue()

    assert len(listed(api, query)) == 1


def test_other_spellings_of_a_status_are_understood(api: WatchedApi) -> None:
    dead = api.dead()["id"]
    gone = api.enqueue()["id"]
    api.delete(f"jobs/{gone}")

    for query, ids in {
        "status=deadletter": [dead],
        "status=dead_letter": [dead],
        "status=dead-letter": [dead],
        "status=canceled": [gone],
        "status=CANCELLED": [gone],
    }.items():
        assert listed(api, query) == ids, query


@pytest.mark.parametrize(
    "order_by",
    ["created_at", "updated_at", "priority", "status", "queue_name", "retry_count", "nonsense"],
)
def test_the_order_can_be_chosen_and_turned(api: WatchedApi, order_by: str) -> None:
    for priority, queue_name in ((0, "b"), (9, "a"), (-5, "c")):
        api.enqueue(queue_name, priority=priority)
        api.clock.advance(seconds=1)
    api.claim("a")

    down: Any = api.shown("GET", f"jobs?order_by={order_by}&order_dir=DESC")
    up: Any = api.shown("GET", f"jobs?order_by={order_by}&order_dir=asc")

    key = "created_at" if order_by == "nonsense" else order_by
    assert [row[key] for row in up] == sorted(row[key] for row in down)
    assert down == up[::-1]
    assert listed(api, f"order_by={order_by}") == [row["id"] for row in down]


def test_the_order_of_completion_has_what_is_not_completed_at_its_end(api: WatchedApi) -> None:
    waiting = [api.enqueue("waiting")["id"] for _ in range(2)]
    done = []
    for _ in range(3):
        api.clock.advance(seconds=1)
        done.append(api.claimed()["id"])
        api.post(f"jobs/{done[-1]}/complete")

    assert listed(api, "order_by=completed_at") == [*done[::-1], *waiting[::-1]]
    assert listed(api, "order_by=completed_at&order_dir=asc") == [*done, *waiting]
    pages = [listed(api, f"order_by=completed_at&limit=2&offset={at}") for at in (0, 2, 4, 6)]
    assert pages == [done[:0:-1], [done[0], waiting[1]], [waiting[0]], []]
    assert listed(api, "order_by=completed_at&status=completed") == done[::-1]


def test_the_order_of_schedule_has_every_job(api: WatchedApi) -> None:
    late = api.enqueue(delay_seconds=90)["id"]
    soon = api.enqueue(delay_seconds=9)["id"]
    at_once = api.enqueue()["id"]

    assert listed(api, "order_by=scheduled_at") == [late, soon, at_once]


def test_rows_say_who_holds_them_and_what_they_wait_for_when_it_is_asked(api: WatchedApi) -> None:
    parent = api.claimed()
    child = api.enqueue(parent_job_id=parent["id"])
    dead = api.dead("others")

    [held] = api.get("jobs?worker_id=w-1").json()
    [blocked] = api.get("jobs?state=blocked").json()

    assert (held["id"], held["worker_id"], held["dependencies_met"]) == (parent["id"], "w-1", None)
    assert (blocked["id"], blocked["worker_id"]) == (child["id"], None)
    assert blocked["dependencies_met"] is False
    for row in api.get("jobs?worker_id=&state=").json():
        assert row.keys() == held.keys() - {"worker_id", "dependencies_met"}
    assert api.get("jobs/dlq?state=retrying").json() == []
    assert [each["id"] for each in api.get("jobs/dlq?queue=others").json()] == [dead["id"]]
    other = api.other_org()
    for query in ("worker_id=w-1", "state=blocked"):
        assert api.get(f"jobs?{query}", key=other).json() == []


SLOW: list[tuple[str, str]] = [
    ("tag=a", "tag"),
    ("q=mail", "q"),
    ("workflow_id=x", "workflow_id"),
    ("order_by=priority", "order_by"),
    ("order_by=completed_at&queue=emails", "order_by"),
    ("order_by=completed_at&created_after=2027-01-01T00:00:00", "order_by"),
    ("queue=emails&status=pending", "status"),
    ("status=pending,completed", "status"),
    ("job_type=a&q=0123abcd", "q"),
    ("worker_id=w-1", "worker_id"),
    ("state=retrying", "state"),
    ("error_key=9b1c5a7e0f3d2468", "error_key"),
]
INDEXED = (
    "",
    "status=pending",
    "queue=emails",
    "queue=emails&status=deadletter",
    "job_type=a",
    "q=0123abcd",
    "order_by=completed_at",
    "created_after=2027-01-01T00:00:00&created_before=2027-01-02T00:00:00&queue=emails",
)


def test_a_filter_without_an_index_has_a_limit_and_is_named(
    api: WatchedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.enqueue()
    monkeypatch.setattr(job_filters, "SLOW_LIST_SECONDS_MAX", 0.0)

    for query, name in SLOW:
        refused = api.get(f"jobs?{query}")
        assert refusal(refused) == (408, "REQUEST_TIMEOUT"), query
        assert f"`{name}`" in refused.json()["message"]
    for query in INDEXED:
        assert api.get(f"jobs?{query}").status_code == 200, query
    assert refusal(api.get("jobs/dlq?tag=a")) == (408, "REQUEST_TIMEOUT")
    assert api.get("jobs/dlq?queue=emails").status_code == 200
    assert api.get("jobs/dlq").status_code == 200


def test_finished_jobs_are_listed_by_their_end_and_exact_state(api: WatchedApi) -> None:
    dead = api.dead()
    api.clock.advance(seconds=5)
    cancelled = api.enqueue()
    api.shown("POST", f"jobs/{cancelled['id']}/cancel")
    waiting = api.enqueue()

    def listed(query: str) -> list[str]:
        rows: Any = api.shown("GET", f"jobs?{query}")
        return [row["id"] for row in rows]

    by_end = "order_by=finished_at&order_dir=asc"
    assert listed(by_end) == [dead["id"], cancelled["id"]]
    assert listed(f"{by_end}&finished_after=2027-01-15T08:00:05Z") == [cancelled["id"]]
    assert listed(f"{by_end}&finished_before=2027-01-15T08:00:05Z") == [dead["id"]]
    assert listed("state=failed") == [dead["id"]]
    assert listed("state=queued") == [waiting["id"]]
    assert refusal(api.get("jobs?state=unheard")) == (400, "BAD_REQUEST")
    assert refusal(api.get("jobs?finished_after=soon"))[0] == 400
    assert refusal(api.get("jobs/search?text=abc&state=failed")) == (400, "BAD_REQUEST")
