"""Changing keys, new secrets for them, and what no key may give to another."""

from typing import Any

import pytest
from msgspec import UNSET

from spooled_lite.core.keys.change import change, regenerate
from spooled_lite.core.keys.issue import issue, issue_with
from spooled_lite.core.keys.records import Grants, IssuedKey, KeyChanges, Scope
from spooled_lite.core.keys.revoke import get_key, revoke
from spooled_lite.core.keys.verify import find_by_hash
from spooled_lite.core.keys.words import implied_words
from spooled_lite.errors import AccessDenied, NotFound, QuotaExceeded, RuleBroken
from spooled_lite.plans import Caps
from tests.core.store import Store
from tests.factories import a_key

ALL = Grants()
TWO_KEYS = Caps("free", "starter", {"api_keys": 2})


def words(*given: str) -> Grants:
    return Grants(words=implied_words(given))


def made(store: Store, **fields: Any) -> IssuedKey:
    return store.run(issue, store.org, a_key(**fields), is_live=False)


def changed(
    store: Store, key: IssuedKey, grants: Grants = ALL, caps: Caps | None = None, **fields: Any
) -> Any:
    return store.run(change, store.org, key.row["id"], KeyChanges(**fields), grants, caps)


def test_what_a_change_says_nothing_about_is_kept(store: Store) -> None:
    key = made(store, queues=("a",), permissions=("jobs:read",), rate_limit=5)
    store.events.clear()
    store.clock.advance(seconds=1)

    row = changed(store, key, name="new name")

    different = {name for name, _ in dict(row).items() ^ dict(key.row).items()}
    assert different == {"name", "updated_at_ms"}
    assert [event.type for event in store.events] == ["key.changed"]


@pytest.mark.parametrize(("given", "rate_limit"), [(UNSET, 5), (None, None), (7, 7)])
def test_null_clears_the_rate_limit_and_nothing_else(
    store: Store, given: Any, rate_limit: int | None
) -> None:
    key = made(store, rate_limit=5)

    assert changed(store, key, rate_limit=given)["rate_limit"] == rate_limit


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"name": ""}, "name", "length"),
        ({"name": "a/b"}, "name", "invalid_name_chars"),
        ({"queues": ("a b",)}, "queues[0]", "invalid_queue_chars"),
        ({"rate_limit": 0}, "rate_limit", "range"),
        ({"rate_limit": 10_001}, "rate_limit", "range"),
        ({"permissions": ()}, "permissions", "length"),
        ({"permissions": ("A",)}, "permissions[0]", "unknown_permission"),
    ],
)
def test_a_change_obeys_the_rules_of_a_new_key(
    store: Store, fields: dict[str, Any], field: str, code: str
) -> None:
    key = made(store)

    with pytest.raises(RuleBroken) as caught:
        changed(store, key, **fields)

    [problem] = caught.value.details
    assert (problem.field, problem.code) == (field, code)


def test_a_key_that_has_expired_can_still_be_renamed(store: Store) -> None:
    key = made(store, expires_at_ms=store.clock.now_ms() + 1)
    store.clock.advance(seconds=1)

    assert changed(store, key, name="old")["name"] == "old"


def test_a_key_that_is_switched_on_again_counts(store: Store) -> None:
    key = made(store)
    store.run(revoke, store.org, key.row["id"])
    for _ in range(2):
        made(store)

    with pytest.raises(QuotaExceeded):
        changed(store, key, caps=TWO_KEYS, is_active=True)
    assert changed(store, key, caps=TWO_KEYS, name="x")["is_active"] == 0
    assert changed(store, key, is_active=True)["is_active"] == 1


def test_a_key_that_is_on_can_be_told_so_at_the_cap(store: Store) -> None:
    key, _ = made(store), made(store)

    assert changed(store, key, caps=TWO_KEYS, is_active=True)["is_active"] == 1
    with pytest.raises(QuotaExceeded):
        store.run(issue_with, store.org, a_key(), ALL, TWO_KEYS, is_live=False)


