"""More happens than can be told at once: in turns by organization, and not without end."""

import asyncio
import time

import uvloop

from spooled_lite.wire.realtime import telling
from spooled_lite.wire.realtime.telling import News, Telling
from tests.wire.realtime.stage import Stage, on_stage
from tests.wire.realtime.test_replay import queues


def news(org: int, n: int = 0) -> News:
    return News("job.created", org, n, "emails", "j-1", None)


def slowly(told: list[News]) -> object:
    def tell(each: News) -> None:
        until = time.monotonic() + 0.001
        while time.monotonic() < until:
            pass
        told.append(each)

    return tell


def test_what_is_little_is_told_at_once() -> None:
    async def test() -> None:
        told: list[News] = []

        Telling(told.append, told.append).put(news(1))

        assert told == [news(1)]

    uvloop.run(test())


def test_one_organization_does_not_hold_up_the_others() -> None:
    async def test() -> None:
        told: list[News] = []
        it = Telling(slowly(told), told.append)  # type: ignore[arg-type]  # it is one
        for n in range(100):
            it.put(news(1, n))
        at_once = len(told)

        it.put(news(2))
        async with asyncio.timeout(30):
            while len(told) <= 100:  # noqa: ASYNC110  # what is waited for announces nothing
                await asyncio.sleep(0)

        assert at_once < 50
        assert told.index(news(2)) <= at_once + 2
        assert [each.at_ms for each in told if each.org == 1] == list(range(100))

    uvloop.run(test())


def test_the_oldest_is_given_up_when_an_organization_has_too_much_in_line() -> None:
    async def test() -> None:
        told: list[News] = []
        given_up: list[News] = []
        it = Telling(slowly(told), given_up.append)  # type: ignore[arg-type]  # it is one
        for n in range(telling.LINE_MAX + 50):
            it.put(news(1, n))

        at_once = len(told)

        assert [each.at_ms for each in given_up] == list(range(at_once, 50))

    uvloop.run(test())


def test_who_cannot_be_told_in_time_is_ended_and_comes_back_for_it() -> None:
    async def test(stage: Stage) -> None:
        stream = await stage.stream("events?events=job.created")
        other = await stage.stream("events?queue=other&events=job.created")
        await stage.enqueue("first")
        last_id = (await stream.next()).id

        stage.feed._give_up(news(1))
        await stage.enqueue("second")
        headers = {"Authorization": f"Bearer {stage.key}", "Last-Event-ID": str(last_id)}
        back = await stage.stream("events?events=job.created", headers)

        assert await stream.rest() == []
        assert queues([await back.next()]) == ["second"]
        await stage.enqueue("other")
        assert queues([await other.next()]) == ["other"]

    on_stage(test)
