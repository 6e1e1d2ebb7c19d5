"""Who did what: a row for each act, there exactly when the act is."""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import structs

from spooled_lite.config import Settings
from spooled_lite.core.acts.record import NewAct, Recorded
from spooled_lite.storage.lanes import Lane, in_lane, lane_of
from spooled_lite.storage.transaction import Tx
from spooled_lite.wire.http.resources.job_action_kinds import ACTS
from tests.wire.http.job_calls import WatchedApi


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def acts(api: WatchedApi, query: str = "") -> list[tuple[Any, ...]]:
    names = ("act", "kind", "subject", "count", "reason")
    return [tuple(each[name] for name in names) for each in api.get(f"acts{query}").json()]


def test_an_act_tells_the_key_the_subject_and_the_reason(api: WatchedApi) -> None:
    api.shown("POST", "queues/emails/pause", json={"reason": "warehouse is down"})
    me = api.get("auth/me").json()

    [told] = api.get("acts").json()

    assert (told["key_id"], told["key_name"]) == (me["api_key_id"], me["name"])
    assert acts(api) == [("pause", "queue", "emails", 1, "warehouse is down")]


def test_what_workers_and_producers_do_all_day_is_no_act(api: WatchedApi) -> None:
    job = api.claimed("emails")
    api.shown("POST", f"jobs/{job['id']}/fail", json={"error": "boom", "no_retry": True})

    assert acts(api) == []


def test_what_was_refused_leaves_no_act(api: WatchedApi) -> None:
    api.request("POST", "queues/nowhere/resume")
    api.request("DELETE", "jobs/00000000-0000-4000-8000-000000000000")
    api.request("POST", "jobs/dlq/retry", json={"job_ids": []})

    assert acts(api) == []


def test_the_passes_of_one_act_share_a_row_that_counts_them(
    api: WatchedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ACTS, "cancel", structs.replace(ACTS["cancel"], rows_max=2))
    for _ in range(5):
        api.enqueue()
    body = {"action": "cancel", "filter": {"queue_name": "emails"}, "dry_run": True}

    api.shown("POST", "jobs/actions", json=body)
    assert acts(api) == []
    api.shown("POST", "jobs/actions", json={**body, "dry_run": False})

    assert acts(api) == [("cancel", "queue", "emails", 5, None)]


def test_the_history_of_a_job_says_by_whom_it_was_cancelled(api: WatchedApi) -> None:
    job = api.enqueue()
    api.request("DELETE", f"jobs/{job['id']}")
    me = api.get("auth/me").json()

    [*_, last] = api.get(f"jobs/{job['id']}/history").json()

    assert last["details"]["by"] == me["name"]
    assert last["details"]["by_key_id"] == me["api_key_id"]


def test_acts_are_found_by_subject_key_and_time(api: WatchedApi) -> None:
    for name in ("emails", "charges"):
        api.shown("POST", f"queues/{name}/pause", json={})
    key_id = api.get("auth/me").json()["api_key_id"]

    assert [it[2] for it in acts(api)] == ["charges", "emails"]
    assert [it[2] for it in acts(api, "?limit=1")] == ["charges"]
    assert [it[2] for it in acts(api, "?subject=emails")] == ["emails"]
    assert len(acts(api, f"?key={key_id}")) == 2
    assert acts(api, "?key=another") == []
    assert acts(api, "?since=2099-01-01T00:00:00Z") == []


def test_acts_are_found_by_kind_and_act(api: WatchedApi) -> None:
    job = api.enqueue()
    api.shown("POST", "queues/emails/pause", json={})
    api.shown("POST", "queues/emails/resume")
    api.request("DELETE", f"jobs/{job['id']}")

    assert [it[:2] for it in acts(api, "?kind=queue")] == [("resume", "queue"), ("pause", "queue")]
    assert [it[:2] for it in acts(api, "?act=cancel")] == [("cancel", "job")]
    assert [it[:2] for it in acts(api, "?kind=queue&act=pause&subject=emails")] == [
        ("pause", "queue")
    ]
    assert acts(api, "?kind=nonsense") == []


def test_a_thing_has_one_subject_from_its_making_on_and_its_name_of_then(api: WatchedApi) -> None:
    body = {"name": "Nightly", "cron_expression": "0 2 * * *", "queue_name": "emails",
            "payload_template": {}}  # fmt: skip
    made = api.shown("POST", "schedules", 201, json=body)
    api.shown("PUT", f"schedules/{made['id']}", json={"name": "<b>Daily</b>"})
    api.shown("POST", f"schedules/{made['id']}/pause")
    before = api.get(f"acts?subject={made['id']}").json()

    api.request("DELETE", f"schedules/{made['id']}")

    told = api.get(f"acts?subject={made['id']}").json()
    assert [(it["act"], it["subject_name"]) for it in told] == [
        ("delete", "<b>Daily</b>"),
        ("pause", "<b>Daily</b>"),
        ("change", "Nightly"),
        ("create", "Nightly"),
    ]
    assert [it["subject_exists"] for it in before] == [True] * 3
    assert [it["subject_exists"] for it in told] == [False] * 4


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("api-keys", {"name": "CI"}),
        (
            "outgoing-webhooks",
            {"name": "shop", "url": "https://example.com/", "events": ["job.failed"]},
        ),
    ],
)
def test_what_was_made_and_taken_away_is_named(
    api: WatchedApi, path: str, body: dict[str, Any]
) -> None:
    made = api.shown("POST", path, 201, json=body)
    api.request("DELETE", f"{path}/{made['id']}")

    told = api.get("acts").json()

    assert [(it["subject"], it["subject_name"]) for it in told] == [(made["id"], body["name"])] * 2
    assert [it["subject_exists"] for it in told] == [False, False]


def test_an_organization_sees_its_own_acts_only(api: WatchedApi) -> None:
    api.shown("POST", "queues/emails/pause", json={})

    assert api.get("acts", key=api.other_org()).json() == []


def test_an_act_goes_in_the_lane_of_what_it_does() -> None:
    @in_lane(Lane.SETTLE)
    def leave(tx: Tx) -> None:
        """An operation that frees what others wait for."""

    act = NewAct(org=1, key=1, kind="worker", act="deregister")

    assert lane_of(Recorded(act, leave, count=bool, seq=0), 1) is Lane.SETTLE


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        *[("offset=9999999999999999999999999999999", 200), ("offset=-1", 200), ("limit=0", 200)],
        *[("limit=1e9", 400), ("since=never", 400), ("since=9999-12-31T23:59:59Z", 200)],
        *[("kind=%00", 200), ("kind=%ED%A0%80", 200), ("key=%ff", 200), ("act='%20OR%201=1", 200)],
    ],
)
def test_filters_and_pages_may_be_anything(api: WatchedApi, query: str, expected: int) -> None:
    assert api.get(f"acts?{query}").status_code == expected
