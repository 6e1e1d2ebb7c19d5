"""Keys: how they are made, what is kept of them, which rules they obey."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.core.keys.first_start import first_start
from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.records import hash_of
from spooled_lite.core.keys.revoke import list_keys, revoke
from spooled_lite.core.keys.verify import LAST_USED_EVERY_MS, find_by_hash, note_use
from spooled_lite.core.orgs.create import create
from spooled_lite.errors import NotFound, RuleBroken
from tests.core.store import NOW_MS, Store
from tests.factories import a_key, an_org


@pytest.mark.parametrize(("is_live", "start"), [(True, "sk_live_"), (False, "sk_test_")])
def test_a_key_is_its_prefix_and_43_characters(store: Store, is_live: bool, start: str) -> None:
    issued = store.run(issue, store.org, a_key(), is_live=is_live)

    assert re.fullmatch(start + r"[A-Za-z0-9_-]{43}", issued.secret)
    assert issued.row["key_prefix"] == issued.secret[:12]


def test_only_the_hash_of_a_key_is_kept(store: Store) -> None:
    issued = store.run(issue, store.org, a_key(), is_live=False)

    [row] = store.rows("SELECT * FROM api_keys")
    assert row["key_hash"] == hashlib.sha256(issued.secret.encode()).digest()
    assert issued.secret not in [value for value in row if isinstance(value, str)]


def test_issuing_is_announced_without_hash_or_secret(store: Store) -> None:
    issued = store.run(issue, store.org, a_key(), is_live=False)

    [event] = store.events
    assert (event.type, event.org, event.row["id"]) == ("key.changed", store.org, issued.row["id"])
    with pytest.raises(IndexError):
        event.row["key_hash"]


def test_what_a_key_may_do_is_found_by_its_hash(store: Store) -> None:
    key = a_key(queues=("a", "b*"), permissions=("jobs:read",), rate_limit=5)
    issued = store.run(issue, store.org, key, is_live=False)

    found = store.run(find_by_hash, hash_of(issued.secret))

    assert found is not None
    assert (found.org, found.key_id) == (store.org, issued.row["id"])
    assert found.scope.entries == ("a", "b*")
    assert (found.permissions, found.rate_limit) == (("jobs:read",), 5)
    assert (found.is_active, found.org_is_active, found.org_is_deleted) == (True, True, False)
    assert (found.plan_tier, found.custom_limits) == ("enterprise", None)


def test_both_spellings_of_a_prefix_are_one_key(store: Store) -> None:
    issued = store.run(issue, store.org, a_key(), is_live=True)

    assert hash_of("sp_" + issued.secret[3:]) == hash_of(issued.secret)


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"name": ""}, "name", "length"),
        ({"name": "x" * 101}, "name", "length"),
        ({"name": "a/b"}, "name", "invalid_name_chars"),
        ({"queues": ("q",) * 51}, "queues", "too_many_queues"),
        ({"queues": ("a", "")}, "queues[1]", "length"),
        ({"queues": ("x" * 256,)}, "queues[0]", "length"),
        ({"queues": ("a b",)}, "queues[0]", "invalid_queue_chars"),
        ({"permissions": ()}, "permissions", "length"),
        ({"permissions": ("*",) * 51}, "permissions", "length"),
        ({"permissions": ("*", "Jobs:read")}, "permissions[1]", "unknown_permission"),
        ({"permissions": ("jobs:wriet",)}, "permissions[0]", "unknown_permission"),
        ({"permissions": ("x" * 65,)}, "permissions[0]", "unknown_permission"),
        ({"rate_limit": 0}, "rate_limit", "range"),
        ({"rate_limit": 10_001}, "rate_limit", "range"),
        ({"expires_at_ms": NOW_MS}, "expires_at", "expires_in_past"),
    ],
)
def test_a_broken_rule_is_named_and_nothing_is_stored(
    store: Store, fields: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(RuleBroken) as caught:
        store.run(issue, store.org, a_key(**fields), is_live=False)

    assert [(each.field, each.code) for each in caught.value.details] == [(field, code)]
    assert field in caught.value.message
    assert store.rows("SELECT * FROM api_keys") == []


def test_the_limits_of_the_rules_are_allowed(store: Store) -> None:
    key = a_key(
        name="Ä name (1) of_a-key." + "x" * 80,
        queues=("x" * 255, "*", "a.b-c_d*"),
        permissions=("api-keys:write", "jobs:*"),
        rate_limit=10_000,
        expires_at_ms=NOW_MS + 1,
    )

    assert store.run(issue, store.org, key, is_live=False).row["rate_limit"] == 10_000


def test_revoking_is_announced_once_and_may_be_repeated(store: Store) -> None:
    issued = store.run(issue, store.org, a_key(), is_live=False)
    store.events.clear()

    store.run(revoke, store.org, issued.row["id"])
    store.run(revoke, store.org, issued.row["id"])

    found = store.run(find_by_hash, hash_of(issued.secret))
    assert found is not None
    assert not found.is_active
    assert [event.type for event in store.events] == ["key.changed"]


def test_a_foreign_key_is_not_found(store: Store) -> None:
    other: int = store.run(create, an_org(slug="other"))["seq"]
    issued = store.run(issue, other, a_key(), is_live=False)

    with pytest.raises(NotFound):
        store.run(revoke, store.org, issued.row["id"])
    with pytest.raises(NotFound):
        store.run(revoke, store.org, "no-such-key")


def test_keys_are_listed_newest_first_with_the_revoked(store: Store) -> None:
    names = ["first", "second", "third"]
    for name in names:
        issued = store.run(issue, store.org, a_key(name=name), is_live=False)
        store.clock.advance(seconds=1)
    store.run(revoke, store.org, issued.row["id"])

    rows = store.run(list_keys, store.org)

    assert [row["name"] for row in rows] == ["third", "second", "first"]
    assert [row["is_active"] for row in rows] == [0, 1, 1]
    assert "key_hash" not in rows[0].keys()  # noqa: SIM118 - a row is searched by value


def test_use_is_noted_at_most_once_in_five_minutes(store: Store) -> None:
    key = store.run(issue, store.org, a_key(), is_live=False).row["seq"]
    noted = []

    for step_ms in (0, LAST_USED_EVERY_MS - 1, 1):
        store.clock.advance(seconds=step_ms / 1000)
        store.run(note_use, key)
        noted.append(store.value("SELECT last_used_ms FROM api_keys") - NOW_MS)

    assert noted == [0, 0, LAST_USED_EVERY_MS]


# -- the first start -----------------------------------------------------------------------------


@pytest.fixture
def new_file() -> Iterator[Store]:
    store = Store()
    store.run(lambda tx: tx.execute("DELETE FROM organizations"))
    yield store
    store.close()


def test_the_first_start_makes_an_organization_and_a_key(new_file: Store) -> None:
    entry = new_file.run(first_start, bootstrap_key=None, is_live=False)

    [org] = new_file.rows("SELECT * FROM organizations")
    key = entry.key
    assert (org["name"], org["slug"], org["plan_tier"]) == ("default", "default", "enterprise")
    assert key is not None
    assert entry.organization_id == org["id"]
    found = new_file.run(find_by_hash, hash_of(key))
    assert found is not None
    assert (found.org, found.scope.is_unrestricted) == (org["seq"], True)


def test_the_next_start_makes_nothing_and_knows_no_key(new_file: Store) -> None:
    new_file.run(first_start, bootstrap_key=None, is_live=False)

    assert new_file.run(first_start, bootstrap_key=None, is_live=False).key is None
    assert new_file.value("SELECT count(*) FROM organizations") == 1
    assert new_file.value("SELECT count(*) FROM api_keys") == 1
