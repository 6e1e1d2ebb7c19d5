"""Looking names up: shared, bounded, and never in the way of others."""

import asyncio
import gc
import threading
from collections.abc import Sequence

import pytest

from spooled_lite.outbound import lookup
from spooled_lite.outbound.lookup import SystemLookup

WAIT_SECONDS = 5


class Asked:
    """Answers a name at once, and those that start with `slow` when it is told to."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.go_on = threading.Event()

    def __call__(self, host: str) -> Sequence[str]:
        self.names.append(host)
        if host.startswith("slow"):
            assert self.go_on.wait(WAIT_SECONDS)
        if host.endswith("broken"):
            raise RuntimeError("not a network error")
        return [f"{host}-address"]


def thread_of(host: str) -> threading.Thread:
    [thread] = [each for each in threading.enumerate() if each.name == f"lookup-{host}"]
    return thread


def test_the_system_knows_the_address_of_localhost() -> None:
    assert "127.0.0.1" in asyncio.run(SystemLookup()("localhost"))


@pytest.mark.parametrize("host", ["no-such-name.invalid", "a" * 70 + ".invalid", "broken"])
def test_a_name_that_cannot_be_looked_up_is_a_network_error(host: str) -> None:
    ask = SystemLookup(Asked()) if host == "broken" else SystemLookup()

    with pytest.raises(OSError):  # noqa: PT011 - the words are the system's
        asyncio.run(ask(host))


def test_names_that_nobody_answers_hold_up_no_other() -> None:
    asked = Asked()

    async def scenario() -> Sequence[str]:
        find = SystemLookup(asked)
        stuck = [asyncio.create_task(find(f"slow-{number}")) for number in range(100)]
        await asyncio.sleep(0)
        async with asyncio.timeout(WAIT_SECONDS):
            found = await find("quick")
        assert not any(task.done() for task in stuck)
        asked.go_on.set()
        await asyncio.gather(*stuck)
        return found

    assert asyncio.run(scenario()) == ["quick-address"]


def test_callers_that_ask_for_one_name_share_the_answer() -> None:
    asked = Asked()

    async def scenario() -> list[Sequence[str]]:
        find = SystemLookup(asked)
        callers = [asyncio.create_task(find("slow")) for _ in range(5)]
        await asyncio.sleep(0)
        callers[0].cancel()  # the others still get theirs
        asked.go_on.set()
        return await asyncio.gather(*callers[1:])

    assert asyncio.run(scenario()) == [["slow-address"]] * 4
    assert asked.names == ["slow"]


def test_a_name_is_asked_for_again_once_it_was_answered() -> None:
    asked = Asked()

    async def scenario() -> None:
        find = SystemLookup(asked)
        await find("quick")
        await find("quick")

    asyncio.run(scenario())

    assert asked.names == ["quick", "quick"]


def test_an_error_that_nobody_waits_for_any_more_is_dropped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = Asked()

    async def scenario() -> None:
        find = SystemLookup(asked)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await find("slow-broken")
        thread = thread_of("slow-broken")
        asked.go_on.set()
        thread.join(WAIT_SECONDS)
        await asyncio.sleep(0)  # the loop hears of it
        with pytest.raises(OSError, match="RuntimeError"):
            await find("slow-broken")

    asyncio.run(scenario())
    gc.collect()

    assert asked.names == ["slow-broken"] * 2
    assert caplog.records == []


def test_an_answer_after_the_end_is_dropped() -> None:
    asked = Asked()

    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await SystemLookup(asked)("slow-after")

    asyncio.run(scenario())
    thread = thread_of("slow-after")

    asked.go_on.set()
    thread.join(WAIT_SECONDS)

    assert not thread.is_alive()
    assert thread.daemon  # it does not keep the process either


def test_lookups_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "LOOKUPS_MAX", 2)
    asked = Asked()

    async def scenario() -> None:
        find = SystemLookup(asked)
        stuck = [asyncio.create_task(find(f"slow-{number}")) for number in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(OSError, match="too many"):
            await find("quick")
        asked.go_on.set()
        await asyncio.gather(*stuck)
        assert await find("quick") == ["quick-address"]

    asyncio.run(scenario())
