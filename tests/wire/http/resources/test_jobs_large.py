"""Jobs whose payload and result are large: every answer that shows one shows it as it was sent."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from spooled_lite.config import Settings
from spooled_lite.core.jobs.bodies import PAGE_BYTES_MAX
from spooled_lite.storage.transaction import Tx
from spooled_lite.wire.bodies import READ_ON_LOOP_BYTES_MAX
from tests.wire.http.job_calls import WatchedApi

SIZES: Final = (10_000, READ_ON_LOOP_BYTES_MAX + 10, 1_000_000)


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def large(size_bytes: int, mark: str = "x") -> dict[str, Any]:
    return {"text": mark * size_bytes}


def listed(api: WatchedApi, path: str) -> list[dict[str, Any]]:
    rows: Any = api.shown("GET", path)
    return list(rows)


def spoil_payloads(api: WatchedApi) -> None:
    async def write() -> None:
        await api.served.db.write(_spoil)

    api._runner.run(write())


def _spoil(tx: Tx) -> None:
    tx.execute("UPDATE job_bodies SET checksum = checksum + 1")


@pytest.mark.parametrize("size", SIZES)
def test_a_large_payload_is_in_every_answer_that_shows_it(api: WatchedApi, size: int) -> None:
    payload = large(size)
    created = api.enqueue(payload=payload, idempotency_key="k", max_retries=0)
    job_id = created["id"]

    repeat = {"queue_name": "emails", "payload": 1, "idempotency_key": "k"}
    repeated = api.shown("POST", "jobs", json=repeat)
    shown = api.job(job_id)
    [claimed] = api.claim()
    api.shown("POST", f"jobs/{job_id}/fail", json={"error": "boom"})
    [dead] = listed(api, "jobs/dlq")
    retried = api.shown("POST", f"jobs/{job_id}/retry")
    dequeued = api.shown("POST", "jobs/dequeue", json={"queue_name": "emails"})
    cancelled = api.shown("POST", f"jobs/{api.enqueue('other', payload=payload)['id']}/cancel")

    answers = (created, repeated, shown, claimed, dead, retried, dequeued, cancelled)
    assert [each["payload"] == payload for each in answers] == [True] * len(answers)
    assert "values_omitted" not in dead


@pytest.mark.parametrize("size", SIZES)
def test_a_large_result_is_shown_with_its_job(api: WatchedApi, size: int) -> None:
    job_id = api.claimed()["id"]

    api.shown("POST", f"jobs/{job_id}/complete", json={"result": large(size, "r")})

    assert api.job(job_id)["result"] == large(size, "r")


def test_a_list_of_dead_letters_leaves_out_the_payloads_it_has_no_room_for(
    api: WatchedApi,
) -> None:
    room = PAGE_BYTES_MAX // 1_000_000
    ids = [api.dead(payload=large(1_000_000 - 100))["id"] for _ in range(room + 2)]

    answer = api.get("jobs/dlq?order_dir=asc&limit=5")

    rows = answer.json()
    assert [row["id"] for row in rows] == ids[:5]  # as many as were asked for: clients count them
    assert answer.headers["x-has-more"] == "true"
    assert [row["payload"] is None for row in rows] == [False] * room + [True] * (5 - room)
    assert [row.get("values_omitted", False) for row in rows] == [False] * room + [True] * (
        5 - room
    )
    assert api.job(ids[room])["payload"] == large(1_000_000 - 100)


def test_a_damaged_payload_is_said_of_its_job_and_of_no_other(api: WatchedApi) -> None:
    damaged = api.enqueue(payload=large(10_000), max_retries=3)
    spoil_payloads(api)
    good = api.enqueue(payload=large(10_000))

    refused = api.get(f"jobs/{damaged['id']}")
    claimed = api.claim(limit=10)

    assert (refused.status_code, refused.json()["code"]) == (500, "DATABASE_ERROR")
    assert refused.json()["details"] == {"reason": "payload_damaged"}
    assert "damaged" in refused.json()["message"]
    assert [job["id"] for job in claimed] == [good["id"]]
    [dead] = listed(api, "jobs/dlq")
    assert (dead["id"], dead["payload"]) == (damaged["id"], None)
    assert dead["values_omitted"] is True
    assert "damaged" in dead["last_error"]


def test_an_act_on_a_damaged_job_is_done_although_its_answer_cannot_show_the_job(
    api: WatchedApi,
) -> None:
    job_id = api.enqueue(payload=large(10_000))["id"]
    spoil_payloads(api)

    assert api.delete(f"jobs/{job_id}").status_code == 204

    assert [row["status"] for row in listed(api, "jobs")] == ["cancelled"]


def test_the_results_that_a_step_builds_on_are_those_that_were_sent(api: WatchedApi) -> None:
    steps = [
        {"key": "a", "queue": "a", "payload": {}},
        {"key": "b", "queue": "b", "payload": large(10_000), "depends_on": ["a"]},
    ]
    workflow = api.shown("POST", "workflows", 201, json={"name": "w", "jobs": steps})
    [first] = api.claim("a")
    api.shown("POST", f"jobs/{first['id']}/complete", json={"result": large(20_000, "r")})

    [second] = api.claim("b")

    assert second["payload"] == large(10_000)
    assert second["step"]["deps"] == {"a": large(20_000, "r")}
    detail = api.shown("GET", f"workflows/{workflow['id']}")
    assert detail["jobs"][0]["result"] == large(20_000, "r")
    assert detail["jobs"][1]["payload"] == large(10_000)
    alone = api.shown("GET", f"workflows/{workflow['id']}/jobs/{second['id']}")
    assert alone["payload"] == large(10_000)
