"""What is stored with the end of an attempt: contract catbird-capabilities, 19.9, T18 and U7."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import WatchedApi

JOB = {"op": "create_job", "queue_name": "receipts", "payload": {"n": 1}}
SEND = {"op": "send", "queue_name": "audit", "body": {"n": 2}}
PUBLISH = {"op": "publish", "topic": "order.done", "body": {"n": 3}}
ENDS: dict[str, tuple[dict[str, Any], str]] = {
    "complete": ({"result": {"n": 0}}, "completed"),
    "fail": ({"error": "boom"}, "pending"),
}


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        it.post("queues", json={"name": "audit"})
        body = {"target_type": "queue", "target_name": "audit", "pattern": "order.#"}
        it.post("bindings", json=body)
        yield it


def settle(
    api: WatchedApi, job: dict[str, Any], act: str, then: Any, **said: Any
) -> httpx.Response:
    fields = {**ENDS[act][0], "lease_id": job["lease_id"], **said, "then": then}
    return api.post(f"jobs/{job['id']}/{act}", json=fields)


def messages(api: WatchedApi) -> list[Any]:
    return [each["body"] for each in api.get("queues/audit/messages").json()]


def is_held(api: WatchedApi, job: dict[str, Any]) -> bool:
    shown = api.job(job["id"])
    return bool(shown["status"] == "processing" and shown["lease_id"] == job["lease_id"])


@pytest.mark.parametrize("act", ENDS)
def test_the_operations_are_stored_with_the_end_of_the_attempt(api: WatchedApi, act: str) -> None:
    job = api.claimed()

    answer = settle(api, job, act, [JOB, SEND, PUBLISH])

    assert answer.status_code == 200
    made, sent, published = answer.json()["then"]
    assert answer.json()["success"]
    assert api.job(job["id"])["status"] == ENDS[act][1]
    assert api.job(made["id"])["payload"] == {"n": 1}
    assert (sent["created"], published["matched"]) == (True, 1)
    assert messages(api) == [{"n": 2}, {"n": 3}]


def test_without_it_the_answers_are_what_they_were(api: WatchedApi) -> None:
    job, other = api.claimed(), api.claimed()

    assert api.shown("POST", f"jobs/{job['id']}/complete", json={}) == {"success": True}
    assert api.shown("POST", f"jobs/{other['id']}/fail", json={"error": "boom"}) == {
        "success": True,
        "will_retry": True,
        "next_retry_delay_secs": 1,
        "status": "pending",
    }


@pytest.mark.parametrize(("then", "told"), [([], []), (None, None)])
def test_none_is_nothing_to_store(api: WatchedApi, then: Any, told: Any) -> None:
    answer = settle(api, api.claimed(), "complete", then)

    assert (answer.status_code, answer.json().get("then")) == (200, told)


def test_it_is_stored_also_when_the_job_becomes_a_dead_letter(api: WatchedApi) -> None:
    job = api.claimed()

    answer = settle(api, job, "fail", [SEND], final=True).json()

    assert (answer["status"], len(answer["then"])) == ("deadletter", 1)
    assert messages(api) == [{"n": 2}]


@pytest.mark.parametrize("act", ENDS)
@pytest.mark.parametrize(
    ("bad", "status"),
    [
        ({**SEND, "queue_name": "not-there"}, 404),  # found out in the transaction
        ({**JOB, "queue_name": "no good"}, 400),
        ({**JOB, "priority": "high"}, 422),
        ({"op": "create_jobs"}, 400),
        ({"op": "delete", "queue_name": "audit", "ids": ["x"], "hide_for_ms": -1}, 200),
        ({"op": "hide", "queue_name": "audit", "ids": ["x"], "hide_for_ms": -1}, 400),
        ("no operation", 422),
    ],
)
def test_one_that_is_refused_refuses_the_settlement_too(
    api: WatchedApi, act: str, bad: Any, status: int
) -> None:
    job = api.claimed()

    answer = settle(api, job, act, [JOB, SEND, bad])

    assert answer.status_code == status, answer.text
    if status >= 400:  # the watch has seen that nothing is stored
        assert answer.json()["details"]["index"] == 2
        assert "then[2]" in answer.text
        assert is_held(api, job)
        assert settle(api, job, act, [JOB]).status_code == 200


@pytest.mark.parametrize("act", ENDS)
def test_a_stale_lease_stores_nothing(api: WatchedApi, act: str) -> None:
    job = api.claimed()
    api.skip(seconds=31)

    answer = settle(api, job, act, [JOB, SEND])

    assert (answer.status_code, answer.json()["code"]) == (409, "LEASE_EXPIRED")


def test_a_second_answer_stores_nothing_again(api: WatchedApi) -> None:
    job = api.claimed()
    settle(api, job, "complete", [SEND])

    assert settle(api, job, "complete", [SEND]).status_code == 409
    assert messages(api) == [{"n": 2}]


@pytest.mark.parametrize("op", [JOB, SEND, PUBLISH])
def test_a_key_that_may_not_do_it_keeps_its_lease(api: WatchedApi, op: Any) -> None:
    key = api.shown("POST", "api-keys", 201, json={"name": "worker", "queues": ["emails"]})
    job = api.claimed()
    limited = {"authorization": f"Bearer {key['key']}"}
    body = {"lease_id": job["lease_id"], "then": [op]}

    answer = api.post(f"jobs/{job['id']}/complete", json=body, headers=limited)

    assert answer.status_code == 403
    assert is_held(api, job)


def test_a_message_is_done_with_the_job_that_was_made_of_it(api: WatchedApi) -> None:
    """`hide` and `delete`, fenced by the lease of the message."""
    api.post("queues/audit/messages", json={"messages": [{"body": 1}, {"body": 2}]})
    read = api.shown("POST", "queues/audit/messages/read", json={"quantity": 2})["messages"]
    fence = {"queue_name": "audit", "lease_id": read[0]["lease_id"]}
    job = api.claimed()

    answer = settle(
        api,
        job,
        "complete",
        [
            {"op": "delete", **fence, "ids": [read[0]["id"]]},
            {"op": "hide", **fence, "ids": [read[1]["id"]], "hide_for_ms": 60_000},
        ],
    )

    assert answer.json()["then"] == [{"deleted": [read[0]["id"]]}, {"hidden": [read[1]["id"]]}]


def test_one_too_many_is_refused(api: WatchedApi) -> None:
    job = api.claimed()

    assert settle(api, job, "complete", [SEND] * 101).status_code == 400
    assert is_held(api, job)
    assert len(settle(api, job, "complete", [SEND] * 100).json()["then"]) == 100


def test_each_of_many_settlements_has_its_own(api: WatchedApi) -> None:
    jobs = [api.claimed() for _ in range(4)]
    said: list[dict[str, Any]] = [{}, {"then": [SEND]}, {"error": "boom", "then": [JOB]}, {}]
    said[3] = {"then": [SEND, {**SEND, "queue_name": "not-there"}]}
    items = [{"id": job["id"], **each} for job, each in zip(jobs, said, strict=True)]

    answer = api.shown("POST", "jobs/settle", json={"jobs": items})["results"]

    assert [each["success"] for each in answer] == [True, True, True, False]
    assert [len(each.get("then", ())) for each in answer] == [0, 1, 1, 0]
    assert answer[3]["error"]["details"]["index"] == 1
    assert "jobs[3].then[1]" in answer[3]["error"]["message"]
    assert is_held(api, jobs[3])
    assert messages(api) == [{"n": 2}]


def test_who_waits_for_what_is_stored_is_woken_by_the_commit(api: WatchedApi) -> None:
    job = api.claimed()
    settle(api, job, "complete", [JOB])

    [made] = api.claim("receipts", wait_ms=0)

    assert api.history(made["id"]) == ["created", "claimed"]