# -- what may be given ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grants", "key", "is_allowed"),
    [
        (ALL, {}, True),
        (ALL, {"permissions": ("jobs:read",), "queues": ("a",)}, True),
        (words("*"), {}, True),
        (words("api-keys:write"), {}, False),
        (words("api-keys:write"), {"permissions": ("api-keys:read",)}, True),
        (words("api-keys:write"), {"permissions": ("api-keys:*",)}, False),
        (words("api-keys:*"), {"permissions": ("api-keys:*",)}, True),
        (words("jobs:write"), {"permissions": ("queues:read", "workflows:write")}, True),
        (words("queues:write"), {"permissions": ("jobs:read",)}, False),
        (words("jobs:write"), {"permissions": ("users:read",)}, False),
        (words("jobs:write"), {"permissions": ("*",)}, False),
        (Grants(Scope(("a", "b*"))), {"queues": ("a", "bx", "b*")}, True),
        (Grants(Scope(("a", "b*"))), {"queues": ("c",)}, False),
        (Grants(Scope(("a", "b*"))), {"queues": ("bb*",)}, False),
        (Grants(Scope(("a",))), {"queues": ()}, False),
        (Grants(Scope(("a",))), {"queues": ("*",)}, False),
    ],
)
def test_a_new_key_has_no_more_than_its_maker(
    store: Store, grants: Grants, key: dict[str, Any], is_allowed: bool
) -> None:
    def run() -> None:
        store.run(issue_with, store.org, a_key(**key), grants, None, is_live=False)

    if is_allowed:
        run()
    else:
        with pytest.raises(AccessDenied):
            run()
    assert store.value("SELECT count(*) FROM api_keys") == is_allowed


def test_a_change_gives_no_more_either(store: Store) -> None:
    key, grants = made(store, permissions=("jobs:read",)), words("api-keys:write")

    with pytest.raises(AccessDenied):
        changed(store, key, grants, permissions=("jobs:write",))
    with pytest.raises(AccessDenied):
        changed(store, key, Grants(Scope(("a",))), queues=("b",))
    assert changed(store, key, grants, permissions=("api-keys:read",))["permissions"]


def test_whoever_has_less_may_rename_and_revoke_but_not_revive(store: Store) -> None:
    key, grants = made(store, permissions=("jobs:read",)), words("api-keys:write")

    assert changed(store, key, grants, name="renamed", rate_limit=1)["name"] == "renamed"
    assert changed(store, key, grants, is_active=False)["is_active"] == 0
    with pytest.raises(AccessDenied):
        changed(store, key, grants, is_active=True)


def test_whoever_lacks_its_permissions_may_take_queues_from_a_key_and_give_it_none(
    store: Store,
) -> None:
    key, grants = made(store, queues=("a", "b")), words("api-keys:write")

    assert changed(store, key, grants, queues=("a",))["queues"] == '["a"]'
    for queues in ((), ("*",), ("a", "b"), ("c",)):
        with pytest.raises(AccessDenied):
            changed(store, key, grants, queues=queues)


# -- new secrets -----------------------------------------------------------------------------------


def test_a_new_secret_replaces_the_old_one(store: Store) -> None:
    key = made(store, queues=("a",))
    store.events.clear()

    fresh = store.run(regenerate, store.org, key.row["id"], ALL, is_live=True)

    assert fresh.secret.startswith("sk_live_")
    assert fresh.row["key_prefix"] == fresh.secret[:12]
    assert (fresh.row["id"], fresh.row["queues"]) == (key.row["id"], '["a"]')
    assert [event.type for event in store.events] == ["key.changed"]
    hashes = [bytes(row[0]) for row in store.rows("SELECT key_hash FROM api_keys")]
    assert len(hashes) == 1
    found = store.run(find_by_hash, hashes[0])
    assert found is not None
    assert found.key_id == key.row["id"]


def test_nobody_gets_hold_of_a_stronger_key_by_its_new_secret(store: Store) -> None:
    key = made(store)

    with pytest.raises(AccessDenied):
        store.run(regenerate, store.org, key.row["id"], words("api-keys:write"), is_live=False)


def test_a_revoked_key_stays_revoked(store: Store) -> None:
    key = made(store)
    store.run(revoke, store.org, key.row["id"])

    fresh = store.run(regenerate, store.org, key.row["id"], ALL, is_live=False)

    assert fresh.row["is_active"] == 0


def test_a_key_of_another_organization_is_not_found(store: Store) -> None:
    key = made(store)
    other = store.org + 1

    for operation, arguments in (
        (get_key, ()),
        (change, (KeyChanges(), ALL, None)),
        (revoke, ()),
    ):
        with pytest.raises(NotFound):
            store.run(operation, other, key.row["id"], *arguments)
    with pytest.raises(NotFound):
        store.run(regenerate, other, key.row["id"], ALL, is_live=False)
