"""Group commit: what shares a transaction, and what an exception does to the others in it."""

import asyncio
import gc
import sqlite3
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.errors import Conflict, DatabaseError
from spooled_lite.events import Deadline, EventBus
from spooled_lite.metrics import Metrics
from spooled_lite.storage import transaction
from spooled_lite.storage.statement import Statement
from spooled_lite.storage.transaction import Hooks, Tx
from spooled_lite.storage.writer import plain_commit
from tests.storage.stage import (
    Commits,
    Gate,
    Heard,
    Refused,
    a_database,
    add,
    in_file,
    lined_up,
    notes,
    roll_everything_back,
    run,
    together,
)

QUEUE_COUNTERS = Statement(dict[str, Any], "SELECT queue, minute, name, value FROM queue_counters")
USAGE_COUNTERS = Statement(
    dict[str, Any], "SELECT org, period, name, value FROM usage_counters ORDER BY period"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


def add_and_raise(tx: Tx, error: BaseException) -> None:
    add(tx, "never")
    tx.count(1, "created", 1)
    tx.count_usage(1, "jobs", 1)
    tx.emit("job.created", 1, row={"text": "never"})
    tx.due(Deadline.PROMOTION, 1)
    tx.feed("line")
    raise error


def counters_stored(tx: Tx) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in tx.rows(QUEUE_COUNTERS)]


def test_an_operation_that_raises_leaves_nothing_and_the_others_are_kept(path: Path) -> None:
    error = Refused("no")
    heard, dues = Heard(), []
    bus = EventBus()
    bus.listen(heard)
    commits = Commits()

    async def main() -> tuple[list[Any], list[tuple[Any, ...]]]:
        async with a_database(
            path, bus=bus, on_due=lambda kind, at_ms: dues.append(kind), commit=commits
        ) as db:
            before = commits.count
            results = await together(
                db, (add, ("one",)), (add_and_raise, (error,)), (add, ("two",))
            )
            assert commits.count - before == 2  # the gate's own, and one for all three
            return results, await db.write(counters_stored)

    results, counted = run(main())

    assert results == ["one", error, "two"]
    assert results[1] is error
    assert in_file(path) == ["one", "two"]
    assert (heard.texts, dues, counted) == ([], [], [])


def test_operations_submitted_together_stand_together(path: Path) -> None:
    commits, metrics = Commits(), Metrics()

    async def main() -> Any:
        async with a_database(path, commit=commits, metrics=metrics) as db:
            before, operations = commits.count, metrics.batch_operations.total
            results = await lined_up(
                db, transaction.together, ([(add, ("one",)), (add, ("two",)), (add, ("three",))],)
            )
            return results, commits.count - before, metrics.batch_operations.total - operations

    assert run(main()) == (["one", "two", "three"], 1, 3)
    assert in_file(path) == ["one", "two", "three"]


def test_of_operations_submitted_together_only_the_culprit_leaves_nothing(path: Path) -> None:
    error, heard, dues = Refused("no"), Heard(), []
    bus = EventBus()
    bus.listen(heard)

    async def main() -> Any:
        async with a_database(path, bus=bus, on_due=lambda kind, at_ms: dues.append(kind)) as db:
            steps = [(add, ("one",)), (add_and_raise, (error,)), (add, ("one",)), (add, ("two",))]
            results = await lined_up(db, transaction.together, (steps,))
            return results, await db.write(counters_stored)

    results, counted = run(main())

    assert (results[0], results[1], type(results[2]), results[3]) == (
        "one",
        error,
        DatabaseError,
        "two",
    )
    assert in_file(path) == ["one", "two"]
    assert (heard.texts, dues, counted) == ([], [], [])


@pytest.mark.parametrize("error", [StopIteration(), SystemExit(), asyncio.CancelledError()])
def test_an_exception_that_is_awkward_for_the_machinery_is_answered(
    path: Path, error: BaseException
) -> None:
    async def main() -> list[Any]:
        async with a_database(path) as db:
            [awkward] = await together(db, (add_and_raise, (error,)))
            return [awkward, await db.write(add, "after")]

    awkward, after = run(main())

    assert isinstance(awkward, RuntimeError | DatabaseError)
    assert after == "after"
    assert in_file(path) == ["after"]


