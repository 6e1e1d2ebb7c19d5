"""Acts on many jobs: counted first, then done in passes."""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from spooled_lite.config import Settings
from spooled_lite.wire.http.resources import job_actions
from spooled_lite.wire.http.resources.job_action_kinds import ACTS
from tests.wire.http.job_calls import NOW, UNKNOWN_ID, WatchedApi, problem, refusal


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def act(api: WatchedApi, action: str, **more: Any) -> dict[str, Any]:
    key = more.pop("key", api.key)
    body = {"action": action, **more}
    return api.shown("POST", "jobs/actions", json=body, key=key)


def status(api: WatchedApi, *jobs: dict[str, Any]) -> list[str]:
    found: Any = api.shown("GET", f"jobs/status?ids={','.join(job['id'] for job in jobs)}")
    return [each["status"] for each in found]


def test_a_count_says_what_would_be_acted_on(api: WatchedApi) -> None:
    first = api.dead("charges", payload={"job_type": "capture"})
    api.dead("emails", payload={"job_type": "mail"})
    api.dead("emails", payload={"job_type": "mail"})
    api.enqueue()

    shown = act(api, "retry", all=True, dry_run=True)
    until = shown.pop("until")
    [*_, sample] = [shown["sample"].pop() for _ in range(3)]

    assert shown == {
        "matched": 3,
        "is_exact": True,
        "eligible": 3,
        "by_queue": {"emails": 2, "charges": 1},
        "by_type": {"mail": 2, "capture": 1},
        "oldest_at": NOW,
        "sample": [],
    }
    assert sample == {
        "id": first["id"],
        "queue_name": "charges",
        "job_type": "capture",
        "status": "deadletter",
        "created_at": NOW,
    }
    assert until


def test_a_count_tells_those_that_the_action_is_not_for(api: WatchedApi) -> None:
    api.dead()
    api.enqueue()

    shown = act(api, "retry", filter={"statuses": ["deadletter", "pending"]}, dry_run=True)
    nothing = act(api, "cancel", filter={"queue_name": "unknown"}, dry_run=True)

    assert (shown["matched"], shown["eligible"]) == (2, 1)
    assert (nothing["matched"], nothing["is_exact"], nothing["oldest_at"]) == (0, True, None)


