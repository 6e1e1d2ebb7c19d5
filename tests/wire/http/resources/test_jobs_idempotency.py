"""Calls that are repeated or come at the same time: contract jobs, J1 ("Idempotency")."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from tests.wire.conftest import ServedFactory
from tests.wire.http.job_calls import WatchedApi, refusal


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def a_body(**fields: Any) -> dict[str, Any]:
    return {"queue_name": "emails", "payload": {"to": "a"}, **fields}


def test_a_repeated_key_is_answered_with_the_first_job_and_does_nothing(api: WatchedApi) -> None:
    first = api.enqueue(idempotency_key="k")
    api.clock.advance(seconds=5)

    answer = api.post(
        "jobs", json={"queue": "other", "payload": 2, "idempotency_key": "k", "priority": 9}
    )

    again = answer.json()
    assert answer.status_code == 200
    assert again.pop("updated_at") == "2027-01-15T08:00:05.000Z"
    first.pop("updated_at")
    assert again == {**first, "created": False}
    assert api.history(first["id"]) == ["created"]
    assert api.get("queues/other").status_code == 404
    assert api.shown("GET", "jobs/stats")["total"] == 1


@pytest.mark.parametrize("end", ["complete", "cancel", "fail"])
def test_a_key_is_taken_as_long_as_its_job_is_there(api: WatchedApi, end: str) -> None:
    first = api.enqueue(idempotency_key="k")
    if end != "cancel":
        api.claim()
    body = {"error": "e", "no_retry": True} if end == "fail" else {}
    assert api.post(f"jobs/{first['id']}/{end}", json=body).is_success

    again = api.shown("POST", "jobs", 200, json=a_body(idempotency_key="k"))

    assert (again["id"], again["created"]) == (first["id"], False)


def test_the_key_of_a_purged_job_is_free_again(api: WatchedApi) -> None:
    first = api.dead(idempotency_key="k")
    api.post("jobs/dlq/purge", json={"confirm": True})

    assert api.enqueue(idempotency_key="k")["id"] != first["id"]


def test_the_header_stands_in_for_a_missing_key(api: WatchedApi) -> None:
    def create(header: str, **fields: Any) -> Any:
        return api.post("jobs", json=a_body(**fields), headers={"Idempotency-Key": header}).json()

    by_header = create("h")

    assert by_header["idempotency_key"] == "h"
    assert create("h")["created"] is False
    assert create("h", idempotency_key="b")["idempotency_key"] == "b"
    assert create("h", idempotency_key="")["created"] is False
    assert create("h", idempotency_key=None)["created"] is False
    assert create("x" * 256, idempotency_key="b")["created"] is False


def test_a_header_that_is_too_long_is_refused(api: WatchedApi) -> None:
    refused = api.post("jobs", json=a_body(), headers={"Idempotency-Key": "x" * 256})

    assert refusal(refused) == (400, "VALIDATION_ERROR")
    assert "Idempotency-Key" in refused.json()["message"]
    assert refused.json()["details"][0]["code"] == "length"


def test_two_organizations_may_use_the_same_key(api: WatchedApi) -> None:
    api.enqueue(idempotency_key="k")

    answer = api.post("jobs", json=a_body(idempotency_key="k"), key=api.other_org())

    assert answer.status_code == 201


# -- at the same time -----------------------------------------------------------------------------


def test_one_key_in_many_calls_at_once_is_one_job(served: ServedFactory) -> None:
    async def main() -> None:
        async with served() as it:
            body = a_body(idempotency_key="k")
            answers = await asyncio.gather(
                *(it.client.post("/api/v1/jobs", json=body) for _ in range(20))
            )

            assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 19}
            assert len({answer.json()["id"] for answer in answers}) == 1

    asyncio.run(main())


def test_many_claims_at_once_never_share_a_job(served: ServedFactory) -> None:
    async def main() -> None:
        async with served() as it:
            body = {"queue": "emails", "jobs": [{"payload": 1}] * 50}
            await it.client.post("/api/v1/jobs/bulk", json=body)

            answers = await asyncio.gather(
                *(
                    it.client.post("/api/v1/jobs/claim", json={"queue": "emails", "limit": 4})
                    for _ in range(20)
                )
            )

            claimed = [job["id"] for answer in answers for job in answer.json()["jobs"]]
            assert len(claimed) == len(set(claimed)) == 50

    asyncio.run(main())
