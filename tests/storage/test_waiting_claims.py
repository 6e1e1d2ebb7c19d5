"""Claims that wait: served in the batch that fed their line, oldest first, never overtaken."""

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.errors import Unauthorized, Unavailable
from spooled_lite.storage import round as round_module
from spooled_lite.storage.backlog import Request
from spooled_lite.storage.lanes import Lane
from spooled_lite.storage.transaction import Tx
from spooled_lite.storage.writer import plain_commit
from spooled_lite.wire.waiting.claims import Waiting
from tests.storage.stage import (
    SECONDS_MAX,
    Commits,
    Gate,
    a_database,
    add_and_feed,
    claim,
    in_file,
    lined_up,
    roll_everything_back,
    run,
    storage_error,
    take,
    together,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


async def parked(db: Any, waiting: Waiting, count: int) -> list[Request]:
    """Claims that wait in line, in this order."""
    requests = [claim(db) for _ in range(count)]
    await db.write(lambda tx: None)  # behind them: they have run when it is answered
    assert list(waiting.waiting_in("line")) == requests
    return requests


def test_a_waiting_claim_is_served_by_the_commit_that_feeds_its_line(path: Path) -> None:
    commits, waiting = Commits(), Waiting()

    async def main() -> None:
        async with a_database(path, commit=commits, waiting=waiting) as db:
            [request] = await parked(db, waiting, 1)
            before = commits.count

            await db.write(add_and_feed, "job")

            assert request.taker.result() == ["job"]
            assert commits.count - before == 1
            assert list(waiting.waiting_in("line")) == []

    run(main())

    assert in_file(path) == []


def test_a_claim_parked_in_a_batch_is_served_by_a_later_operation_of_the_same_batch(
    path: Path,
) -> None:
    waiting = Waiting()

    async def main() -> None:
        async with a_database(path, waiting=waiting) as db:
            gate = Gate()
            await gate.hold(db)
            request = claim(db)  # its lane goes first
            write = lined_up(db, add_and_feed, ("job",))
            await gate.open()
            await write
            assert request.taker.result() == ["job"]

    run(main())


def test_the_oldest_is_served_first_and_the_others_keep_their_places(path: Path) -> None:
    waiting = Waiting()

    async def main() -> None:
        async with a_database(path, waiting=waiting) as db:
            one, two, three = await parked(db, waiting, 3)

            await db.write(add_and_feed, "a")
            assert one.taker.result() == ["a"]
            assert list(waiting.waiting_in("line")) == [two, three]

            await together(db, (add_and_feed, ("b",)), (add_and_feed, ("c",)))
            assert [two.taker.result(), three.taker.result()] == [["b"], ["c"]]

    run(main())


def test_the_first_that_finds_nothing_ends_the_run_of_its_line(path: Path) -> None:
    waiting, runs = Waiting(), []

    def take_counting(tx: Tx) -> list[str]:
        runs.append(1)
        return take(tx)

    async def main() -> None:
        async with a_database(path, waiting=waiting) as db:
            for _ in range(5):
                claim(db, operation=take_counting)
            await db.write(lambda tx: None)
            runs.clear()

            await db.write(add_and_feed, "a")

            assert len(runs) == 2

    run(main())


def test_who_feeds_a_line_feeds_its_parts(path: Path) -> None:
    waiting = Waiting()

    async def main() -> None:
        async with a_database(path, waiting=waiting) as db:
            one, two = (claim(db, lines=(part,), within=("line",)) for part in ("b", "c"))
            whole = claim(db)
            await db.write(lambda tx: None)
            assert waiting.within("line") == ("b", "c")
            assert waiting.count_in("line") == 3

            await together(db, *[(add_and_feed, (text,)) for text in "xyz"])

            assert whole.taker.result() == ["x"]
            assert sorted([*one.taker.result(), *two.taker.result()]) == ["y", "z"]
            assert waiting.within("line") == ()
            part = claim(db, lines=("b",), within=("line",))
            await db.write(lambda tx: None)
            gate = Gate()
            await gate.hold(db)
            feeding = lined_up(db, add_and_feed, ("a",), lane=Lane.SETTLE)
            fresh = claim(db)
            await gate.open()
            await feeding
            assert part.taker.result() == ["a"]  # a claim of the whole line goes behind it
            assert not fresh.taker.done()

    run(main())


def test_one_that_looks_for_something_else_keeps_nobody_behind_it_waiting(path: Path) -> None:
    waiting, runs = Waiting(), []

    def take_nothing(tx: Tx) -> list[str]:
        runs.append(1)
        return []

    async def main() -> None:
        async with a_database(path, waiting=waiting) as db:
            for _ in range(5):
                claim(db, operation=take_nothing, looks_for="red")
            old = claim(db)
            claim(db, operation=take_nothing, looks_for="blue")
            await db.write(lambda tx: None)
            runs.clear()

            await db.write(add_and_feed, "a")

            assert old.taker.result() == ["a"]
            assert len(runs) == 2  # of those that look for the same only one is run for nothing
            assert len(waiting.waiting_in("line")) == 6
            fresh = claim(db)
            await db.write(add_and_feed, "b")
            assert fresh.taker.result() == ["b"]

    run(main())


def test_a_fresh_claim_goes_behind_those_that_wait(path: Path) -> None:
    waiting = Waiting()

    async def main() -> None:
        async with a_database(path, waiting=waiting) as db:
            [old] = await parked(db, waiting, 1)
            gate = Gate()
            await gate.hold(db)
            feeding = lined_up(db, add_and_feed, ("a",), lane=Lane.SETTLE)
            fresh = claim(db)
            at_once = claim(db, parks=False)
            await gate.open()
            await feeding

            assert old.taker.result() == ["a"]
            assert await at_once.taker == []
            assert list(waiting.waiting_in("line")) == [fresh]

    run(main())


def test_what_became_claimable_by_time_alone_goes_to_the_oldest_too(path: Path) -> None:
    waiting = Waiting()

    async def main() -> None:
        async with a_database(path, waiting=waiting) as db:
            [old] = await parked(db, waiting, 1)
            await db.write(lambda tx: tx.execute("INSERT INTO notes (text) VALUES ('unfed')"))

            fresh = claim(db, parks=False)

            assert await fresh.taker == []
            assert await old.taker == ["unfed"]

    run(main())


def test_a_waiting_claim_that_raises_is_answered_and_leaves(path: Path) -> None:
    waiting = Waiting()
    revoked = False

    def take_with_key(tx: Tx) -> list[str]:
        if revoked:
            raise Unauthorized
        return take(tx)

    async def main() -> None:
        nonlocal revoked
        async with a_database(path, waiting=waiting) as db:
            first, second = claim(db, operation=take_with_key), claim(db)
            await db.write(lambda tx: None)
            revoked = True

            await db.write(add_and_feed, "a")

            assert isinstance(first.taker.exception(), Unauthorized)
            assert second.taker.result() == ["a"]
            assert list(waiting.waiting_in("line")) == []

    run(main())


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR])
def test_a_lost_batch_leaves_them_waiting_in_order(path: Path, code: int) -> None:
    commits, waiting = Commits(), Waiting()

    async def main() -> None:
        async with a_database(path, commit=commits, waiting=waiting) as db:
            one, two = await parked(db, waiting, 2)
            commits.errors.append(storage_error(code))
            with pytest.raises(Unavailable):
                await db.write(add_and_feed, "lost")
            assert list(waiting.waiting_in("line")) == [one, two]

            await db.write(add_and_feed, "kept")
            assert one.taker.result() == ["kept"]
            assert not two.taker.done()

    run(main())