def test_an_sql_error_is_answered_without_its_text(path: Path) -> None:
    async def main() -> list[Any]:
        async with a_database(path) as db:
            return await together(db, (add, ("one",)), (add, ("one",)), (add, ("two",)))

    first, twice, last = run(main())

    assert (first, last) == ("one", "two")
    assert isinstance(twice, DatabaseError)
    assert "notes" not in twice.message


def test_a_unique_rule_that_a_caller_can_break_has_a_message(path: Path) -> None:
    def add_organization(tx: Tx, org_id: str) -> None:
        tx.execute(
            "INSERT INTO organizations (id, name, slug, plan_tier, webhook_token,"
            " webhook_token_created_at_ms, created_at_ms, updated_at_ms)"
            " VALUES (:id, 'n', 'slug', 'free', 'whk', 0, 0, 0)",
            {"id": org_id},
        )

    async def main() -> list[Any]:
        async with a_database(path) as db:
            return await together(db, (add_organization, ("a",)), (add_organization, ("b",)))

    _, refused = run(main())

    assert isinstance(refused, Conflict)
    assert refused.message == "This slug is taken"


def test_many_writes_share_few_commits(path: Path) -> None:
    commits = Commits()

    async def main() -> None:
        async with a_database(path, commit=commits) as db:
            await asyncio.gather(*(db.write(add, str(number)) for number in range(500)))

    run(main())

    assert len(in_file(path)) == 500
    assert commits.count <= 1 + 2 + 1  # the table, 500 in batches of 256, and one to spare


def test_nobody_is_answered_before_the_commit(path: Path) -> None:
    reached, go_on = threading.Event(), threading.Event()
    blocking = False

    def commit(connection: sqlite3.Connection) -> None:
        if blocking:
            reached.set()
            assert go_on.wait(10)
        plain_commit(connection)

    async def main() -> None:
        nonlocal blocking
        async with a_database(path, commit=commit) as db:
            blocking = True
            writes = [asyncio.create_task(db.write(add, text)) for text in ("one", "two")]
            assert await asyncio.to_thread(reached.wait, 10)
            await db.readers.read(notes)  # the loop turns, and answers could have come

            assert not any(write.done() for write in writes)
            assert await db.readers.read(notes) == []

            go_on.set()
            assert await asyncio.gather(*writes) == ["one", "two"]

    run(main())


def make_trigger(tx: Tx) -> None:
    tx.execute(
        "CREATE TRIGGER strict BEFORE INSERT ON notes WHEN new.text = 'culprit'"
        " BEGIN SELECT RAISE(ROLLBACK, 'all of it'); END"
    )


@pytest.mark.parametrize(
    "culprit", [(roll_everything_back, ()), (add, ("culprit",))], ids=["itself", "by a trigger"]
)
def test_after_an_operation_ended_the_transaction_the_others_run_again_one_by_one(
    path: Path, culprit: tuple[Any, tuple[Any, ...]]
) -> None:
    commits = Commits()

    async def main() -> list[Any]:
        async with a_database(path, commit=commits) as db:
            await db.write(make_trigger)
            before = commits.count
            results = await together(db, (add, ("one",)), (add, ("two",)), culprit, (add, ("3",)))
            assert commits.count - before == 1 + 3
            return results

    one, two, guilty, three = run(main())

    assert (one, two, three) == ("one", "two", "3")
    assert isinstance(guilty, DatabaseError)
    assert in_file(path) == ["one", "two", "3"]


def test_two_operations_that_end_the_transaction_do_not_cost_the_others_theirs(path: Path) -> None:
    culprit: tuple[Any, tuple[Any, ...]] = (roll_everything_back, ())

    async def main() -> list[Any]:
        async with a_database(path) as db:
            return await together(db, culprit, (add, ("one",)), culprit, (add, ("two",)))

    results = run(main())

    assert results[1::2] == ["one", "two"]
    assert all(isinstance(each, DatabaseError) for each in results[::2])
    assert in_file(path) == ["one", "two"]


def test_an_operation_that_cannot_be_undone_takes_the_batch_with_it_and_never_half(
    path: Path,
) -> None:
    def release_too_much(tx: Tx) -> None:
        add(tx, "half")
        tx.execute("RELEASE operation")

    async def main() -> list[Any]:
        async with a_database(path) as db:
            return await together(db, (add, ("one",)), (release_too_much, ()), (add, ("two",)))

    one, guilty, two = run(main())

    assert (one, two) == ("one", "two")
    assert isinstance(guilty, DatabaseError)
    assert in_file(path) == ["one", "two"]


