"""What operations of a batch share, and what each keeps for itself."""

import sqlite3
from collections.abc import Iterator
from typing import Any, Final

import pytest

from spooled_lite.ids import Ids
from spooled_lite.storage.transaction import Batch, Cache, Hooks, Own, Tx

READ: Final = Cache[str, int]()
OTHER: Final = Cache[str, int]()
WRITTEN: Final = Own[list[str]](list)


@pytest.fixture
def batch() -> Iterator[Batch]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield Batch(connection, Hooks(), Ids(1))
    connection.close()


def run(batch: Batch, operation: Any) -> Any:
    return batch.run(0, operation)


def test_a_cache_is_shared_by_the_operations_of_a_batch(batch: Batch) -> None:
    run(batch, lambda tx: tx.cache(READ).update(a=1))

    assert run(batch, lambda tx: dict(tx.cache(READ))) == {"a": 1}
    assert run(batch, lambda tx: dict(tx.cache(OTHER))) == {}


def test_another_batch_begins_with_empty_caches(batch: Batch) -> None:
    run(batch, lambda tx: tx.cache(READ).update(a=1))

    following = Batch(batch.connection, Hooks(), Ids(2))

    assert run(following, lambda tx: dict(tx.cache(READ))) == {}


def test_an_operation_that_is_undone_leaves_nothing_in_any_cache(batch: Batch) -> None:
    def undone(tx: Tx) -> None:
        tx.cache(READ)["a"] = 2
        raise LookupError

    run(batch, lambda tx: tx.cache(OTHER).update(b=1))
    with pytest.raises(LookupError):
        run(batch, undone)

    assert run(batch, lambda tx: (dict(tx.cache(READ)), dict(tx.cache(OTHER)))) == ({}, {})


def test_what_an_operation_keeps_for_itself_ends_with_it(batch: Batch) -> None:
    def keeps(tx: Tx) -> list[str]:
        tx.own(WRITTEN).append("mine")
        tx.cache(READ).clear()  # emptying a cache takes nothing from it
        return tx.own(WRITTEN)

    assert run(batch, keeps) == ["mine"]
    assert run(batch, keeps) == ["mine"]
