"""The key that the settings bring: made at the first start, and never brought back."""

from collections.abc import Callable, Iterator

import pytest

from spooled_lite.core.keys.bootstrap import ensure_key
from spooled_lite.core.keys.change import change, regenerate
from spooled_lite.core.keys.first_start import first_start
from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.records import Grants, KeyChanges, hash_of
from spooled_lite.core.keys.revoke import revoke
from spooled_lite.core.keys.verify import find_by_hash
from spooled_lite.core.maintenance.remove_org import delete_organization, remove_deleted
from spooled_lite.core.orgs.create import create
from spooled_lite.storage.transaction import Tx
from tests.core.store import Store
from tests.factories import a_key, an_org

BOOTSTRAP = "sk_live_0123456789abcdefghij"
Act = Callable[[Tx, int, str], None]

ANOTHER = "sk_live_jihgfedcba9876543210"


def key_id_of(store: Store, secret: str = BOOTSTRAP) -> str:
    found = store.run(find_by_hash, hash_of(secret))
    assert found is not None
    return found.key_id


def is_good(store: Store, secret: str = BOOTSTRAP) -> bool:
    found = store.run(find_by_hash, hash_of(secret))
    return found is not None and found.is_active and not found.org_is_deleted


def test_it_is_made_once(store: Store) -> None:
    store.run(ensure_key, store.org, BOOTSTRAP)
    again = store.run(ensure_key, store.org, "sp_" + BOOTSTRAP[3:])

    [row] = store.rows("SELECT * FROM api_keys")
    assert row["key_hash"] == hash_of(BOOTSTRAP)
    assert row["key_prefix"] == BOOTSTRAP[:12]
    assert (again.is_good, again.warnings) == (True, ())
    assert len(store.events) == 1


def test_it_stays_with_its_organization(store: Store) -> None:
    other: int = store.run(create, an_org(slug="other"))["seq"]
    store.run(ensure_key, other, BOOTSTRAP)

    store.run(ensure_key, store.org, BOOTSTRAP)

    assert store.value("SELECT org FROM api_keys") == other


# -- what was taken back stays so ------------------------------------------------------------------


def revoke_it(tx: Tx, org: int, key_id: str) -> None:
    revoke(tx, org, key_id)


def switch_it_off(tx: Tx, org: int, key_id: str) -> None:
    change(tx, org, key_id, KeyChanges(is_active=False), Grants(), None)


def give_it_another_secret(tx: Tx, org: int, key_id: str) -> None:
    regenerate(tx, org, key_id, Grants(), is_live=True)


def let_it_end(tx: Tx, org: int, key_id: str) -> None:
    tx.execute("UPDATE api_keys SET expires_at_ms = :now_ms", {"now_ms": tx.now_ms})


def revoke_it_and_delete_its_organization(tx: Tx, org: int, key_id: str) -> None:
    revoke(tx, org, key_id)
    delete_organization(tx, org, even_if_busy=True)


@pytest.mark.parametrize(
    "act",
    [
        revoke_it,
        switch_it_off,
        give_it_another_secret,
        let_it_end,
        revoke_it_and_delete_its_organization,
    ],
)
def test_a_start_does_not_bring_back_what_was_taken_back_and_says_so(
    store: Store, act: Act
) -> None:
    store.run(ensure_key, store.org, BOOTSTRAP)
    key_id = key_id_of(store)
    store.run(act, store.org, key_id)
    rows = store.rows("SELECT * FROM api_keys")
    store.events.clear()

    for _ in range(2):
        ensured = store.run(ensure_key, store.org, BOOTSTRAP)

        assert not ensured.is_good
        [warning] = ensured.warnings
        assert key_id in warning
        assert BOOTSTRAP not in warning
        assert [tuple(row) for row in store.rows("SELECT * FROM api_keys")] == [
            tuple(row) for row in rows
        ]
        assert store.events == []


def test_a_key_that_was_made_by_hand_and_revoked_is_not_brought_back_either(store: Store) -> None:
    issued = store.run(issue, store.org, a_key(), is_live=False)
    store.run(revoke, store.org, issued.row["id"])

    assert not store.run(ensure_key, store.org, issued.secret).is_good
    assert not is_good(store, issued.secret)


@pytest.mark.parametrize("act", [revoke_it, give_it_another_secret])
def test_what_was_taken_back_stays_so_when_its_organization_is_deleted(
    store: Store, act: Act
) -> None:
    store.run(ensure_key, store.org, BOOTSTRAP)
    key_id = key_id_of(store)
    store.run(act, store.org, key_id)
    store.run(delete_organization, store.org, even_if_busy=True)
    while store.run(remove_deleted).done:
        pass
    assert store.rows("SELECT * FROM api_keys") == []
    fresh: int = store.run(create, an_org(slug="fresh"))["seq"]

    for _ in range(2):
        ensured = store.run(ensure_key, fresh, BOOTSTRAP)

        assert not ensured.is_good
        assert key_id in ensured.warnings[0]
        assert store.rows("SELECT * FROM api_keys") == []


def test_one_that_went_with_its_organization_is_made_again(store: Store) -> None:
    store.run(ensure_key, store.org, BOOTSTRAP)
    store.run(delete_organization, store.org, even_if_busy=True)
    fresh: int = store.run(create, an_org(slug="fresh"))["seq"]

    assert store.run(ensure_key, fresh, BOOTSTRAP).is_good
    assert is_good(store)


# -- another one than before -----------------------------------------------------------------------


def test_the_earlier_key_that_is_still_active_is_named_once(store: Store) -> None:
    store.run(ensure_key, store.org, BOOTSTRAP)

    changed = store.run(ensure_key, store.org, ANOTHER)

    [warning] = changed.warnings
    assert changed.is_good
    assert key_id_of(store) in warning
    assert is_good(store)
    assert store.run(ensure_key, store.org, ANOTHER).warnings == ()


@pytest.mark.parametrize("act", [revoke_it, give_it_another_secret, let_it_end])
def test_an_earlier_key_that_opens_nothing_is_not_named(store: Store, act: Act) -> None:
    store.run(ensure_key, store.org, BOOTSTRAP)
    store.run(act, store.org, key_id_of(store))

    assert store.run(ensure_key, store.org, ANOTHER).warnings == ()


# -- the first start -------------------------------------------------------------------------------


@pytest.fixture
def new_file() -> Iterator[Store]:
    store = Store()
    store.run(lambda tx: tx.execute("DELETE FROM organizations"))
    yield store
    store.close()


def test_a_key_that_opens_nothing_is_not_the_one_to_enter_with(new_file: Store) -> None:
    entry = new_file.run(first_start, bootstrap_key=BOOTSTRAP, is_live=False)
    assert (entry.key, entry.warnings) == (BOOTSTRAP, ())
    org = new_file.value("SELECT seq FROM organizations")
    new_file.run(revoke, org, key_id_of(new_file))

    entry = new_file.run(first_start, bootstrap_key=BOOTSTRAP, is_live=False)

    assert entry.key is None
    assert len(entry.warnings) == 1


def test_a_bootstrap_key_is_the_only_key_of_a_new_file(new_file: Store) -> None:
    for _ in range(2):
        entry = new_file.run(first_start, bootstrap_key=BOOTSTRAP, is_live=False)
        assert entry.key == BOOTSTRAP

    assert new_file.value("SELECT count(*) FROM api_keys") == 1
    assert new_file.value("SELECT count(*) FROM organizations") == 1