def test_a_batch_is_bounded_by_count(path: Path) -> None:
    commits = Commits()

    async def main() -> None:
        async with a_database(path, commit=commits, batch_max=10) as db:
            before = commits.count
            await together(db, *((add, (str(number),)) for number in range(25)))
            assert commits.count - before == 1 + 3

    run(main())


def test_what_had_no_time_in_a_batch_comes_next_in_order(path: Path) -> None:
    commits = Commits()

    def add_slowly(tx: Tx, text: str) -> None:
        add(tx, text)
        threading.Event().wait(0.002)

    async def main() -> None:
        async with a_database(path, commit=commits, batch_ms_max=1) as db:
            before = commits.count
            await together(db, *((add_slowly, (str(number),)) for number in range(5)))
            assert commits.count - before == 1 + 5

    run(main())

    assert in_file(path) == ["0", "1", "2", "3", "4"]


def test_a_caller_that_goes_away_does_not_cancel_its_write(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            gate = Gate()
            await gate.hold(db)
            gone = asyncio.create_task(db.write(add, "kept"))
            stays = asyncio.create_task(db.write(add, "also"))
            await asyncio.sleep(0)
            gone.cancel()
            await gate.open()
            assert await stays == "also"
            with pytest.raises(asyncio.CancelledError):
                await gone

    run(main())

    assert in_file(path) == ["kept", "also"]


def test_counters_become_one_row_per_key(path: Path) -> None:
    flushed: list[int] = []

    class Changes:
        def flush(self, connection: sqlite3.Connection, events: Any) -> None:
            flushed.append(connection.total_changes)

    def count(tx: Tx) -> None:
        tx.count(1, "created", 1)
        tx.count(1, "created", 1, minute=7)
        tx.count_usage(3, "jobs", 1)

    def stored(tx: Tx) -> tuple[list[Any], list[Any], int]:
        usage = [tuple(row) for row in tx.rows(USAGE_COUNTERS)]
        return counters_stored(tx), usage, flushed[-1]

    async def main() -> tuple[list[Any], list[Any], int]:
        async with a_database(path, hooks=Hooks(sinks=(Changes(),))) as db:
            await together(db, *((count, ()) for _ in range(100)))
            before = flushed[-1]
            queue, usage, after = await db.write(stored)
            await db.write(stored)
            assert flushed[-1] - before == 2 + 3  # rows written for a hundred operations
            return queue, usage, after

    queue, usage, _ = run(main())

    assert queue == [(1, 0, "created", 100), (1, 7, "created", 100)]
    assert usage == [
        (3, "", "jobs", 100),
        (3, "2026-09", "jobs", 100),
        (3, "2026-09-21", "jobs", 100),
    ]


def test_what_an_operation_counts_on_includes_what_is_not_flushed_yet(path: Path) -> None:
    def count_and_look(tx: Tx) -> tuple[int, int]:
        tx.count(1, "pending", 2)
        tx.count_usage(1, "jobs", 3)
        return tx.counted(1, "pending"), tx.used_today(1, "jobs")

    def count_and_refuse(tx: Tx) -> None:
        count_and_look(tx)
        raise Refused

    async def main() -> list[Any]:
        async with a_database(path) as db:
            await db.write(count_and_look)
            look: tuple[Any, tuple[Any, ...]] = (count_and_look, ())
            return await together(db, look, (count_and_refuse, ()), look)

    second, _, third = run(main())

    assert second == (4, 6)
    assert third == (6, 9)


def test_a_refusal_does_not_keep_the_batch_in_memory(path: Path) -> None:
    class Big:
        pass

    def refuse(tx: Tx) -> None:
        raise Conflict("no")

    async def main() -> bool:
        async with a_database(path) as db:
            big = Big()
            watched = weakref.ref(big)
            [kept, refused] = await together(db, (lambda tx, held: None, (big,)), (refuse, ()))
            assert kept is None
            assert isinstance(refused, Conflict)
            del big
            await db.write(add, "the next batch")
            await db.write(add, "and one more")
            return watched() is None

    gc.collect()
    gc.disable()
    try:
        assert run(main())
    finally:
        gc.enable()
