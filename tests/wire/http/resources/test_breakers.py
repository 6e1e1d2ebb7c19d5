"""Circuit breakers of queues, over HTTP: catbird-capabilities, section 7 (H7)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import NOW, WatchedApi, problem

BREAKER = {"failure_threshold": 2, "open_timeout_ms": 30_000}
A_MILLISECOND = {"open_timeout_ms": 1}
UNTIL = "2027-01-15T08:00:30.000Z"


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def guarded(api: WatchedApi) -> None:
    api.shown("PUT", "queues/emails/config", json={"circuit_breaker": BREAKER})
    for _ in range(10):
        api.enqueue(max_retries=0)


def failed(api: WatchedApi, count: int = 1) -> None:
    for _ in range(count):
        [job] = api.claim()
        api.shown("POST", f"jobs/{job['id']}/fail", json={"error": "boom"})


def standing(api: WatchedApi) -> dict[str, Any]:
    shown: dict[str, Any] = api.shown("GET", "queues/emails")["breaker"]
    return shown


def test_a_queue_shows_its_breaker_and_how_it_stands(api: WatchedApi) -> None:
    guarded(api)
    assert api.shown("GET", "queues/emails")["circuit_breaker"] == BREAKER
    assert standing(api) == {
        "state": "closed",
        "failures": 0,
        "opened_at": None,
        "open_until": None,
        "is_tried": False,
    }

    failed(api, 2)

    assert standing(api) == {
        "state": "open",
        "failures": 2,
        "opened_at": NOW,
        "open_until": UNTIL,
        "is_tried": False,
    }
    assert api.claim() == []


def test_a_queue_without_one_shows_none(api: WatchedApi) -> None:
    shown = api.shown("PUT", "queues/emails/config", json={"circuit_breaker": None})

    assert not {"circuit_breaker", "breaker"} & shown.keys()
    assert "breaker" not in api.shown("GET", "queues/emails")


def test_it_lets_one_through_and_then_all(api: WatchedApi) -> None:
    guarded(api)
    failed(api, 2)
    api.clock.advance(seconds=30)
    assert standing(api)["state"] == "half_open"

    [trial] = api.claim(limit=10)
    assert standing(api)["is_tried"]
    api.shown("POST", f"jobs/{trial['id']}/complete", json={})

    assert standing(api)["state"] == "closed"
    assert len(api.claim(limit=10)) == 7


def test_null_takes_it_away(api: WatchedApi) -> None:
    guarded(api)
    failed(api, 2)

    api.shown("PUT", "queues/emails/config", json={"circuit_breaker": None})

    assert len(api.claim(limit=10)) == 8


def test_a_queue_is_created_with_one(api: WatchedApi) -> None:
    made = api.shown("POST", "queues", 201, json={"name": "emails", "circuit_breaker": BREAKER})

    assert made["circuit_breaker"] == BREAKER


@pytest.mark.parametrize(
    ("breaker", "refused"),
    [
        ({**BREAKER, "failure_threshold": 0}, "circuit_breaker.failure_threshold"),
        ({**BREAKER, "failure_threshold": 10_001}, "circuit_breaker.failure_threshold"),
        ({**BREAKER, "open_timeout_ms": 0}, "circuit_breaker.open_timeout_ms"),
        ({**BREAKER, "open_timeout_ms": 86_400_001}, "circuit_breaker.open_timeout_ms"),
    ],
)
def test_a_bad_one_is_refused_by_name(
    api: WatchedApi, breaker: dict[str, Any], refused: str
) -> None:
    answer = api.put("queues/emails/config", json={"circuit_breaker": breaker})

    assert problem(answer) == (400, refused, "range")


def test_half_of_one_is_a_wrong_shape(api: WatchedApi) -> None:
    answer = api.put("queues/emails/config", json={"circuit_breaker": {"failure_threshold": 1}})

    assert answer.status_code == 422


def test_a_job_that_waits_for_it_is_explained(api: WatchedApi) -> None:
    guarded(api)
    job = api.enqueue(priority=1)
    code = "breaker_open"
    assert code in api.shown("GET", f"jobs/{job['id']}/explain")["clear"]
    [first] = api.claim()
    api.shown("POST", f"jobs/{first['id']}/complete", json={})
    job = api.enqueue(priority=-1)
    failed(api, 2)

    def reason() -> dict[str, Any]:
        reasons = api.shown("GET", f"jobs/{job['id']}/explain")["reasons"]
        [found] = [each for each in reasons if each["code"] == code]
        return dict(found)

    assert reason() == {"code": code, "since": NOW, "until": UNTIL, "failures": 2}
    api.clock.advance(seconds=30)
    assert code in api.shown("GET", f"jobs/{job['id']}/explain")["clear"]
    api.claim()
    assert reason() == {"code": code, "since": NOW, "failures": 2}


def test_a_run_is_expected_to_start_when_the_breaker_of_its_task_lets_it(api: WatchedApi) -> None:
    task = {"queue_name": "emails", "max_retries": 0, "circuit_breaker": BREAKER}
    api.shown("PUT", "tasks/mail", json=task)
    for _ in range(2):
        api.shown("POST", "tasks/mail/runs", 201, json={"input": 1})
    failed(api, 2)
    run = api.shown("POST", "tasks/mail/runs", 201, json={"input": 1})

    def starts_in() -> Any:
        return api.shown("GET", f"jobs/{run['id']}/explain")["starts_in_seconds"]

    assert starts_in() == 30
    api.clock.advance(seconds=10)
    assert starts_in() == 20


def test_an_open_breaker_asks_for_attention(api: WatchedApi) -> None:
    guarded(api)
    failed(api, 2)

    [queue] = api.get("dashboard/queues").json()

    assert "breaker_open" in queue["attention"]


def test_open_breakers_are_counted_by_scope(api: WatchedApi) -> None:
    def counted() -> list[str]:
        lines = api.get("/metrics", key=None).text.splitlines()
        return [line for line in lines if line.startswith("spooled_breaker_open{")]

    guarded(api)
    assert counted() == [
        'spooled_breaker_open{scope="queue"} 0.0',
        'spooled_breaker_open{scope="task"} 0.0',
        'spooled_breaker_open{scope="step"} 0.0',
    ]

    failed(api, 2)

    assert counted()[0] == 'spooled_breaker_open{scope="queue"} 1.0'


def test_it_stands_as_before_after_a_restart(tmp_path: Path) -> None:
    """In each of its states: with a failure, open, and while the attempt that decides runs."""
    path = str(tmp_path / "spooled.db")
    with WatchedApi(path, Settings()) as api:
        guarded(api)
        api.shown("PUT", "queues/emails", json={"circuit_breaker": {**BREAKER, **A_MILLISECOND}})
        failed(api)
    with WatchedApi(path, Settings()) as api:
        assert standing(api)["failures"] == 1
        failed(api)
    with WatchedApi(path, Settings()) as api:
        assert (standing(api)["state"], api.claim()) == ("open", [])
        api.clock.advance(seconds=0.001)
        [trial] = api.claim(limit=5)
    with WatchedApi(path, Settings()) as api:
        api.clock.advance(seconds=0.001)
        assert (standing(api)["state"], standing(api)["is_tried"]) == ("half_open", True)
        assert api.claim() == []
        api.shown("POST", f"jobs/{trial['id']}/complete", json={"lease_id": trial["lease_id"]})
        assert standing(api)["state"] == "closed"


def test_a_task_shows_how_its_breaker_stands(api: WatchedApi) -> None:
    task = {"queue_name": "emails", "max_retries": 0, "circuit_breaker": BREAKER}
    assert "breaker" not in api.shown("PUT", "tasks/plain", json={"queue_name": "emails"})
    assert "breaker" not in api.shown("GET", "tasks/plain")
    api.shown("PUT", "tasks/mail", json=task)
    for _ in range(3):
        api.shown("POST", "tasks/mail/runs", 201, json={"input": 1})

    failed(api, 2)

    shown = api.shown("GET", "tasks/mail")["breaker"]
    assert (shown["state"], shown["failures"], shown["open_until"]) == ("open", 2, UNTIL)
    assert api.claim() == []
    lines = api.get("/metrics", key=None).text.splitlines()
    assert 'spooled_breaker_open{scope="task"} 1.0' in lines


def test_a_task_has_as_many_runs_at_once_as_it_says(api: WatchedApi) -> None:
    api.shown("PUT", "tasks/mail", json={"queue_name": "emails", "max_concurrency": 2})
    for _ in range(5):
        api.shown("POST", "tasks/mail/runs", 201, json={"input": 1})

    [first, _] = api.claim(limit=10)
    assert api.claim(limit=10) == []
    api.shown("POST", f"jobs/{first['id']}/complete", json={})

    assert len(api.claim(limit=10)) == 1
