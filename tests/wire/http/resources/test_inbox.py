"""Inboxes over HTTP: contract catbird-capabilities, section 14; `v80` is V80."""

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import pytest

from spooled_lite.config import Settings
from spooled_lite.core.jobs.passes import PASS_MAX
from spooled_lite.wire.http.resources import batch
from tests.wire.conftest import ServedFactory
from tests.wire.http.admin_calls import ADMIN_KEY, AdminApi
from tests.wire.http.job_calls import WatchedApi, refusal

EACH: Final = 10  # calls that one caller makes, one after the other
NOTE: Final = {"topic": "import.progress", "message": "80 %"}
OP: Final = {"op": "inbox", "identity": "ada", **NOTE}


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def put(api: WatchedApi, identity: str = "ada", **fields: Any) -> int:
    made: int = api.shown("POST", f"inbox/{identity}", 201, json={**NOTE, **fields})["id"]
    return made


def waiting(api: WatchedApi, identity: str = "ada", query: str = "", **more: Any) -> list[int]:
    found = api.shown("GET", f"inbox/{identity}?{query}", **more)
    return [each["id"] for each in found["notifications"]]


def marked(api: WatchedApi, identity: str = "ada", **body: Any) -> int:
    count: int = api.shown("POST", f"inbox/{identity}/seen", json=body)["marked"]
    return count


def test_what_is_put_is_read_as_it_was_said_and_stays_unseen(api: WatchedApi) -> None:
    made = put(api, collapse_key="import-42", expires_at="2027-01-15T09:00:00Z")
    short = put(api, message=None)

    for _ in range(2):
        assert api.get("inbox/ada").json() == {
            "notifications": [
                {
                    "id": made,
                    "topic": "import.progress",
                    "message": "80 %",
                    "collapse_key": "import-42",
                    "created_at": "2027-01-15T08:00:00.000Z",
                    "expires_at": "2027-01-15T09:00:00.000Z",
                },
                {
                    "id": short,
                    "topic": "import.progress",
                    "message": None,
                    "collapse_key": None,
                    "created_at": "2027-01-15T08:00:00.000Z",
                    "expires_at": None,
                },
            ],
            "cursor": short,
        }


def test_a_cursor_leads_through_all_of_them_once(api: WatchedApi) -> None:
    ids = [put(api) for _ in range(5)]
    put(api, "bob")

    found, cursor = [], 0
    while True:
        page = api.shown("GET", f"inbox/ada?after={cursor}&limit=2")
        if not page["notifications"]:
            break
        found += [each["id"] for each in page["notifications"]]
        assert page["cursor"] == found[-1]
        cursor = page["cursor"]

    assert found == ids == sorted(ids)
    assert api.shown("GET", f"inbox/ada?after={cursor}") == {"notifications": [], "cursor": cursor}
    assert waiting(api, "nobody") == []


def test_who_says_nothing_of_what_was_seen_is_told_both_ways_to_say_it(api: WatchedApi) -> None:
    refused = api.post("inbox/ada/seen", json={})

    assert refused.status_code == 422
    assert refused.json()["message"] == "Field `until` or `ids` is required"


def test_all_up_to_a_number_are_seen_and_again_none(api: WatchedApi) -> None:
    ids, of_bob = [put(api) for _ in range(3)], put(api, "bob")

    assert marked(api, until=ids[1]) == 2
    assert marked(api, until=ids[1]) == 0
    assert waiting(api) == ids[2:]
    assert marked(api, until=of_bob) == 1
    assert (waiting(api), waiting(api, "bob")) == ([], [of_bob])


def test_named_ones_are_seen_and_those_of_others_are_passed_over(api: WatchedApi) -> None:
    ids, of_bob = [put(api) for _ in range(3)], put(api, "bob")

    assert marked(api, ids=[ids[0], ids[2], ids[2], of_bob, 4711]) == 2
    assert marked(api, ids=[ids[0]]) == 0
    assert marked(api, ids=[]) == 0
    assert (waiting(api), waiting(api, "bob")) == ([ids[1]], [of_bob])


def test_the_newest_of_a_key_takes_the_place_of_the_others(api: WatchedApi) -> None:
    for percent in range(3):
        put(api, message=f"{percent} %", collapse_key="import-42")
    of_bob, other = put(api, "bob", collapse_key="import-42"), put(api, collapse_key="other")

    [newest, last] = api.get("inbox/ada").json()["notifications"]

    assert (newest["message"], last["id"], waiting(api, "bob")) == ("2 %", other, [of_bob])
    assert marked(api, until=newest["id"]) == 1


