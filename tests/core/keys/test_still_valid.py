"""A key is asked once more where its caller's operation runs, and read once for many of them."""

from collections.abc import Iterator
from typing import Final

import pytest

from spooled_lite.core.keys.change import change, regenerate
from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.records import Grants, IssuedKey, KeyChanges
from spooled_lite.core.keys.revoke import revoke
from spooled_lite.core.keys.verify import check_still_valid, forget_changed_key
from spooled_lite.errors import AccessDenied, Unauthorized
from spooled_lite.ids import Ids
from spooled_lite.storage.transaction import Batch, Hooks
from tests.core.store import NOW_MS, Store
from tests.factories import a_key

HOOKS: Final = Hooks(on_emit=(forget_changed_key,))


@pytest.fixture
def key(store: Store) -> IssuedKey:
    return store.run(issue, store.org, a_key(), is_live=False)


@pytest.fixture
def batch(store: Store, key: IssuedKey) -> Iterator[Batch]:
    store._connection.execute("BEGIN IMMEDIATE")
    yield Batch(store._connection, HOOKS, Ids(2))
    store._connection.execute("ROLLBACK")


def check(batch: Batch, key: IssuedKey, *, now_ms: int = NOW_MS) -> None:
    batch.run(now_ms, check_still_valid, key.row["seq"], key.row["secret_id"], "emails")


def test_the_operations_of_a_moment_read_their_key_once(
    store: Store, batch: Batch, key: IssuedKey
) -> None:
    asked: list[str] = []
    store._connection.set_trace_callback(asked.append)

    for _ in range(5):
        check(batch, key)

    store._connection.set_trace_callback(None)
    assert len([each for each in asked if "api_keys" in each]) == 1


def test_a_key_that_is_revoked_earlier_in_the_batch_is_refused(
    store: Store, batch: Batch, key: IssuedKey
) -> None:
    check(batch, key)

    batch.run(NOW_MS, revoke, store.org, key.row["id"])

    with pytest.raises(Unauthorized):
        check(batch, key)


def test_a_secret_that_is_replaced_earlier_in_the_batch_is_refused(
    store: Store, batch: Batch, key: IssuedKey
) -> None:
    check(batch, key)

    batch.run(NOW_MS, regenerate, store.org, key.row["id"], Grants(), is_live=False)

    with pytest.raises(Unauthorized):
        check(batch, key)


def test_a_scope_that_is_narrowed_earlier_in_the_batch_holds(
    store: Store, batch: Batch, key: IssuedKey
) -> None:
    check(batch, key)

    changes = KeyChanges(queues=("other",))
    batch.run(NOW_MS, change, store.org, key.row["id"], changes, Grants(), None)

    with pytest.raises(AccessDenied):
        check(batch, key)


def test_a_key_that_expires_during_the_batch_is_refused(store: Store) -> None:
    key = store.run(issue, store.org, a_key(expires_at_ms=NOW_MS + 1), is_live=False)
    store._connection.execute("BEGIN IMMEDIATE")
    batch = Batch(store._connection, HOOKS, Ids(2))
    check(batch, key)

    with pytest.raises(Unauthorized):
        check(batch, key, now_ms=NOW_MS + 1)

    store._connection.execute("ROLLBACK")
