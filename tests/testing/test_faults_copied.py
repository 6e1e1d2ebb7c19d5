"""Faults belong to one world: a fork has them when it is told so, and nobody after a reset."""

from typing import Any, Final

from tests.testing.park import Park, Seat, played

OF_JOBS: Final = {"route": "POST /api/v1/jobs"}
INTERNAL: Final = {"error": {"as": "internal"}}


async def rules(seat: Seat) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await seat.get("test/faults"))["faults"]
    return found


async def created(seat: Seat) -> int:
    body = {"queue_name": "emails", "payload": {}}
    return (await seat.api.post("jobs", json=body)).status_code


def test_a_fork_begins_with_the_faults_of_its_parent_when_it_is_told_so() -> None:
    async def script(park: Park) -> None:
        for when in ({"matches": [2]}, {"matches": [5]}):
            rule = {"on": OF_JOBS, "do": INTERNAL, "when": when, "times": 1}
            await park.root.post("test/faults", rule)
        assert await created(park.root) == 201
        before = await rules(park.root)

        without, fork = await park.fork("without"), await park.fork("it", faults="copy")
        assert await rules(without) == []
        assert await rules(fork) == before
        assert await created(fork) == 500, "it goes on counting where its parent was"
        assert await rules(park.root) == before
        assert await created(park.root) == 500, "each world counts for itself"

        made = await fork.post("test/faults", {"on": OF_JOBS, "do": INTERNAL})
        assert made["id"] == "f3", "ids are never used again"
        of_fork = await park.fork("of it", fork, faults="copy")
        assert [each["id"] for each in await rules(of_fork)] == ["f1", "f2", "f3"]
        await fork.post("test/reset")
        assert await rules(fork) == []
        assert await created(fork) == 201

    played(script)


def test_a_copied_fault_strikes_while_the_clock_of_the_fork_is_led() -> None:
    async def script(park: Park) -> None:
        url = "https://inbox.test/shop"
        hook = {"name": "shop", "url": url, "events": ["job.created"]}
        await park.root.post("outgoing-webhooks", hook)
        await park.root.post("test/faults", {"on": {"delivery": {}}, "do": {"receiver": "reset"}})
        await park.root.job()
        fork = await park.fork("it", faults="copy", at="2030-01-01T00:01:00Z")
        assert (await fork.get("test/inbox/webhooks"))["webhooks"] == []
        [rule] = await rules(fork)
        assert rule["struck"] >= 5, "all attempts, the first one perhaps in the parent as well"

    played(script)


def test_the_draws_of_a_fork_follow_from_its_own_seed() -> None:
    async def drawn(seat: Seat) -> list[int]:
        return [await created(seat) for _ in range(20)]

    async def script(park: Park) -> list[list[int]]:
        share = {"on": OF_JOBS, "do": INTERNAL, "when": {"probability": 0.5}}
        await park.root.post("test/faults", share)
        seats = [await park.fork(name, faults="copy") for name in ("a", "b")]
        return [await drawn(each) for each in seats]

    first, second = played(script)
    assert first != second
    assert played(script) == [first, second]
