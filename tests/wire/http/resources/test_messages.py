"""Messages over HTTP: contract catbird-capabilities, section 4; `v2` is V2 of its section 22.2."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import NOW, WatchedApi

PATH = "queues/audit/messages"


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        it.post("queues", json={"name": "audit"})
        yield it


def send(api: WatchedApi, body: Any = 1, status: int = 201, **fields: Any) -> dict[str, Any]:
    return api.shown("POST", PATH, status, json={"body": body, **fields})


def read(api: WatchedApi, quantity: int = 10, hide_for_ms: int = 30_000) -> list[dict[str, Any]]:
    wanted = {"quantity": quantity, "hide_for_ms": hide_for_ms}
    found: list[dict[str, Any]] = api.shown("POST", f"{PATH}/read", json=wanted)["messages"]
    return found


def bodies(messages: list[dict[str, Any]]) -> list[Any]:
    return [each["body"] for each in messages]


def refusal(api: WatchedApi, path: str, body: Any) -> tuple[int, str]:
    answer = api.post(path, json=body)
    details = answer.json()["details"]
    return answer.status_code, details[0]["field"] if isinstance(details, list) else ""


# -- sending and reading ---------------------------------------------------------------------------


def test_a_read_gives_the_body_back_as_it_was_sent(api: WatchedApi) -> None:
    sent = send(api, {"a": [1, None]}, topic="t", headers={"x": 1}, priority=7, concurrency_key="k")

    [message] = read(api)

    assert sent == {"id": message["id"], "seq": message["seq"], "created": True}
    assert len(message.pop("lease_id")) == 36
    assert message == {
        "id": sent["id"],
        "seq": sent["seq"],
        "topic": "t",
        "body": {"a": [1, None]},
        "headers": {"x": 1},
        "priority": 7,
        "deliveries": 1,
        "concurrency_key": "k",
        "created_at": NOW,
        "visible_at": "2027-01-15T08:00:30.000Z",
        "expires_at": None,
    }


@pytest.mark.parametrize("body", [None, False, 5, "text", [1], {}])
def test_any_json_value_is_a_body(api: WatchedApi, body: Any) -> None:
    send(api, body)

    assert bodies(read(api)) == [body]


def test_headers_must_be_an_object(api: WatchedApi) -> None:
    for headers in ([1], "x", 5):
        assert refusal(api, PATH, {"body": 1, "headers": headers}) == (422, "headers")
    item = {"body": 1, "headers": []}
    assert refusal(api, PATH, {"messages": [item]}) == (422, "messages[0].headers")
    send(api, headers=None)
    assert read(api)[0]["headers"] is None


def test_many_keep_their_order_and_their_count(api: WatchedApi) -> None:
    messages = [{"body": n, "headers": {"n": n}} for n in range(100)]
    sent = api.shown("POST", PATH, 201, json={"topic": "bulk", "messages": messages})

    found = read(api, 100)

    assert [each["id"] for each in found] == sent["ids"]
    assert (sent["created_count"], sent["duplicate_count"]) == (100, 0)
    assert bodies(found) == list(range(100))
    assert {each["topic"] for each in found} == {"bulk"}
    assert found[5]["headers"] == {"n": 5}


def test_bodies_take_a_key_and_headers_each(api: WatchedApi) -> None:
    body = {"bodies": [1, 2, 3], "concurrency_keys": ["a", None, "a"], "headers": [{}, None, {}]}
    sent = api.shown("POST", PATH, 201, json=body)

    assert (sent["created_count"], sent["duplicate_count"]) == (2, 1)
    assert bodies(read(api)) == [1, 2]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"bodies": [1, 2], "concurrency_keys": ["a"]}, 400, "concurrency_keys"),
        ({"bodies": [1, 2], "headers": [{}]}, 400, "headers"),
        ({"messages": [{"body": 1}] * 101}, 400, "messages"),
        ({"bodies": [1] * 101}, 400, "bodies"),
        ({}, 422, "body"),
        ({"messages": [{"body": 1}, {}]}, 422, "messages[1].body"),
    ],
)
def test_lists_that_do_not_belong_together_are_refused(
    api: WatchedApi, body: Any, status: int, field: str
) -> None:
    assert refusal(api, PATH, body) == (status, field)
    assert read(api) == []


def test_an_empty_list_stores_nothing(api: WatchedApi) -> None:
    expected = {"ids": [], "created_count": 0, "duplicate_count": 0}
    assert api.shown("POST", PATH, 200, json={"messages": []}) == expected
    assert api.shown("POST", PATH, 200, json={"bodies": []}) == expected


def test_a_message_makes_no_queue(api: WatchedApi) -> None:
    for call in ("messages", "messages/read", "messages/hide", "messages/delete"):
        body = {"body": 1, "ids": [], "hide_for_ms": 1_000}
        answer = api.post(f"queues/unknown/{call}", json=body)
        assert answer.status_code == 404
        assert answer.json()["details"] == {"resource": "queue"}
    assert api.get("queues/unknown/messages").status_code == 404


# -- keys ------------------------------------------------------------------------------------------


def test_the_same_key_twice_is_one_message_with_the_first_body(api: WatchedApi) -> None:
    first = send(api, "first", concurrency_key="k")
    again = send(api, "again", 200, concurrency_key="k", priority=9)

    assert again == {**first, "created": False}
    [message] = read(api)
    assert (message["body"], message["priority"]) == ("first", 0)
    assert send(api, "while it is read", 200, concurrency_key="k")["created"] is False

    api.delete(f"{PATH}/{message['id']}")
    assert send(api, "after it is gone", concurrency_key="k")["created"] is True


def test_a_key_is_free_again_when_its_message_has_expired(api: WatchedApi) -> None:
    send(api, "old", concurrency_key="k", expires_in_ms=1_000)
    api.skip(seconds=2)

    assert send(api, "new", concurrency_key="k")["created"] is True
    assert bodies(read(api)) == ["new"]


# -- order and time --------------------------------------------------------------------------------


def test_higher_priority_first_then_the_order_of_sending(api: WatchedApi) -> None:
    for body, priority in (("a", 0), ("b", 2_147_483_647), ("c", 0), ("d", -2_147_483_648)):
        send(api, body, priority=priority)

    assert bodies(read(api)) == ["b", "a", "c", "d"]


@pytest.mark.parametrize(
    "delay",
    [
        {"delay_ms": 10_000},
        {"delay_seconds": 10},
        {"visible_at": "2027-01-15T08:00:10Z"},
        {"scheduled_at": "2027-01-15T08:00:10Z", "delay_ms": 1},
    ],
)
def test_a_delayed_message_is_not_read_before_its_time(
    api: WatchedApi, delay: dict[str, Any]
) -> None:
    send(api, **delay)

    assert read(api) == []
    api.clock.advance(seconds=9.9)
    assert read(api) == []
    api.clock.advance(seconds=0.1)
    assert len(read(api)) == 1


@pytest.mark.parametrize(
    "expiry", [{"expires_at": "2027-01-15T08:00:10Z"}, {"expires_in_ms": 10_000}]
)
def test_an_expired_message_is_never_read_and_goes(api: WatchedApi, expiry: dict[str, Any]) -> None:
    send(api, **expiry)

    api.skip(seconds=10)
    assert read(api) == []
    api.clock.advance(seconds=0)
    assert api.until(PATH, lambda found: found == []) == []
    assert api.shown("GET", "queues/audit/stats")["pending_jobs"] == 0


def test_each_read_hides_for_its_time_and_counts(api: WatchedApi) -> None:
    send(api)
    for deliveries in (1, 2, 3):
        [message] = read(api, hide_for_ms=5_000)
        assert message["deliveries"] == deliveries
        assert read(api) == []
        api.clock.advance(seconds=5)
        api.until(f"{PATH}?state=visible", bool)


def test_a_message_is_read_for_ever(api: WatchedApi) -> None:
    api.put("queues/audit/config", json={"max_retries": 0})
    send(api)
    for _ in range(5):
        assert len(read(api, hide_for_ms=1_000)) == 1
        api.clock.advance(seconds=1)
        api.until(f"{PATH}?state=visible", bool)
    assert api.get("jobs/dlq").json() == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"quantity": 0}, ""),
        ({"quantity": 101}, ""),
        ({"hide_for_ms": 0}, ""),
        ({"hide_for_ms": 43_200_001}, ""),
        ({"wait_ms": 100, "poll_interval_ms": 100}, "poll_interval_ms"),
        ({"poll_interval_ms": 100}, "poll_interval_ms"),
        ({"wait_ms": 60_001}, ""),
    ],
)
def test_a_read_of_nothing_for_no_time_is_refused(
    api: WatchedApi, body: dict[str, Any], field: str
) -> None:
    status, named = refusal(api, f"{PATH}/read", body)

    assert status == 400
    assert not field or named == field


def test_a_read_is_bounded_in_bytes_and_headers_count(api: WatchedApi) -> None:
    headers = {"h": "x" * 60_000}
    messages = [{"body": n, "headers": headers} for n in range(75)]
    for part in (messages[:40], messages[40:]):
        api.shown("POST", PATH, 201, json={"messages": part})

    first, rest = read(api, 100), read(api, 100)

    assert 1 < len(first) < 75
    assert bodies([*first, *rest]) == list(range(75))


# -- hiding and deleting ---------------------------------------------------------------------------


def test_a_message_is_deleted_once(api: WatchedApi) -> None:
    sent = send(api)

    assert api.delete(f"{PATH}/{sent['id']}").status_code == 204
    assert api.delete(f"{PATH}/{sent['id']}").status_code == 404
    assert read(api) == []


def test_many_are_deleted_and_those_that_were_there_are_named(api: WatchedApi) -> None:
    ids = [send(api)["id"] for _ in range(3)]
    other = api.enqueue("audit")["id"]

    asked = {"ids": [ids[2], "nope", ids[0], ids[0], other]}
    assert api.shown("POST", f"{PATH}/delete", json=asked) == {"deleted": [ids[0], ids[2]]}
    assert api.job(other)["status"] == "pending"


def test_hiding_takes_it_away_for_a_time_and_again_extends_it(api: WatchedApi) -> None:
    ids = [send(api)["id"]]

    def hide(seconds: float) -> list[str]:
        body = {"ids": [*ids, "nope"], "hide_for_ms": round(seconds * 1000)}
        hidden: list[str] = api.shown("POST", f"{PATH}/hide", json=body)["hidden"]
        return hidden

    assert hide(10) == ids
    assert read(api) == []
    api.clock.advance(seconds=9)
    assert hide(10) == ids
    api.clock.advance(seconds=9)
    assert read(api) == []
    api.clock.advance(seconds=1)
    assert len(read(api, hide_for_ms=1_000)) == 1
    assert hide(20) == ids  # also one that somebody reads
    api.clock.advance(seconds=19)
    assert read(api) == []


@pytest.mark.parametrize("act", ["hide", "delete"])
def test_a_fence_refuses_whoever_lost_the_lease(api: WatchedApi, act: str) -> None:
    send(api, "one")
    send(api, "two")
    [slow] = read(api, 1, hide_for_ms=1_000)
    api.clock.advance(seconds=1)
    api.until(f"{PATH}?state=visible", bool)
    first, second = read(api)

    body = {"ids": [first["id"]], "lease_id": slow["lease_id"], "hide_for_ms": 1_000}
    answer = api.post(f"{PATH}/{act}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "LEASE_EXPIRED")

    body = {**body, "ids": [first["id"], second["id"]], "lease_id": first["lease_id"]}
    assert api.post(f"{PATH}/{act}", json=body).status_code == 200


def test_a_fence_in_the_query_of_a_deletion(api: WatchedApi) -> None:
    send(api)
    [message] = read(api)

    stale = api.delete(f"{PATH}/{message['id']}?lease_id=another")
    assert (stale.status_code, stale.json()["code"]) == (409, "LEASE_EXPIRED")
    held = api.delete(f"{PATH}/{message['id']}?lease_id={message['lease_id']}")
    assert held.status_code == 204


# -- beside jobs -----------------------------------------------------------------------------------


def test_messages_count_in_their_queue_and_not_among_jobs(api: WatchedApi) -> None:
    send(api, 1)
    api.enqueue("audit")

    assert api.shown("GET", "queues/audit/stats")["pending_jobs"] == 2
    assert api.shown("GET", "jobs/stats")["pending"] == 1
    assert len(api.get("jobs").json()) == 1
    assert len(api.get("jobs?status=pending").json()) == 1
    [shown] = api.get("jobs?kind=message").json()
    assert (shown["kind"], shown["queue_name"]) == ("message", "audit")
    assert api.get("jobs?kind=job").json()[0]["id"] != shown["id"]
    assert api.get("jobs?kind=letter").status_code == 400


def test_messages_have_gauges_of_their_own(api: WatchedApi) -> None:
    for delay_ms in (0, 0, 60_000):
        send(api, delay_ms=delay_ms)
    read(api, 1)

    shown = api.request("GET", "/metrics").text.splitlines()

    for line in ("messages_ready 1.0", "messages_hidden 2.0", "jobs_pending 0.0"):
        assert f"spooled_{line}" in shown


def test_any_worker_may_claim_a_message_and_complete_it(api: WatchedApi) -> None:
    sent = send(api, 5, headers={"h": 1}, topic="t")
    api.enqueue("audit", priority=-1)

    message, job = api.claim("audit", limit=10)

    assert (message["id"], message["payload"], message["body"]) == (sent["id"], {"value": 5}, 5)
    assert (message["kind"], message["headers"], message["topic"]) == ("message", {"h": 1}, "t")
    assert message["max_retries"] == 2_147_483_647
    assert "kind" not in job
    api.shown("POST", f"jobs/{message['id']}/complete", json={"result": 1})
    assert api.job(message["id"])["status"] == "completed"


def test_a_message_that_fails_stays_hidden_until_its_lease_would_have_ended(
    api: WatchedApi,
) -> None:
    sent = send(api)
    api.claim("audit", lease_duration_secs=20)
    failed = {"error": "e", "no_retry": True}
    assert api.shown("POST", f"jobs/{sent['id']}/fail", json=failed)["will_retry"] is True

    api.clock.advance(seconds=19)
    assert read(api) == []
    api.clock.advance(seconds=1)
    [message] = read(api)
    assert message["deliveries"] == 2


def test_a_message_that_fails_waits_for_the_backoff_of_its_queue(api: WatchedApi) -> None:
    api.put("queues/audit/config", json={"backoff_base_seconds": 2})
    sent = send(api)
    api.claim("audit", lease_duration_secs=20)
    api.shown("POST", f"jobs/{sent['id']}/fail", json={"error": "e"})

    api.clock.advance(seconds=2)
    assert len(read(api)) == 1


def test_a_read_takes_messages_and_no_jobs(api: WatchedApi) -> None:
    api.enqueue("audit", priority=5)
    send(api, "m")

    assert bodies(read(api)) == ["m"]


def test_nothing_waits_for_a_message(api: WatchedApi) -> None:
    sent, job = send(api), api.enqueue("audit")

    answer = api.post("jobs", json={"queue": "audit", "payload": 1, "parent_job_id": sent["id"]})
    assert answer.status_code == 400
    depends = {"depends_on": [sent["id"]]}
    assert api.post(f"jobs/{job['id']}/dependencies", json=depends).status_code == 404


def test_a_paused_queue_hands_out_no_messages(api: WatchedApi) -> None:
    send(api)
    api.post("queues/audit/pause", json={})

    assert read(api) == []
    assert api.get(PATH).json()[0]["state"] == "visible"


# -- looking ---------------------------------------------------------------------------------------


def test_a_look_hands_out_nothing(api: WatchedApi) -> None:
    send(api, "later", delay_ms=60_000)
    send(api, "low")
    send(api, "high", priority=1)
    send(api, "held", priority=2)
    [held] = read(api, 1)

    def look(query: str) -> list[tuple[Any, str]]:
        return [(each["body"], each["state"]) for each in api.get(f"{PATH}?{query}").json()]

    assert look("state=visible") == [("high", "visible"), ("low", "visible")]
    assert look("state=hidden") == [("later", "hidden"), ("held", "hidden")]
    assert [body for body, _ in look("")] == ["later", "low", "high", "held"]
    assert look("limit=1&offset=1") == [("low", "visible")]
    assert api.get(f"{PATH}?state=lost").status_code == 400
    assert held["deliveries"] == 1


def test_what_is_not_said_of_an_item_is_that_of_the_call(api: WatchedApi) -> None:
    items = [{"body": 1}, {"body": 2, "priority": 9, "topic": "own"}]
    api.shown("POST", PATH, 201, json={"topic": "all", "priority": 1, "messages": items})

    found = [(each["body"], each["priority"], each["topic"]) for each in read(api)]

    assert found == [(2, 9, "own"), (1, 1, "all")]


# -- other callers ---------------------------------------------------------------------------------


def test_another_organization_reads_and_deletes_nothing(api: WatchedApi) -> None:
    sent = send(api)
    other = api.other_org()
    api.post("queues", json={"name": "audit"}, key=other)

    assert api.shown("POST", f"{PATH}/read", json={}, key=other) == {"messages": []}
    asked = {"ids": [sent["id"]]}
    assert api.shown("POST", f"{PATH}/delete", json=asked, key=other) == {"deleted": []}
    assert len(read(api)) == 1


def test_a_key_of_other_queues_may_not(api: WatchedApi) -> None:
    key = api.issue(queues=["emails"])

    for call in ("messages", "messages/read", "messages/hide", "messages/delete"):
        assert api.post(f"queues/audit/{call}", json={}, key=key).status_code == 403
