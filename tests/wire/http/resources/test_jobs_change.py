"""Changing jobs by hand: contract jobs, J4-J7, J18 and J19."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import NOW, UNKNOWN_ID, WatchedApi, problem, refusal


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def in_status(api: WatchedApi, status: str) -> str:
    """A job in this status."""
    if status == "scheduled":
        return str(api.enqueue(delay_seconds=60)["id"])
    if status in ("pending", "cancelled"):
        job_id = str(api.enqueue()["id"])
        if status == "cancelled":
            api.delete(f"jobs/{job_id}")
        return job_id
    if status == "deadletter":
        return str(api.dead()["id"])
    job_id = str(api.claimed()["id"])
    if status == "completed":
        api.post(f"jobs/{job_id}/complete")
    return job_id


STATUSES = ("pending", "scheduled", "processing", "completed", "deadletter", "cancelled")
WAITING = ("pending", "scheduled")

# -- J4, J5 --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", STATUSES)
def test_only_a_waiting_job_can_be_cancelled(api: WatchedApi, status: str) -> None:
    for method, path, success in (("DELETE", "jobs/{}", 204), ("POST", "jobs/{}/cancel", 200)):
        job_id = in_status(api, status)

        answer = api.request(method, path.format(job_id))

        if status not in WAITING:
            assert refusal(answer) == (409, "CONFLICT")
            continue
        assert answer.status_code == success
        shown = api.job(job_id)
        assert (shown["status"], shown["completed_at"]) == ("cancelled", NOW)
        assert answer.content == b"" if success == 204 else answer.json() == shown
        assert api.history(job_id) == ["created", "cancelled"]
        assert api.claim() == []


def test_a_cancelled_job_is_refused_the_second_time(api: WatchedApi) -> None:
    job_id = in_status(api, "cancelled")

    assert refusal(api.post(f"jobs/{job_id}/cancel")) == (409, "CONFLICT")


# -- J6 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", STATUSES)
def test_only_a_dead_letter_can_be_retried(api: WatchedApi, status: str) -> None:
    job_id = in_status(api, status)

    answer = api.post(f"jobs/{job_id}/retry")

    if status != "deadletter":
        assert refusal(answer) == (409, "CONFLICT")
        return
    shown = answer.json()
    expected = {
        "status": "pending",
        "retry_count": 1,
        "last_error": None,
        "error": None,
        "scheduled_at": None,
        "completed_at": None,
        "assigned_worker_id": None,
        "lease_id": None,
    }
    assert {name: shown[name] for name in expected} == expected
    assert shown == api.job(job_id)
    assert [job["id"] for job in api.claim()] == [job_id]


# -- J7 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", STATUSES)
def test_only_a_waiting_job_has_a_priority_to_change(api: WatchedApi, status: str) -> None:
    job_id = in_status(api, status)

    answer = api.put(f"jobs/{job_id}/priority", json={"priority": -100})

    if status not in WAITING:
        assert refusal(answer) == (404, "NOT_FOUND")
        return
    assert answer.json() == {"job_id": job_id, "old_priority": 0, "new_priority": -100}
    assert api.job(job_id)["priority"] == -100


def test_a_priority_is_set_and_changes_the_order(api: WatchedApi) -> None:
    api.enqueue()
    second = api.enqueue(priority=-7)["id"]

    changed = api.put(f"jobs/{second}/priority", json={"priority": 100})

    assert changed.json()["old_priority"] == -7
    assert api.claim()[0]["id"] == second


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (422, "priority", "missing_field")),
        ({"priority": None}, (422, "priority", "invalid_type")),
        ({"priority": "5"}, (422, "priority", "invalid_type")),
        ({"priority": 101}, (400, "priority", "range")),
        ({"priority": -101}, (400, "priority", "range")),
    ],
)
def test_a_bad_priority_is_refused(
    api: WatchedApi, body: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    job_id = api.enqueue()["id"]

    assert problem(api.put(f"jobs/{job_id}/priority", json=body)) == expected


# -- J18, J19 ------------------------------------------------------------------------------------


def test_a_job_without_dependencies_shows_empty_lists(api: WatchedApi) -> None:
    job_id = api.enqueue()["id"]

    assert api.shown("GET", f"jobs/{job_id}/dependencies") == {
        "job_id": job_id,
        "status": "pending",
        "dependency_mode": "all",
        "dependencies_met": True,
        "dependencies": [],
        "dependents": [],
        "depends_on": [],
        "depended_on_by": [],
    }


def test_both_ends_of_an_edge_show_it(api: WatchedApi) -> None:
    parent, child = api.enqueue("parents")["id"], api.enqueue()["id"]

    added = api.post(f"jobs/{child}/dependencies", json={"depends_on": [parent]})

    assert added.json() == {
        "success": True,
        "job_id": child,
        "dependencies_added": 1,
        "added_count": 1,
        "added": 1,
        "dependencies_met": False,
    }
    below = api.shown("GET", f"jobs/{child}/dependencies")
    above = api.shown("GET", f"jobs/{parent}/dependencies")
    edge = {
        "dependency_type": "all",
        "condition": "success",
        "completed": False,
        "is_met": False,
    }
    assert below["dependencies"] == [
        {**edge, "job_id": parent, "queue_name": "parents", "status": "pending"}
    ]
    assert above["dependents"] == [
        {**edge, "job_id": child, "queue_name": "emails", "status": "pending"}
    ]
    assert (below["depends_on"], above["depended_on_by"]) == ([parent], [child])
    assert (below["dependencies_met"], above["dependencies_met"]) == (False, True)
    assert api.claim() == []


def test_the_last_dependency_lets_the_job_run(api: WatchedApi) -> None:
    parents = [api.claimed("parents")["id"] for _ in range(2)]
    child = api.enqueue()["id"]
    api.post(f"jobs/{child}/dependencies", json={"depends_on": parents})

    api.post(f"jobs/{parents[0]}/complete")
    assert api.claim() == []
    api.post(f"jobs/{parents[1]}/complete")

    assert [job["id"] for job in api.claim()] == [child]
    shown = api.shown("GET", f"jobs/{child}/dependencies")
    assert [edge["is_met"] for edge in shown["dependencies"]] == [True, True]


def test_any_needs_one_of_them(api: WatchedApi) -> None:
    parents = [api.claimed("parents")["id"] for _ in range(2)]
    child = api.enqueue()["id"]
    body = {"depends_on": parents, "dependency_mode": "any"}
    api.post(f"jobs/{child}/dependencies", json=body)

    api.post(f"jobs/{parents[1]}/complete")

    assert [job["id"] for job in api.claim()] == [child]
    assert api.job(child)["dependency_mode"] == "any"


@pytest.mark.parametrize("field", ["depends_on", "depends_on_job_ids", "dependency_job_ids"])
@pytest.mark.parametrize(
    ("more", "mode"),
    [
        ({}, "all"),
        ({"dependency_type": "any"}, "any"),
        ({"dependency_type": "completion"}, "all"),
        ({"dependency_mode": "all", "dependency_type": "any"}, "all"),
        ({"dependency_mode": None, "dependency_type": None}, "all"),
    ],
)
def test_other_names_of_the_fields_are_understood(
    api: WatchedApi, field: str, more: dict[str, Any], mode: str
) -> None:
    parent, child = api.enqueue()["id"], api.enqueue()["id"]

    added = api.post(f"jobs/{child}/dependencies", json={field: [parent], **more})

    assert added.json()["added"] == 1
    assert api.job(child)["dependency_mode"] == mode


def test_edges_that_say_nothing_new_are_left_out(api: WatchedApi) -> None:
    parent, child = api.enqueue()["id"], api.enqueue()["id"]
    api.post(f"jobs/{child}/dependencies", json={"depends_on": [parent]})

    again = api.post(f"jobs/{child}/dependencies", json={"depends_on": [parent, child]})
    cycle = api.post(f"jobs/{parent}/dependencies", json={"depends_on": [child]})

    assert (again.json()["added"], again.json()["dependencies_met"]) == (0, False)
    assert (cycle.json()["added"], cycle.json()["dependencies_met"]) == (0, True)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (422, "depends_on", "missing_field")),
        ({"depends_on": None}, (422, "depends_on", "missing_field")),
        ({"depends_on": "x"}, (422, "depends_on", "invalid_type")),
        ({"depends_on": [5]}, (422, "depends_on[0]", "invalid_type")),
        ({"depends_on": []}, (400, "depends_on", "length")),
        ({"depends_on": ["x"] * 101}, (400, "depends_on", "length")),
        (
            {"depends_on": ["x"], "dependency_mode": "some"},
            (400, "dependency_mode", "invalid_value"),
        ),
    ],
)
def test_a_bad_dependency_is_refused(
    api: WatchedApi, body: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    job_id = api.enqueue()["id"]

    status, field, code = problem(api.post(f"jobs/{job_id}/dependencies", json=body))

    assert (status, field.replace("[...]", "[0]"), code) == expected


def test_an_unknown_or_foreign_dependency_adds_nothing(api: WatchedApi) -> None:
    known, job_id = api.enqueue()["id"], api.enqueue()["id"]
    body = {"queue": "a", "payload": 1}
    foreign = api.post("jobs", json=body, key=api.other_org()).json()["id"]

    for other in (UNKNOWN_ID, foreign):
        refused = api.post(f"jobs/{job_id}/dependencies", json={"depends_on": [known, other]})

        assert refusal(refused) == (404, "NOT_FOUND")
        assert other not in refused.text


@pytest.mark.parametrize("status", [each for each in STATUSES if each not in WAITING])
def test_only_a_waiting_job_takes_dependencies(api: WatchedApi, status: str) -> None:
    parent = api.enqueue("parents")["id"]
    job_id = in_status(api, status)

    refused = api.post(f"jobs/{job_id}/dependencies", json={"depends_on": [parent]})

    assert refusal(refused) == (409, "CONFLICT")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "", None),
        ("POST", "/cancel", None),
        ("POST", "/retry", None),
        ("PUT", "/priority", {"priority": 1}),
        ("POST", "/dependencies", {"depends_on": ["x"]}),
    ],
)
def test_an_unknown_job_is_404(api: WatchedApi, method: str, path: str, body: Any) -> None:
    refused = api.request(method, f"jobs/{UNKNOWN_ID}{path}", json=body)

    assert refusal(refused) == (404, "NOT_FOUND")
    assert UNKNOWN_ID not in refused.text
