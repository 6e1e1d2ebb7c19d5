"""Calls that are made again with the same `Idempotency-Key`. Contract: amendments, G1."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Final

import httpx
import pytest

from spooled_lite.config import Settings
from spooled_lite.core.maintenance.prune import SWEEP_MS
from spooled_lite.wire.http.dispatch import Route
from spooled_lite.wire.http.routes import ROUTES
from tests.patience import looks
from tests.wire.conftest import ServedFactory
from tests.wire.http.job_calls import WatchedApi, refusal

DAY_SECONDS: Final = 86_400
AT_ONCE: Final = 50
JOB: Final = {"queue_name": "emails", "payload": {"n": 1}}
SCHEDULE: Final = {
    "name": "nightly",
    "cron_expression": "0 0 3 * * *",
    "queue_name": "emails",
    "payload_template": {"n": 1},
}

# A body for each route that keeps its answers.
BODIES: Final[dict[str, Any]] = {
    "/api/v1/jobs/bulk": {"queue_name": "emails", "jobs": [{"payload": 1}, {"payload": 2}]},
    "/api/v1/queues/{name}/messages": {"messages": [{"body": 1}, {"body": 2}]},
    "/api/v1/publish": {"topic": "order.placed", "body": 1},
    "/api/v1/inbox/{identity}": {"topic": "order.placed", "message": "m"},
    "/api/v1/batch": {"operations": [{"op": "create_job", **JOB}]},
    "/api/v1/tasks": {"name": "mails"},
    "/api/v1/tasks/{name}/runs": {"input": 1},
    "/api/v1/flows": {"name": "mails", "steps": [{"key": "a"}]},
    "/api/v1/flows/{name}/runs": {"input": 1},
    "/api/v1/schedules": SCHEDULE,
    "/api/v1/schedules/{id}/trigger": {},
    "/api/v1/workflows/{id}/steps/{key}/signal": {"input": 1},
    "/api/v1/workflows": {"name": "w", "jobs": [{"key": "a", **JOB}]},
}
KEEPING: Final = [route.path for row in ROUTES if (route := Route.of(row)).keeps_answer]

Make = Callable[..., WatchedApi]


@pytest.fixture
def make() -> Iterator[Make]:
    with ExitStack() as stack:

        def factory(**settings: Any) -> WatchedApi:
            api = stack.enter_context(WatchedApi(":memory:", Settings(**settings)))
            api.post("queues", json={"name": "audit"})
            binding = {"target_type": "queue", "target_name": "audit", "pattern": "order.#"}
            api.post("bindings", json=binding)
            api.request("PUT", "tasks/audit")
            api.request("PUT", "flows/audit", json={"steps": [{"key": "a"}]})
            return api

        yield factory


@pytest.fixture
def api(make: Make) -> WatchedApi:
    return make()


def once(
    api: WatchedApi, path: str, body: Any = None, *, name: str = "k", **more: Any
) -> httpx.Response:
    given = BODIES[path] if body is None else body
    if "{id}" in path:
        path = path.replace("{id}", more.pop("of_id"))
    path = path.replace("{name}", "audit").replace("{identity}", "user-1").replace("{key}", "a")
    return api.post(path, json=given, headers={"Idempotency-Key": name}, **more)


def made_for(api: WatchedApi, path: str) -> str:
    """The id of a schedule, or of a workflow whose step waits for a signal."""
    if "/schedules/" in path:
        return str(api.shown("POST", "schedules", 201, json=SCHEDULE)["id"])
    steps = {"name": "w", "jobs": [{"key": "a", **JOB, "signal": True}]}
    return str(api.shown("POST", "workflows", 201, json=steps)["id"])


def is_replay(answer: httpx.Response) -> bool:
    return bool(answer.headers.get("idempotency-replayed") == "true")


def parts(answer: httpx.Response) -> tuple[int, bytes]:
    return answer.status_code, answer.content


# -- the same again ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", KEEPING)
def test_a_repeat_does_nothing_and_gets_the_same_answer(api: WatchedApi, path: str) -> None:
    more = {}
    if "{id}" in path:
        more["of_id"] = made_for(api, path)
    first = once(api, path, **more)
    assert first.is_success, first.text
    assert not is_replay(first)
    api.clock.advance(seconds=5)
    api.come_to_rest()
    before = api.state()

    again = [once(api, path, **more) for _ in range(2)]

    assert [parts(each) for each in again] == [parts(first)] * 2
    assert all(map(is_replay, again))
    assert api.state() == before


def test_without_the_header_nothing_is_kept(api: WatchedApi) -> None:
    answers = [api.post("jobs/bulk", json=BODIES["/api/v1/jobs/bulk"]) for _ in range(2)]

    assert answers[0].json() != answers[1].json()
    assert not any(map(is_replay, answers))
    assert api.row("SELECT count(*) AS n FROM kept_answers")["n"] == 0


def test_an_empty_header_counts_as_none(api: WatchedApi) -> None:
    answers = [once(api, "/api/v1/jobs/bulk", name="") for _ in range(2)]

    assert answers[0].json() != answers[1].json()


def test_a_repeat_is_answered_after_what_it_made_is_gone(api: WatchedApi) -> None:
    first = once(api, "/api/v1/queues/{name}/messages")
    ids = first.json()["ids"]
    assert api.post("queues/audit/messages/delete", json={"ids": ids}).is_success

    again = once(api, "/api/v1/queues/{name}/messages")

    assert (parts(again), is_replay(again)) == (parts(first), True)
    assert api.get("queues/audit/messages").json() == []


def test_a_repeat_is_one_act_and_one_publication(api: WatchedApi) -> None:
    def published() -> int:
        return api.served.services.metrics.counted("spooled_publish_total")

    before = published()
    for _ in range(3):
        once(api, "/api/v1/schedules")
        once(api, "/api/v1/publish", name="p")
        once(
            api,
            "/api/v1/batch",
            {"operations": [{"op": "publish", "topic": "order.x", "body": 1}]},
            name="b",
        )

    assert published() - before == 2
    assert [each["act"] for each in api.get("acts?kind=schedule").json()] == ["create"]
    assert api.served.services.metrics.counted("spooled_answers_repeated_total") == 6


def test_an_item_that_failed_is_part_of_the_kept_answer(api: WatchedApi) -> None:
    body = {"queue_name": "emails", "jobs": [{"payload": 1}, {"payload": 2, "priority": 1_000}]}

    first, again = (once(api, "/api/v1/jobs/bulk", body) for _ in range(2))

    assert parts(again) == parts(first)
    assert first.json()["failure_count"] == 1


def test_a_body_of_two_megabytes_is_told_from_another(api: WatchedApi) -> None:
    items = [{"payload": "x" * 20_000} for _ in range(100)]
    body = {"queue_name": "emails", "jobs": items}
    first = once(api, "/api/v1/jobs/bulk", body)

    again = once(api, "/api/v1/jobs/bulk", body)
    items[99]["payload"] = "y" + items[99]["payload"][1:]
    other = once(api, "/api/v1/jobs/bulk", body)

    assert (first.status_code, parts(again), is_replay(again)) == (200, parts(first), True)
    assert refusal(other) == (409, "CONFLICT")


# -- another call with the same key --------------------------------------------------------------


def test_another_body_or_route_is_refused(api: WatchedApi) -> None:
    api.post("queues", json={"name": "other"})
    once(api, "/api/v1/queues/{name}/messages", {"body": 1})

    others = [
        once(api, "/api/v1/queues/{name}/messages", {"body": 2}),
        once(api, "/api/v1/queues/other/messages", {"body": 1}),
        once(api, "/api/v1/batch"),
    ]

    assert [refusal(each) for each in others] == [(409, "CONFLICT")] * 3
    assert "Idempotency-Key" in others[0].json()["message"]


def test_what_is_refused_is_not_kept(api: WatchedApi) -> None:
    missing = once(api, "/api/v1/queues/none/messages", {"body": 1})
    wrong = once(api, "/api/v1/queues/{name}/messages", {"body": 1, "priority": "high"})
    late = once(
        api, "/api/v1/batch", {"operations": [{"op": "create_job", **JOB, "parent_job_id": "no"}]}
    )

    right = once(api, "/api/v1/queues/{name}/messages", {"body": 1})

    assert [each.status_code for each in (missing, wrong, late)] == [404, 422, 400]
    assert (right.status_code, is_replay(right)) == (201, False)


def test_a_key_is_at_most_255_characters_long(api: WatchedApi) -> None:
    assert once(api, "/api/v1/jobs/bulk", name="x" * 255).is_success
    refused = once(api, "/api/v1/jobs/bulk", name="x" * 256)

    assert refusal(refused) == (400, "VALIDATION_ERROR")
    assert "Idempotency-Key" in refused.json()["message"]


def test_an_answer_that_is_too_large_to_keep_stores_nothing(make: Make) -> None:
    api = make(queue_max_payload_size_bytes=4_000_000)
    body = {**SCHEDULE, "payload_template": "x" * 2_200_000}

    refused = once(api, "/api/v1/schedules", body)

    assert refusal(refused) == (413, "PAYLOAD_TOO_LARGE")
    assert api.get("schedules").json() == []
    assert api.post("schedules", json=body).status_code == 201


# -- for how long --------------------------------------------------------------------------------


def test_an_answer_is_kept_for_24_hours(api: WatchedApi) -> None:
    first = once(api, "/api/v1/jobs/bulk")
    api.clock.advance(seconds=DAY_SECONDS - 1)
    late = once(api, "/api/v1/jobs/bulk")
    api.skip(seconds=1)  # old, and still there

    anew = once(api, "/api/v1/jobs/bulk")
    other = once(api, "/api/v1/jobs/bulk")

    assert (is_replay(late), is_replay(anew), is_replay(other)) == (True, False, True)
    assert first.json() != anew.json() == other.json()


def test_old_answers_are_deleted(api: WatchedApi) -> None:
    for number in range(3):
        once(api, "/api/v1/jobs/bulk", name=str(number))
    api.clock.advance(seconds=DAY_SECONDS)

    def are_gone() -> bool:
        api.clock.advance(seconds=SWEEP_MS / 1000)  # a sweep may have been under way
        return bool(api.row("SELECT count(*) AS n FROM kept_answers")["n"] == 0)

    assert any(are_gone() for _ in looks())


# -- for whom ------------------------------------------------------------------------------------


def test_another_organization_has_keys_of_its_own(api: WatchedApi) -> None:
    once(api, "/api/v1/jobs/bulk")

    answer = once(api, "/api/v1/jobs/bulk", key=api.other_org())

    assert (answer.status_code, is_replay(answer)) == (200, False)


def test_a_key_with_other_queues_does_not_read_the_answer(api: WatchedApi) -> None:
    path, body = "/api/v1/jobs/bulk", BODIES["/api/v1/jobs/bulk"]
    once(api, path, name="of all queues")
    narrow, wide = api.issue(queues=("emails",)), api.issue(queues=("emails", "sms"))
    stranger = api.issue(queues=("sms",))
    first = once(api, path, name="of one", key=narrow)

    hidden = [
        once(api, path, name="of all queues", key=narrow),
        once(api, path, {**body, "queue_name": "sms"}, name="of all queues", key=stranger),
        once(api, path, name="of one", key=stranger),
        once(api, path, {**body, "queue_name": "sms"}, name="of one", key=stranger),
    ]
    shown = [once(api, path, name="of one", key=each) for each in (narrow, wide, api.key)]

    assert [refusal(each) for each in hidden] == [(403, "ACCESS_DENIED")] * 4
    assert [parts(each) for each in shown] == [parts(first)] * 3


def test_a_key_without_the_permission_does_not_read_the_answer(api: WatchedApi) -> None:
    once(api, "/api/v1/jobs/bulk")

    refused = once(api, "/api/v1/jobs/bulk", key=api.issue(permissions=("jobs:read",)))

    assert refusal(refused) == (403, "ACCESS_DENIED")


def test_a_revoked_key_does_not_read_the_answer(api: WatchedApi) -> None:
    made = api.shown("POST", "api-keys", 201, json={"name": "short-lived"})
    key = made.get("key") or made["api_key"]
    assert once(api, "/api/v1/jobs/bulk", key=key).is_success
    assert api.request("DELETE", f"api-keys/{made['id']}").is_success

    assert once(api, "/api/v1/jobs/bulk", key=key).status_code == 401


# -- one job has a key of its own ----------------------------------------------------------------


def test_a_repeated_job_shows_the_job_as_it_is_now(api: WatchedApi) -> None:
    first = once(api, "/api/v1/jobs", JOB)
    api.clock.advance(seconds=5)

    again = once(api, "/api/v1/jobs", JOB)
    other = once(api, "/api/v1/jobs", {**JOB, "payload": 2})

    assert [each.status_code for each in (first, again, other)] == [201, 200, 200]
    assert [is_replay(each) for each in (first, again, other)] == [False, True, True]
    assert first.json()["id"] == again.json()["id"] == other.json()["id"]
    assert (again.json()["created"], again.json()["payload"]) == (False, JOB["payload"])


def test_a_key_in_the_body_of_a_job_goes_before_the_header(api: WatchedApi) -> None:
    body = {**JOB, "idempotency_key": "b"}

    first, again = (once(api, "/api/v1/jobs", body) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 200)
    assert not is_replay(again)
    assert once(api, "/api/v1/jobs", JOB).status_code == 201


def test_the_keys_of_jobs_and_those_of_calls_do_not_meet(api: WatchedApi) -> None:
    assert once(api, "/api/v1/jobs", JOB).status_code == 201

    assert once(api, "/api/v1/jobs/bulk").status_code == 200


# -- at the same time ----------------------------------------------------------------------------


def test_one_of_many_calls_at_once_is_done_and_all_get_its_answer(served: ServedFactory) -> None:
    async def main() -> None:
        async with served() as it:
            body, headers = BODIES["/api/v1/jobs/bulk"], {"Idempotency-Key": "k"}
            answers = await asyncio.gather(
                *(
                    it.client.post("/api/v1/jobs/bulk", json=body, headers=headers)
                    for _ in range(AT_ONCE)
                )
            )
            assert {parts(each) for each in answers} == {(200, answers[0].content)}
            assert Counter(map(is_replay, answers)) == {True: AT_ONCE - 1, False: 1}
            stats = (await it.client.get("/api/v1/jobs/stats")).json()
            assert stats["total"] == 2

    asyncio.run(main())