def test_a_fresh_claim_of_a_lost_batch_is_told_and_does_not_stay(path: Path) -> None:
    commits, waiting = Commits(), Waiting()

    async def main() -> None:
        async with a_database(path, commit=commits, waiting=waiting) as db:
            commits.errors.append(storage_error(sqlite3.SQLITE_FULL))
            with pytest.raises(Unavailable):
                await claim(db).taker
            assert list(waiting.waiting_in("line")) == []

    run(main())


def test_a_waiting_claim_that_ends_the_transaction_is_told_and_the_feeder_is_kept(
    path: Path,
) -> None:
    waiting = Waiting()
    breaks = False

    def take_or_break(tx: Tx) -> list[str]:
        if breaks:
            roll_everything_back(tx)
        return take(tx)

    async def main() -> None:
        nonlocal breaks
        async with a_database(path, waiting=waiting) as db:
            culprit, other = claim(db, operation=take_or_break), claim(db)
            await db.write(lambda tx: None)
            breaks = True

            assert await db.write(add_and_feed, "a") == "a"

            assert culprit.taker.exception() is not None
            assert other.taker.result() == ["a"]
            assert list(waiting.waiting_in("line")) == []

    run(main())


def test_a_line_longer_than_one_batch_may_serve_is_served_by_the_next_ones(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(round_module, "PARKED_RUN_MAX", 4)
    commits, waiting = Commits(), Waiting()

    async def main() -> None:
        async with a_database(path, commit=commits, waiting=waiting) as db:
            requests = await parked(db, waiting, 10)
            before = commits.count

            await together(db, *((add_and_feed, (str(number),)) for number in range(10)))
            results = await asyncio.gather(*(request.taker for request in requests))

            assert results == [[str(number)] for number in range(10)]
            assert commits.count - before <= 1 + 3

    run(main())


def test_a_fresh_claim_does_not_overtake_a_line_that_one_batch_could_not_serve(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(round_module, "PARKED_RUN_MAX", 2)
    waiting = Waiting()

    async def main() -> None:
        async with a_database(path, waiting=waiting) as db:
            requests = await parked(db, waiting, 5)
            gate = Gate()
            await gate.hold(db)
            for number in range(6):
                lined_up(db, add_and_feed, (str(number),), lane=Lane.SETTLE)
            fresh = [claim(db, parks=False) for _ in range(2)]
            await gate.open()

            results = await asyncio.gather(*(each.taker for each in [*requests, *fresh]))

            assert results == [["0"], ["1"], ["2"], ["3"], ["4"], ["5"], []]

    run(main())


def test_a_claim_that_feeds_another_line_has_that_line_served_in_the_same_batch(
    path: Path,
) -> None:
    commits, waiting = Commits(), Waiting()

    def take_and_feed(tx: Tx) -> list[str]:
        found = take(tx)
        if found:
            add_and_feed(tx, "second", "other")
        return found

    async def main() -> None:
        async with a_database(path, commit=commits, waiting=waiting) as db:
            first = claim(db, operation=take_and_feed)
            second = claim(db, lines=("other",))
            await db.write(lambda tx: None)
            before = commits.count

            await db.write(add_and_feed, "first")

            assert (first.taker.result(), second.taker.result()) == (["first"], ["second"])
            assert commits.count - before == 1

    run(main())


def test_claims_that_feed_their_own_lines_for_ever_do_not_hold_the_thread(path: Path) -> None:
    def feed_both(tx: Tx) -> list[str]:
        tx.feed("line")
        tx.feed("other")
        return []

    async def main() -> None:
        async with a_database(path) as db:
            claim(db, operation=feed_both)
            claim(db, operation=feed_both, lines=("other",))
            await db.write(add_and_feed, "a")
            assert await db.write(lambda tx: "still here") == "still here"

    run(main())


def test_nothing_is_claimed_for_somebody_who_has_left(path: Path) -> None:
    waiting = Waiting()

    async def main() -> None:
        async with a_database(path, waiting=waiting) as db:
            gone, stays = await parked(db, waiting, 2)
            gone.taker.cancel()

            await db.write(add_and_feed, "a")

            assert stays.taker.result() == ["a"]
            assert list(waiting.waiting_in("line")) == []

    run(main())


def test_what_was_found_for_somebody_who_left_meanwhile_goes_to_the_next(path: Path) -> None:
    reached, go_on = threading.Event(), threading.Event()
    waiting = Waiting()
    holding = False

    def commit(connection: sqlite3.Connection) -> None:
        nonlocal holding
        if holding:
            holding = False
            reached.set()
            assert go_on.wait(SECONDS_MAX)
        plain_commit(connection)

    async def main() -> None:
        nonlocal holding
        async with a_database(path, commit=commit, waiting=waiting) as db:
            gone, stays = await parked(db, waiting, 2)
            holding = True
            write = asyncio.create_task(db.write(add_and_feed, "a"))
            assert await asyncio.to_thread(reached.wait, SECONDS_MAX)
            gone.taker.cancel()
            go_on.set()
            await write

            assert await stays.taker == ["a"]

    run(main())


def test_lines_that_could_not_be_served_in_trouble_wait_without_spinning(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(round_module, "PARKED_RUN_MAX", 1)
    commits, waiting = Commits(), Waiting()

    def fail_the_second(connection: sqlite3.Connection) -> None:
        commits(connection)
        if commits.count == fail_after[0]:
            commits.errors.extend([storage_error(sqlite3.SQLITE_FULL)] * 1_000)

    fail_after = [-1]

    async def main() -> None:
        async with a_database(path, commit=fail_the_second, waiting=waiting) as db:
            requests = await parked(db, waiting, 3)
            fail_after[0] = commits.count + 2  # after the gate's own and the feeding batch
            before = commits.count
            await together(db, *((add_and_feed, (str(number),)) for number in range(3)))
            for _ in range(50):
                await db.readers.read(lambda reading: None)
            assert commits.count - before <= 4

            commits.errors.clear()
            await db.write(lambda tx: None)
            results = await asyncio.gather(*(request.taker for request in requests))
            assert results == [["0"], ["1"], ["2"]]

    run(main())