def test_a_count_without_end_says_that_there_may_be_more(
    api: WatchedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        api.enqueue()
    monkeypatch.setattr(job_actions, "MATCHED_MAX", 2)

    shown = act(api, "cancel", all=True, dry_run=True)

    assert (shown["matched"], shown["is_exact"]) == (2, False)
    monkeypatch.setattr(job_actions, "MATCHED_MAX", 10)
    assert act(api, "cancel", all=True, dry_run=True)["is_exact"] is True
    monkeypatch.setattr(job_actions, "COUNT_SECONDS", 0)
    assert act(api, "cancel", all=True, dry_run=True)["is_exact"] is False


def test_dead_letters_are_retried(api: WatchedApi) -> None:
    dead, other, waiting = api.dead("charges"), api.dead("emails"), api.enqueue("charges")

    shown = act(api, "retry", filter={"queue_name": "charges"})

    assert shown == {"done": 1, "skipped": {}, "cursor": None}
    assert status(api, dead, other, waiting) == ["pending", "deadletter", "pending"]
    assert api.job(dead["id"])["retry_count"] == 0


def test_waiting_jobs_are_cancelled_and_what_waits_for_them_too(api: WatchedApi) -> None:
    parent = api.enqueue()
    child = api.enqueue("children", parent_job_id=parent["id"])
    delayed, running = api.enqueue(delay_seconds=60), api.claimed(priority=5)

    shown = act(api, "cancel", filter={"queue_name": "emails"})

    assert shown["done"] == 2
    assert status(api, parent, delayed, running) == ["cancelled", "cancelled", "processing"]
    api.until(f"jobs/{child['id']}", lambda job: job["status"] == "cancelled")
    assert api.history(parent["id"]) == ["created", "cancelled"]


def test_finished_jobs_are_deleted(api: WatchedApi) -> None:
    dead, waiting = api.dead(), api.enqueue()
    done = api.claimed("done")
    api.shown("POST", f"jobs/{done['id']}/complete", json={})

    shown = act(api, "delete", all=True)

    assert shown["done"] == 2
    assert api.get(f"jobs/{dead['id']}").status_code == 404
    assert status(api, waiting) == ["pending"]


def test_deleting_needs_its_own_permission(api: WatchedApi) -> None:
    api.dead()
    body = {"action": "delete", "all": True}

    refused = api.post("jobs/actions", json=body, key=api.issue(permissions=("jobs:write",)))
    key = api.issue(permissions=("jobs:write", "jobs:delete"))

    assert refusal(refused) == (403, "ACCESS_DENIED")
    assert "jobs:delete" in refused.json()["message"]
    assert api.shown("POST", "jobs/actions", json=body, key=key)["done"] == 1


def test_the_priority_of_waiting_jobs_is_set(api: WatchedApi) -> None:
    job, running = api.enqueue(), api.claimed(priority=5)

    shown = act(api, "set_priority", all=True, priority=9)

    assert shown["done"] == 1
    assert api.job(job["id"])["priority"] == 9
    assert api.job(running["id"])["priority"] == 5


def test_what_waits_for_its_time_runs_now(api: WatchedApi) -> None:
    api.put("queues/emails", json={"backoff_base_seconds": 600})
    retrying = api.claimed()
    api.shown("POST", f"jobs/{retrying['id']}/fail", json={"error": "e"})
    delayed, waiting = api.enqueue(delay_seconds=60), api.enqueue()

    counted = act(api, "run_now", all=True, dry_run=True)
    shown = act(api, "run_now", all=True)

    assert (counted["matched"], counted["eligible"]) == (2, 2)
    assert shown["done"] == 2
    assert {job["id"] for job in api.claim(limit=9)} == {
        each["id"] for each in (retrying, delayed, waiting)
    }


def test_jobs_by_id_are_acted_on_and_the_others_are_told(api: WatchedApi) -> None:
    dead, waiting, running = api.dead(), api.enqueue(), api.claimed("other")
    job_ids = [dead["id"], waiting["id"], running["id"], UNKNOWN_ID, dead["id"]]

    counted = act(api, "retry", job_ids=job_ids, dry_run=True)
    shown = act(api, "retry", job_ids=job_ids)
    again = act(api, "run_now", job_ids=[waiting["id"]])

    assert (counted["matched"], counted["eligible"], counted["is_exact"]) == (3, 1, True)
    assert shown == {
        "done": 1,
        "skipped": {"pending": 1, "processing": 1, "not_found": 1},
        "cursor": None,
    }
    assert again == {"done": 0, "skipped": {"not_delayed": 1}, "cursor": None}


def test_an_act_goes_on_where_it_stopped_and_leaves_later_jobs_out(
    api: WatchedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [api.enqueue() for _ in range(3)]
    act_of_two = replace(ACTS["cancel"], rows_max=2)
    monkeypatch.setattr(job_actions, "ACTS", {"cancel": act_of_two})
    monkeypatch.setattr(job_actions, "ACT_SECONDS", 0)
    counted = act(api, "cancel", all=True, dry_run=True)
    later = api.enqueue()
    done, cursor, calls = 0, None, 0

    while calls == 0 or cursor is not None:
        shown = act(api, "cancel", all=True, until=counted["until"], cursor=cursor)
        done, cursor, calls = done + shown["done"], shown["cursor"], calls + 1

    assert (done, calls > 1) == (3, True)
    assert status(api, *jobs, later) == ["cancelled"] * 3 + ["pending"]


def test_many_ids_go_on_where_they_stopped(
    api: WatchedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [api.enqueue() for _ in range(3)]
    act_of_two = replace(ACTS["cancel"], rows_max=2)
    monkeypatch.setattr(job_actions, "ACTS", {"cancel": act_of_two})
    monkeypatch.setattr(job_actions, "ACT_SECONDS", 0)
    job_ids = [job["id"] for job in jobs]

    first = act(api, "cancel", job_ids=job_ids)
    second = act(api, "cancel", job_ids=job_ids, cursor=first["cursor"])

    assert (first["done"], first["cursor"]) == (2, "2")
    assert (second["done"], second["cursor"]) == (1, None)


def test_the_cap_of_active_jobs_is_kept(api: WatchedApi) -> None:
    with WatchedApi(":memory:", Settings(plan_enforcement="on", admin_key="a" * 32)) as capped:
        dead = [capped.dead() for _ in range(2)]
        capped.enqueue()
        limits = {"max_active_jobs": 2}
        capped.shown(
            "PUT",
            f"admin/organizations/{capped.served.org_id}/limits",
            json=limits,
            key=None,
            headers={"X-Admin-Key": "a" * 32},
        )

        answer = capped.post("jobs/actions", json={"action": "retry", "all": True})

        assert refusal(answer) == (429, "QUOTA_EXCEEDED")
        assert act(capped, "retry", job_ids=[dead[0]["id"]])["done"] == 1


def test_a_key_acts_on_its_queues_only(api: WatchedApi) -> None:
    job, other = api.dead("emails"), api.dead("secret")
    key = api.issue(queues=("emails",))

    shown = act(api, "retry", all=True, key=key)
    by_id = act(api, "retry", job_ids=[other["id"]], key=key)
    refused = api.post(
        "jobs/actions", json={"action": "retry", "filter": {"queue_name": "secret"}}, key=key
    )

    assert (shown["done"], by_id["skipped"]) == (1, {"not_found": 1})
    assert status(api, job, other) == ["pending", "deadletter"]
    assert refusal(refused) == (403, "ACCESS_DENIED")


def test_jobs_of_another_organization_are_not_there(api: WatchedApi) -> None:
    job = api.dead()
    key = api.other_org()

    assert act(api, "delete", all=True, key=key)["done"] == 0
    assert act(api, "delete", job_ids=[job["id"]], key=key)["skipped"] == {"not_found": 1}
    assert status(api, job) == ["deadletter"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (422, "action", "missing_field")),
        ({"action": "explode", "all": True}, (400, "action", "invalid_value")),
        ({"action": "retry"}, (400, "filter", "empty_filter")),
        ({"action": "retry", "filter": {}}, (400, "filter", "empty_filter")),
        ({"action": "retry", "job_ids": [], "all": True}, (400, "job_ids", "invalid_value")),
        ({"action": "retry", "job_ids": ["x"] * 1_001}, (400, "job_ids", "invalid_value")),
        ({"action": "retry", "filter": {"state": "odd"}}, (400, "filter.state", "invalid_value")),
        (
            {"action": "retry", "filter": {"statuses": ["dead"]}},
            (400, "filter.statuses", "invalid_value"),
        ),
        ({"action": "set_priority", "all": True}, (422, "priority", "missing_field")),
        ({"action": "set_priority", "all": True, "priority": 101}, (400, "priority", "range")),
        ({"action": "retry", "all": True, "cursor": "x"}, (400, "cursor", "invalid_value")),
        (
            {"action": "retry", "all": True, "cursor": "deadletter.1~2.3.4"},
            (400, "cursor", "invalid_value"),
        ),
        ({"action": "retry", "all": True, "until": "1.2"}, (400, "until", "invalid_value")),
        (
            {"action": "retry", "all": True, "until": f"1.2.{10**30}"},
            (400, "until", "invalid_value"),
        ),
        ({"action": "retry", "job_ids": ["x"], "cursor": "-"}, (400, "cursor", "invalid_value")),
        ({"action": "retry", "job_ids": ["x"], "cursor": "-9"}, (400, "cursor", "invalid_value")),
        ({"action": "retry", "job_ids": ["x"], "cursor": "2"}, (400, "cursor", "invalid_value")),
        ({"action": "retry", "filter": {"text": ""}}, (400, "filter", "empty_filter")),
        (
            {"action": "retry", "filter": {"statuses": [], "text": ""}},
            (400, "filter", "empty_filter"),
        ),
    ],
)
def test_a_bad_act_is_refused_with_its_field(
    api: WatchedApi, body: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert problem(api.post("jobs/actions", json=body)) == expected
