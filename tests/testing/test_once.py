"""Calls with an `Idempotency-Key` in test mode: the clock of a world counts, forks have answers."""

import httpx
import pytest

from tests.testing.park import Park, Seat, played

BULK = {"queue_name": "emails", "jobs": [{"payload": 1}]}


async def bulk(seat: Seat) -> httpx.Response:
    return await seat.api.post("jobs/bulk", json=BULK, headers={"Idempotency-Key": "k"})


def is_replay(answer: httpx.Response) -> bool:
    return bool(answer.headers.get("idempotency-replayed") == "true")


def test_an_answer_is_kept_for_a_day_of_the_world() -> None:
    async def script(park: Park) -> None:
        first = await bulk(park.root)
        await park.root.advance("23h")
        late = await bulk(park.root)
        await park.root.advance("2h")
        anew = await bulk(park.root)

        assert [is_replay(each) for each in (first, late, anew)] == [False, True, False]
        assert first.content == late.content != anew.content

    played(script)


def test_a_fork_has_the_answers_of_its_parent_and_then_its_own() -> None:
    async def script(park: Park) -> None:
        before = await bulk(park.root)
        fork = await park.fork("one")
        there = await bulk(fork)
        await fork.advance("2d")

        anew = await bulk(fork)

        assert (there.content, is_replay(there)) == (before.content, True)
        assert not is_replay(anew)
        assert (await bulk(park.root)).content == before.content

    played(script)


def test_a_call_whose_answer_was_lost_is_done_once() -> None:
    async def script(park: Park) -> None:
        rule = {"on": {"route": "POST /api/v1/jobs/bulk"}, "do": {"drop": "after_commit"}}
        await park.root.post("test/faults", {**rule, "times": 1})
        with pytest.raises(AssertionError):  # the transport says so of a call without an answer
            await bulk(park.root)

        again = await bulk(park.root)

        assert is_replay(again)
        assert len(await park.root.jobs()) == 1

    played(script)
