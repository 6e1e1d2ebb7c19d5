"""The way back: a world is again what it was, with the same key, and its ids start over."""

import asyncio
import socket
from pathlib import Path

import httpx
import pytest

from spooled_lite.serving import serving
from tests.testing.park import Park, Seat, opened, played
from tests.testing.test_forks import status


async def a_day_of(seat: Seat) -> list[object]:
    """Everything that a short script is answered, from its ids to its tokens."""
    made = await seat.post("jobs", {"queue_name": "q", "payload": 1, "idempotency_key": "once"})
    claimed = await seat.post("jobs/claim", {"queue_name": "q", "worker_id": "w"})
    await seat.advance("1d")
    login = {"api_key": seat.about["api_key"]}
    answer = await seat.api.post("auth/login", json=login)
    return [made, claimed, await seat.get("jobs"), answer.json(), answer.headers["X-Request-Id"]]


@pytest.mark.parametrize("of_fork", [False, True])
def test_after_a_reset_the_same_calls_get_the_same_answers(of_fork: bool) -> None:
    async def script(park: Park) -> None:
        await park.root.job()
        root = park.worlds.root.app.key
        seat = await park.fork("it") if of_fork else park.root
        seat.about.setdefault("api_key", root)

        first = await a_day_of(seat)
        told = await seat.post("test/reset")
        second = await a_day_of(seat)

        assert told["now"] == "2030-01-01T00:00:00.000Z"
        assert told["world"] == ("it" if of_fork else "root")
        if of_fork:
            assert first == second
            assert await park.root.now() == "2030-01-01T00:00:00.000Z"
        else:  # the first run began with one job more
            await seat.post("test/reset")
            assert await a_day_of(seat) == second

    played(script)


def test_the_baseline_is_what_a_reset_goes_back_to() -> None:
    async def script(park: Park) -> None:
        kept = await park.root.job()
        await park.root.advance("1h")
        await park.root.post("test/baseline")
        first = await park.root.job()

        await park.root.post("test/reset")

        assert await park.root.jobs() == [kept]
        assert await park.root.now() == "2030-01-01T01:00:00.000Z"
        assert await park.root.job() == first

    played(script)


def test_a_reset_of_one_world_leaves_the_others_alone() -> None:
    async def script(park: Park) -> None:
        fork = await park.fork("it")
        job = await fork.job()

        await park.root.post("test/reset")
        assert await fork.jobs() == [job]

        kept = await park.root.job()
        await fork.post("test/reset")
        assert await fork.jobs() == []
        assert await park.root.jobs() == [kept]

    played(script)


def test_a_fork_that_began_at_another_time_goes_back_to_that() -> None:
    async def script(park: Park) -> None:
        fork = await park.fork("it", at="2031-01-01T00:00:00Z")
        await fork.advance("1d")
        await fork.post("test/reset")
        assert await fork.now() == "2031-01-01T00:00:00.000Z"

    played(script)


def test_a_request_that_waits_is_answered_with_503_and_what_it_did_is_gone() -> None:
    async def script(park: Park) -> None:
        body = {"queue_name": "emails", "worker_id": "w", "wait_ms": 20_000}
        waiting = asyncio.create_task(park.root.api.post("jobs/claim", json=body))
        while not park.worlds.root.app.services.waiting.count():  # noqa: ASYNC110  # it is told to nobody
            await asyncio.sleep(0.005)

        await park.root.post("test/reset")

        answer = await waiting
        assert (answer.status_code, answer.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert await park.root.jobs() == []

    played(script)


def test_a_world_that_is_being_reset_is_not_reset_twice() -> None:
    async def script(park: Park) -> None:
        answers = await asyncio.gather(*(status(park.root, "POST", "test/reset") for _ in "123"))
        assert {code for code, _ in answers} <= {200, 409}
        assert (200, None) in answers
        assert {reason for _, reason in answers} <= {None, "world_busy"}
        await park.root.job()

    played(script)


def test_a_file_that_lasts_is_forked_and_not_reset(tmp_path: Path) -> None:
    async def script() -> None:
        async with opened(database=str(tmp_path / "kept.db")) as park:
            job = await park.root.job()
            assert await status(park.root, "POST", "test/reset") == (409, "file_that_lasts")
            fork = await park.fork("it")
            await fork.job()
            await fork.post("test/reset")
            assert await fork.jobs() == [job]

    asyncio.run(script())
    assert [each.name for each in tmp_path.glob("*.db")] == ["kept.db"]


def free_port() -> int:
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        port: int = it.getsockname()[1]
        return port


def test_metrics_are_those_of_the_root_that_a_reset_has_made() -> None:
    async def script() -> None:
        async with opened(metrics_port=free_port()) as park:
            it = park.worlds
            async with (
                serving(
                    it.front, asgi=it.router, find=it.router.find, current=it.current
                ) as server,
                httpx.AsyncClient(headers={"Authorization": f"Bearer {it.root.app.key}"}) as api,
            ):
                await api.post(f"{server.url}/api/v1/test/reset")
                made = await api.post(
                    f"{server.url}/api/v1/jobs", json={"queue_name": "q", "payload": 1}
                )
                assert made.status_code == 201

                said = (await api.get(f"{server.metrics_url}/metrics")).text
                assert "spooled_http_connections 1.0" in said
                assert "spooled_jobs_enqueued_total 1.0" in said
                assert (await api.get(f"{server.metrics_url}/ready")).text == "READY"
                await park.root.advance("1d")
                early = dict(server.http._early_headers([]))
                assert early[b"x-spooled-clock"] == b"2030-01-02T00:00:00.000Z"

    asyncio.run(script())