def test_numbers_of_calls_at_once_are_different_and_each_is_higher_than_those_before(
    served: ServedFactory,
) -> None:
    async def main() -> None:
        async with served() as it:

            async def puts(identity: str) -> list[int]:
                path = f"/api/v1/inbox/{identity}"
                return [(await it.client.post(path, json=NOTE)).json()["id"] for _ in range(EACH)]

            found = await asyncio.gather(*(puts(f"user-{number % 3}") for number in range(10)))

            assert all(ids == sorted(ids) for ids in found)
            assert len({each for ids in found for each in ids}) == 10 * EACH

    asyncio.run(main())


def test_one_that_has_expired_is_not_read_and_is_removed_by_a_collection(api: WatchedApi) -> None:
    lasting = put(api)
    put(api, expires_in_ms=500)
    put(api, expires_at="2027-01-15T08:00:00.500Z")
    api.skip(seconds=1)

    assert waiting(api) == [lasting]
    assert api.row("SELECT count(*) AS count FROM notifications")["count"] == 3
    done = api.shown("POST", "maintenance/gc")
    assert done["expired_notifications_deleted"] == 2
    assert api.shown("POST", "maintenance/gc")["expired_notifications_deleted"] == 0
    assert waiting(api) == [lasting]


def test_those_that_were_seen_are_listed_from_the_newest_on(api: WatchedApi) -> None:
    ids = [put(api) for _ in range(4)]
    marked(api, ids=[ids[0], ids[1], ids[3]])

    first = api.shown("GET", "inbox/ada?seen=true&limit=2")
    rest = api.shown("GET", f"inbox/ada?seen=true&before={first['cursor']}")

    assert [each["id"] for each in first["notifications"]] == [ids[3], ids[1]]
    assert first["notifications"][0]["seen_at"] == "2027-01-15T08:00:00.000Z"
    assert [each["id"] for each in rest["notifications"]] == [ids[0]]


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ({"topic": None}, 422, "topic"),
        ({"topic": "a..b"}, 400, "topic"),
        ({"topic": "a.*"}, 400, "topic"),
        ({"message": 1}, 422, "message"),
        ({"message": "é" * 40_000}, 413, None),
        ({"collapse_key": "k" * 256}, 400, "collapse_key"),
        ({"collapse_key": "k\0"}, 400, "collapse_key"),
        ({"expires_at": "2027-01-15T08:00:00Z"}, 400, "expires_at"),
        ({"expires_at": "soon"}, 422, "expires_at"),
        ({"expires_in_ms": 0}, 400, "expires_in_ms"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    api: WatchedApi, fields: dict[str, Any], status: int, field: str | None
) -> None:
    body = {name: each for name, each in {**NOTE, **fields}.items() if each is not None}

    answer = api.post("inbox/ada", json=body)

    assert answer.status_code == status, answer.text
    if field is not None:
        assert [each["field"] for each in answer.json()["details"]] == [field]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"until": 1, "ids": [1]}, 400),
        ({"until": -1}, 400),
        ({"until": 2**63}, 400),
        ({"ids": [2**63]}, 400),
        ({"ids": list(range(1_001))}, 400),
        ({"ids": ["1"]}, 422),
        ({"until": 1.5}, 422),
    ],
)
def test_a_mark_says_one_thing_that_can_be(
    api: WatchedApi, body: dict[str, Any], status: int
) -> None:
    assert api.post("inbox/ada/seen", json=body).status_code == status


@pytest.mark.parametrize("identity", ["x" * 256, "a%00", "a%0A", "%E2%80%AE"])
def test_an_identity_is_short_and_printable(api: WatchedApi, identity: str) -> None:
    for method, path in (("GET", ""), ("POST", ""), ("POST", "/seen")):
        body = {"until": 1} if path else NOTE
        answer = api.request(method, f"inbox/{identity}{path}", json=body)
        assert refusal(answer) == (400, "VALIDATION_ERROR")


def test_an_identity_may_be_a_name_of_any_script(api: WatchedApi) -> None:
    for identity in ("ada@example.org", "auth0|5f", "Зоя", "a b", "%2Fslash"):
        made = put(api, identity)
        assert waiting(api, identity) == [made]


def test_another_organization_sees_and_marks_nothing(api: WatchedApi) -> None:
    made = api.shown("POST", "organizations", 201, json={"name": "Another"}, key=None)
    key = made["api_key"]["key"]
    ids = [put(api) for _ in range(2)]

    assert waiting(api, key=key) == []
    for body in ({"until": ids[-1]}, {"ids": ids}):
        assert api.shown("POST", "inbox/ada/seen", json=body, key=key) == {"marked": 0}
    assert waiting(api) == ids


