"""Many forks at once, each at its own time: none of them sees that there are others."""

import asyncio
import random
from typing import Any, Final

import pytest

from tests.testing.acts import WORDS, act
from tests.testing.park import Park, Seat, played

CALLS: Final = 20
# Without a network: who calls a webhook from here calls the inbox of its world.
HOOK: Final = {"name": "h", "url": "https://inbox.test/h", "events": ["job.created", "job.failed"]}
WORDS_HERE: Final = (*(each for each in WORDS if each != "hook"), "advance", "advance", "advance")

Seen = tuple[list[Any], list[Any]]  # what each call was answered, and the journal


async def story(park: Park, number: int) -> Seen:
    """A fork whose name alone decides what is called there."""
    name = f"fork {number}"
    chance = random.Random(name)
    fork = await park.fork(name)
    answers: list[Any] = []

    async def note(answer: Any) -> None:
        await answer.aread()
        if "/test/" not in answer.request.url.path:
            answers.append((answer.status_code, answer.headers.raw, answer.content))

    fork.api.event_hooks["response"] = [note]
    await fork.post("outgoing-webhooks", HOOK)
    for _ in range(CALLS):
        await one_call(fork, chance)
        await fork.post("test/clock/settle", {"workers": "ignore"})
    return answers, (await fork.get("test/journal"))["lines"]


async def one_call(fork: Seat, chance: random.Random) -> None:
    word, number = chance.choice(WORDS_HERE), chance.randrange(10_000)
    if word == "advance":
        # At most a day: two hundred moves at once have 25 seconds, as each of them has.
        by = {"by": f"{1 + number * 8}s", "workers": "ignore", "report": 0}
        await fork.post("test/clock/advance", by)
    else:
        await act(fork, word, number)


def check_forks(count: int, seconds_max: float) -> None:
    async def together(park: Park) -> list[Seen]:
        return await asyncio.gather(*(story(park, number) for number in range(count)))

    async def alone(park: Park) -> list[Seen]:
        found = []
        for number in reversed(range(count)):
            found.append(await story(park, number))
            await park.root.call("DELETE", f"test/forks/fork {number}")
            await park.root.post("test/reset")
        return found[::-1]

    crowd = played(together, seconds_max=seconds_max)
    singles = played(alone, seconds_max=seconds_max)

    for number, (one, other) in enumerate(zip(crowd, singles, strict=True)):
        assert one == other, number


@pytest.mark.slow
def test_twenty_forks_at_once_are_as_each_of_them_alone() -> None:
    check_forks(20, 60.0)


@pytest.mark.long
def test_two_hundred_forks_at_once_are_as_each_of_them_alone() -> None:
    check_forks(200, 1_200.0)
