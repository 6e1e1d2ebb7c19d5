"""The lanes: what goes first, what is refused when too much waits, what a stop does with it."""

import asyncio
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.errors import Unavailable
from spooled_lite.storage.backlog import Backlog, Request
from spooled_lite.storage.database import Database
from spooled_lite.storage.lanes import Lane, in_lane, lane_of
from spooled_lite.storage.transaction import Tx
from spooled_lite.storage.turns import HOUSE, OUTSIDE
from tests.storage.stage import (
    SECONDS_MAX,
    Gate,
    a_database,
    add,
    an_idle_database,
    in_file,
    lined_up,
    make_table,
    notes,
    reasons,
    run,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


def a_request(lane: Lane, owner: int = 1, name: str = "") -> Request:
    return Request(add, (name,), lane, owner, None)


def until_closed(db: Database) -> None:
    backlog = db.writer.backlog
    with backlog._changed:
        assert backlog._changed.wait_for(lambda: backlog._closed, SECONDS_MAX)


def taken(backlog: Backlog, count_max: int = 1_000) -> list[str]:
    return [request.arguments[0] for request in backlog.take(count_max, wait_seconds=0) or []]


def test_settling_goes_before_claiming_before_the_rest(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            gate = Gate()
            await gate.hold(db)
            writes = [
                lined_up(db, add, (lane.name,), lane=lane)
                for lane in (Lane.CREATE, Lane.REST, Lane.CLAIM, Lane.SETTLE)
            ]
            await gate.open()
            await asyncio.gather(*writes)

    run(main())

    assert in_file(path) == ["SETTLE", "CLAIM", "CREATE", "REST"]


def test_a_flood_is_shed_at_four_fifths_while_settling_goes_on(path: Path) -> None:
    async def main() -> list[Any]:
        async with a_database(path, line_max=100) as db:
            gate = Gate()
            await gate.hold(db)
            rest = [
                lined_up(db, add, (str(number),), owner=number % 4 + 1) for number in range(100)
            ]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            refused_at_once = sum(write.done() for write in rest)
            settles = [lined_up(db, add, (f"s{number}",), lane=Lane.SETTLE) for number in range(20)]
            await gate.open()
            assert len(await asyncio.gather(*settles)) == 20
            assert refused_at_once == 20
            return await asyncio.gather(*rest, return_exceptions=True)

    results = run(main())

    assert [each for each in results if isinstance(each, str)] == [str(n) for n in range(80)]
    assert reasons(results[80:]) == ["overloaded"] * 20


def test_one_owner_gets_at_most_half_of_the_last_lane() -> None:
    backlog = Backlog(line_max=100)

    refused = backlog.put([a_request(Lane.REST, owner=1) for _ in range(60)])
    others = backlog.put([a_request(Lane.CREATE, owner=2) for _ in range(60)])

    assert [len(refused), len(others)] == [20, 20]
    assert backlog.put([a_request(Lane.CLAIM, owner=1)]) == []


def test_what_an_owner_may_hold_is_free_again_once_taken() -> None:
    backlog = Backlog(line_max=100)
    backlog.put([a_request(Lane.REST, owner=1) for _ in range(40)])

    backlog.take(40, wait_seconds=0)

    assert backlog.put([a_request(Lane.REST, owner=1) for _ in range(40)]) == []
    assert len(backlog.put([a_request(Lane.REST, owner=1)])) == 1


def test_even_settling_is_bounded() -> None:
    backlog = Backlog(line_max=100)

    refused = backlog.put([a_request(Lane.SETTLE) for _ in range(101)])

    assert [error.reason for _, error in refused] == ["overloaded"]


def test_what_is_put_back_comes_first_again_in_order_and_counts_for_its_owner() -> None:
    backlog = Backlog(line_max=20)
    backlog.put([a_request(Lane.SETTLE, name="s"), *(a_request(Lane.REST, name=n) for n in "abc")])
    batch = backlog.take(1_000, wait_seconds=0)
    assert batch is not None
    backlog.put([a_request(Lane.REST, name="d"), a_request(Lane.SETTLE, name="t")])

    backlog.put_back(batch[1:])

    assert len(backlog.put([a_request(Lane.REST, name=str(n)) for n in range(8)])) == 4
    assert taken(backlog) == ["t", "a", "b", "c", "d", "0", "1", "2", "3"]


def test_taking_waits_until_something_is_put() -> None:
    backlog = Backlog(line_max=100)
    got: list[str] = []
    thread = threading.Thread(
        target=lambda: got.extend(r.arguments[0] for r in backlog.take(9, wait_seconds=30) or [])
    )
    thread.start()

    backlog.put([])  # wakes nobody for nothing
    backlog.put([a_request(Lane.REST, name="a")])

    thread.join(10)
    assert got == ["a"]


def test_closing_writes_what_was_accepted_and_refuses_the_rest(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            gate = Gate()
            await gate.hold(db)
            accepted = [lined_up(db, add, (str(number),)) for number in range(300)]
            closing = asyncio.create_task(asyncio.to_thread(db.close))
            await asyncio.to_thread(until_closed, db)
            late = lined_up(db, add, ("late",))
            await gate.open()
            await closing
            results = await asyncio.gather(*accepted)
            assert results == [str(number) for number in range(300)]
            with pytest.raises(Unavailable) as refused:
                await late
            assert refused.value.reason == "shutting_down"

    run(main())

    assert len(in_file(path)) == 300


def test_closing_on_the_loops_own_thread_writes_what_was_submitted_in_the_same_turn(
    path: Path,
) -> None:
    async def main() -> str:
        async with a_database(path) as db:
            write = lined_up(db, add, ("last words",))
            db.close()
            answer: str = await write
            return answer

    assert run(main()) == "last words"
    assert in_file(path) == ["last words"]


def test_closing_from_another_thread_hands_nothing_over_twice(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []
    handed_by: set[int] = set()

    def note(tx: Tx, number: int) -> None:
        ran.append(number)

    async def main() -> None:
        async with a_database(path) as db:
            backlog = db.writer.backlog
            put = backlog.put

            def watched_put(requests: Sequence[Request]) -> list[tuple[Request, Unavailable]]:
                handed_by.add(threading.get_ident())
                return put(requests)

            monkeypatch.setattr(backlog, "put", watched_put)
            closing = asyncio.get_running_loop().run_in_executor(None, db.close)
            results: list[Any] = []
            for number in range(200):
                results.append(lined_up(db, note, (number,)))
                if number % 3 == 0:
                    await asyncio.sleep(0)
            answers = await asyncio.gather(*results, return_exceptions=True)
            await closing
            monkeypatch.undo()
            assert handed_by == {threading.get_ident()}
            assert ran == [n for n, answer in enumerate(answers) if answer is None]
            assert set(reasons([each for each in answers if each is not None])) <= {"shutting_down"}

    run(main())


def test_closing_after_the_loop_has_ended_still_writes_what_was_accepted(path: Path) -> None:
    async def main() -> tuple[Database, Gate]:
        db = an_idle_database(path).start()
        await db.write(make_table)
        gate = Gate()
        await gate.hold(db)
        lined_up(db, add, ("accepted",))
        await asyncio.sleep(0)
        return db, gate

    db, gate = run(main())
    gate.open_at_once()
    db.close()

    assert in_file(path) == ["accepted"]


def test_closing_twice_does_no_harm(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            await db.write(add, "one")
            db.close()
            with pytest.raises(Unavailable) as refused:
                await db.readers.read(notes)
            assert refused.value.reason == "shutting_down"
            with pytest.raises(Unavailable):
                await db.readers.point(notes)

    run(main())


@in_lane(Lane.CREATE)
def creating(tx: Tx) -> None: ...


def undeclared(tx: Tx, number: int = 0) -> None: ...


def test_the_lane_is_declared_beside_the_operation() -> None:
    assert lane_of(creating, 7) == lane_of(partial(creating), HOUSE) == Lane.CREATE
    assert lane_of(undeclared, 7) == lane_of(partial(undeclared, number=1), OUTSIDE) == Lane.REST
    assert lane_of(undeclared, HOUSE) == Lane.HOUSE


def test_a_background_loop_is_never_shed() -> None:
    backlog = Backlog(line_max=100)
    backlog.put([a_request(Lane.SETTLE) for _ in range(100)])

    assert backlog.put([a_request(Lane.HOUSE, owner=HOUSE)]) == []
    assert backlog.put([a_request(Lane.CREATE, owner=HOUSE)]) == []
    assert len(backlog.put([a_request(Lane.REST, owner=1)])) == 1
