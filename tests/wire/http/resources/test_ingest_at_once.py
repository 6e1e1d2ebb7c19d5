"""The same delivery many times at once, and what a crash leaves of it."""

import asyncio
import json
from collections import Counter
from typing import Any, Final

from spooled_lite.core.ingest import statements
from spooled_lite.core.jobs.check import conservation
from spooled_lite.storage.statement import Value
from spooled_lite.storage.transaction import Reading
from tests.wire.conftest import ServedFactory
from tests.wire.http.ingest_calls import (
    ORDER,
    PAID,
    PUSH,
    SECRETS,
    github_headers,
    stripe_headers,
)
from tests.wire.http.served import Served

AT_ONCE: Final = 50


async def sent_at_once(
    served: Served, provider: str, body: bytes, headers: dict[str, str]
) -> list[dict[str, Any]]:
    path = f"/api/v1/webhooks/{served.org_id}/{provider}"
    calls = (served.bare.post(path, content=body, headers=headers) for _ in range(AT_ONCE))
    answers = await asyncio.gather(*calls)
    assert {each.status_code for each in answers} == {200}
    return [each.json() for each in answers]


async def counted(served: Served, table: str) -> int:
    statement = {"jobs": "SELECT count(*) FROM jobs", "log": "SELECT count(*) FROM inbound_log"}
    return await served.db.readers.read(Reading.value, Value(int, statement[table])) or 0


def assert_one_job(received: list[dict[str, Any]]) -> None:
    outcomes = Counter((each["created"], each["delivery_status"]) for each in received)
    assert outcomes == {(True, "created"): 1, (False, "duplicate"): AT_ONCE - 1}
    assert len({each["job_id"] for each in received}) == 1


def test_a_delivery_that_comes_many_times_at_once_makes_one_job(served: ServedFactory) -> None:
    async def scenario() -> None:
        async with served(**SECRETS) as it:
            token = (await it.client.get("/api/v1/organizations/webhook-token")).json()["token"]
            order = json.dumps({**ORDER, "idempotency_key": "order-7"}).encode()
            now_seconds = it.clock.now_ms() // 1000

            pushed = await sent_at_once(it, "github", PUSH, github_headers(PUSH, delivery="d-1"))
            paid = await sent_at_once(it, "stripe", PAID, stripe_headers(PAID, now_seconds))
            ordered = await sent_at_once(it, "custom", order, {"X-Webhook-Token": token})

            for received in (pushed, paid, ordered):
                assert_one_job(received)
            assert await counted(it, "jobs") == 3
            assert await counted(it, "log") == 3 * AT_ONCE
            assert await it.db.readers.read(conservation) == []

    asyncio.run(scenario())


def test_different_deliveries_at_once_make_a_job_each(served: ServedFactory) -> None:
    async def scenario() -> None:
        async with served(**SECRETS) as it:
            received = await sent_at_once(it, "github", PUSH, github_headers(PUSH))

            assert len({each["job_id"] for each in received}) == AT_ONCE
            assert await counted(it, "jobs") == AT_ONCE

    asyncio.run(scenario())


def test_a_job_without_its_line_of_the_log_is_not_left(
    served: ServedFactory, monkeypatch: Any
) -> None:
    async def scenario() -> None:
        async with served(**SECRETS) as it:
            path = f"/api/v1/webhooks/{it.org_id}/github"
            headers = github_headers(PUSH, delivery="d-1")
            with monkeypatch.context() as patched:
                patched.setattr(statements, "ADD", "INSERT INTO no_such_table VALUES (:id)")
                failed = await it.bare.post(path, content=PUSH, headers=headers)
            left = await counted(it, "jobs")
            again = await it.bare.post(path, content=PUSH, headers=headers)

            assert failed.status_code == 500
            assert left == 0
            assert again.json()["created"]

    asyncio.run(scenario())