def test_a_key_with_a_list_of_queues_reaches_no_inbox(api: WatchedApi) -> None:
    key = api.shown("POST", "api-keys", 201, json={"name": "k", "queues": ["emails"]})["key"]

    for method, path, body in (
        ("GET", "inbox/ada", None),
        ("POST", "inbox/ada", NOTE),
        ("POST", "inbox/ada/seen", {"until": 1}),
        ("POST", "batch", {"operations": [OP]}),
        ("POST", "batch", {"operations": [{"op": "seen", "identity": "ada", "until": 1}]}),
    ):
        assert refusal(api.request(method, path, json=body, key=key)) == (403, "ACCESS_DENIED")


def test_a_full_inbox_is_marked_by_one_call(api: WatchedApi) -> None:
    ops = [OP] * 100
    for _ in range(PASS_MAX // 100 + 1):
        last = api.shown("POST", "batch", json={"operations": ops})["results"][-1]["id"]

    assert marked(api, until=last) == PASS_MAX + 100
    assert waiting(api) == []


def test_with_plans_notifications_share_the_cap_on_the_jobs_of_a_day() -> None:
    with AdminApi() as api:
        limits = {"max_jobs_per_day": 3}
        path = f"admin/organizations/{api.served.org_id}/limits"
        api.shown("PUT", path, json=limits, headers={"X-Admin-Key": ADMIN_KEY})
        api.enqueue()
        for _ in range(2):
            put(api)

        answer = api.post("inbox/ada", json=NOTE)

        assert refusal(answer) == (429, "QUOTA_EXCEEDED")
        assert (answer.json()["current"], answer.json()["limit"]) == (3, 3)


# -- together with other operations --------------------------------------------------------------


def test_a_batch_puts_and_marks(api: WatchedApi) -> None:
    old = put(api)
    job = {"op": "create_job", "queue_name": "emails", "payload": 1}

    answer = api.shown(
        "POST",
        "batch",
        json={
            "operations": [
                {"op": "seen", "identity": "ada", "until": old},
                {**OP, "collapse_key": "k"},
                {**OP, "collapse_key": "k"},
                {"op": "seen", "identity": "ada", "ids": [old]},
                job,
            ]
        },
    )["results"]

    assert [answer[0], answer[3]] == [{"marked": 1}, {"marked": 0}]
    assert answer[1]["id"] < answer[2]["id"]
    assert waiting(api) == [answer[2]["id"]]


def test_a_batch_that_is_refused_leaves_inboxes_as_they_were(api: WatchedApi) -> None:
    old = put(api)
    seen = {"op": "seen", "identity": "ada", "until": old}

    answer = api.post("batch", json={"operations": [seen, OP, {**OP, "topic": "a..b"}]})
    assert answer.json()["details"]["index"] == 2
    answer = api.post(
        "batch", json={"operations": [seen, {**OP, "expires_at": "2020-01-01T00:00:00Z"}]}
    )

    assert (refusal(answer)[0], answer.json()["details"]["index"]) == (400, 1)
    assert waiting(api) == [old]


def test_a_batch_is_about_so_many_notifications(api: WatchedApi) -> None:
    ids = list(range(batch.ROWS_MAX // 2 + 1))
    op = {"op": "seen", "identity": "ada", "ids": ids}

    answer = api.post("batch", json={"operations": [op, op]})

    assert answer.json()["details"][0]["code"] == "too_many_rows"


def test_a_worker_tells_a_user_in_the_commit_that_completes_the_job(api: WatchedApi) -> None:
    job = api.claimed()
    stale = {"lease_id": "of-nobody", "then": [OP]}
    assert api.post(f"jobs/{job['id']}/complete", json=stale).status_code == 409
    assert waiting(api) == []

    body = {"lease_id": job["lease_id"], "then": [OP]}
    done = api.shown("POST", f"jobs/{job['id']}/complete", json=body)

    assert waiting(api) == [done["then"][0]["id"]]


def test_a_gauge_says_how_many_wait(api: WatchedApi) -> None:
    ids = [put(api, name) for name in ("ada", "ada", "bob")]
    put(api, collapse_key="k")
    put(api, collapse_key="k")
    marked(api, ids=ids[:1])

    assert "spooled_inbox_unseen 3.0" in api.request("GET", "/metrics").text
