"""The journal says what happened in a world, in order, within bounds."""

import json
from typing import Any

import httpx

from spooled_lite.testing import journal as module
from spooled_lite.testing.clock import VirtualClock
from spooled_lite.testing.journal import LINES_MAX, Journal, Noted
from tests.testing.stage import ADMIN_KEY, START_MS, Stage, play


async def lines(stage: Stage, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await stage.get(f"test/journal{query}"))["lines"]
    return found


async def another_organization(stage: Stage) -> dict[str, str]:
    """The headers of a key of another organization."""
    answer = await stage.api.post(
        "organizations",
        json={"name": "Other", "slug": "other"},
        headers={"X-Admin-Key": ADMIN_KEY},
    )
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['api_key']['key']}"}


def test_what_happened_is_told_in_order_without_bodies() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.job(delay_seconds=60, payload={"card": "4242"})
        await stage.move("advance", by="1h")
        await stage.api.get(f"jobs/{job_id}?token=secret")

        found = await lines(stage, "?kind=request,step,event")

        assert [(each["kind"], each["what"]) for each in found] == [
            ("event", "queue.created"),
            ("event", "job.created"),
            ("request", "POST /api/v1/jobs"),
            ("step", "step"),
            ("event", "job.promoted"),
            ("step", "step"),
            ("request", "GET /api/v1/jobs/{id}"),
        ]
        assert [each["n"] for each in found] == sorted(each["n"] for each in found)
        assert found[2]["status_code"] == 201
        assert found[4]["at"] == "2030-01-01T00:01:00.000Z"
        assert found[6]["path"] == f"/api/v1/jobs/{job_id}"
        assert "4242" not in str(found)
        assert "secret" not in str(found)

    play(script)


def test_reading_goes_on_after_a_line_and_lines_come_as_ndjson() -> None:
    async def script(stage: Stage) -> None:
        await stage.job()
        last = (await stage.get("test/journal"))["last"]
        await stage.job()

        answer = await stage.api.get(
            f"test/journal?after={last}&kind=request", headers={"Accept": "application/x-ndjson"}
        )

        assert answer.headers["content-type"] == "application/x-ndjson"
        [line] = [json.loads(each) for each in answer.text.splitlines()]
        assert (line["what"], line["n"] > last) == ("POST /api/v1/jobs", True)

        assert (await stage.api.delete("test/journal")).status_code == 204
        assert await lines(stage) == []
        await stage.job()
        assert (await lines(stage))[0]["n"] == line["n"] + 1

    play(script)


def test_a_refused_request_is_told_as_well() -> None:
    async def script(stage: Stage) -> None:
        await stage.api.get("jobs", headers={"Authorization": "Bearer sk_test_wrong"})

        [line] = await lines(stage, "?kind=request")
        assert (line["method"], line["path"], line["status_code"]) == ("GET", "/api/v1/jobs", 401)

    play(script)


def test_an_organization_sees_and_empties_its_own_lines_only() -> None:
    async def script(stage: Stage) -> None:
        other = await another_organization(stage)
        await stage.api.delete("test/journal")
        await stage.job()
        await stage.api.post("jobs", json={"queue_name": "q", "payload": {}}, headers=other)

        async def seen(headers: dict[str, str]) -> list[str]:
            answer = await stage.api.get("test/journal?kind=event", headers=headers)
            return [
                each["queue_name"]
                for each in answer.json()["lines"]
                if each["what"] == "job.created"
            ]

        assert await seen(other) == ["q"]
        assert await seen({}) == ["emails"]
        await stage.api.delete("test/journal", headers=other)
        assert await seen({"X-Admin-Key": ADMIN_KEY}) == ["emails"]

    play(script)


def test_a_key_with_a_queue_scope_and_an_unknown_parameter_are_refused() -> None:
    async def script(stage: Stage) -> None:
        key = await stage.post("api-keys", {"name": "web", "queues": ["emails"]})
        scoped = {"Authorization": f"Bearer {key['key']}"}
        assert (await stage.api.get("test/journal", headers=scoped)).status_code == 403

        for query, nearest in (("aftre=1", "after"), ("kind=events", "event")):
            refused = await stage.api.get(f"test/journal?{query}")
            assert refused.status_code == 400
            assert f"`{nearest}`" in refused.text
        assert (await stage.api.get("test/journal?after=-1")).status_code == 400
        assert (await stage.api.get(f"test/journal?after={'9' * 400}")).status_code == 400

    play(script)


def test_the_newest_lines_are_kept_and_the_others_counted(monkeypatch: Any) -> None:
    clock = VirtualClock(START_MS)
    journal = Journal(clock)
    for _ in range(100_000):
        journal.stepped(START_MS)

    kept = list(journal.lines())
    assert (len(kept), kept[-1].n) == (LINES_MAX, 100_000)
    assert journal.kept.dropped == 100_000 - LINES_MAX

    monkeypatch.setattr(module, "BYTES_MAX", 50_000)
    journal = Journal(clock)
    for _ in range(100):
        journal.answered("GET", "/" + "a" * 1_000_000, 200, Noted())
    assert (
        sum(len(httpx.Response(200, json=each.path).content) for each in journal.lines()) < 50_000
    )
    assert 0 < len(list(journal.lines())) < 100
