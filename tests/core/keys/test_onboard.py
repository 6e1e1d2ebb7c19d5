"""How an organization enters, and the window in which it needs no key for another one."""

import pytest

from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.onboard import (
    WINDOW_KEYS_MAX,
    WINDOW_MS,
    IssuedFor,
    Onboarded,
    issue_by_admin,
    issue_in_window,
    onboard,
)
from spooled_lite.core.keys.verify import note_use
from spooled_lite.core.orgs.records import OrganizationChanges
from spooled_lite.core.orgs.update import update
from spooled_lite.errors import NotFound, QuotaExceeded, RuleBroken, Unauthorized
from spooled_lite.plans import Plans
from tests.core.store import Store
from tests.factories import a_key, an_org


@pytest.fixture
def made(store: Store) -> Onboarded:
    return store.run(onboard, an_org(slug="new", tier="free"), is_live=False)


def in_window(
    store: Store, org_id: str, *, is_enforced: bool = False, **fields: object
) -> IssuedFor:
    return store.run(
        issue_in_window,
        org_id,
        a_key(**fields),
        Plans(),
        is_enforced=is_enforced,
        is_live=False,
    )


def test_an_organization_enters_with_an_unrestricted_key(store: Store, made: Onboarded) -> None:
    key = made.key.row

    assert (key["org"], key["name"]) == (made.row["seq"], "Initial Admin Key")
    assert (key["queues"], key["permissions"], key["rate_limit"]) == ('["*"]', None, None)
    assert key["expires_at_ms"] is None
    assert made.row["webhook_token"].startswith("whk_")


def test_nothing_is_left_of_one_that_cannot_be_made(store: Store) -> None:
    before = store.value("SELECT count(*) FROM organizations")

    with pytest.raises(Exception, match="slug"):
        store.run(onboard, an_org(slug="acme"), is_live=False)

    assert store.value("SELECT count(*) FROM organizations") == before
    assert store.value("SELECT count(*) FROM api_keys") == 0


def test_the_window_is_open_until_a_key_is_used(store: Store, made: Onboarded) -> None:
    issued = in_window(store, made.row["id"], permissions=("jobs:read",))
    store.clock.advance(seconds=WINDOW_MS / 1000 - 1)
    in_window(store, made.row["id"])

    store.run(note_use, issued.key.row["seq"])

    assert issued.org_id == made.row["id"]
    with pytest.raises(Unauthorized):
        in_window(store, made.row["id"])


def test_the_window_closes_after_an_hour(store: Store, made: Onboarded) -> None:
    store.clock.advance(seconds=WINDOW_MS / 1000)

    with pytest.raises(Unauthorized):
        in_window(store, made.row["id"])


def test_an_unknown_organization_looks_like_a_closed_window(store: Store) -> None:
    with pytest.raises(Unauthorized):
        in_window(store, "nobody")


def test_the_window_lets_no_crowd_in(store: Store, made: Onboarded) -> None:
    for _ in range(WINDOW_KEYS_MAX - 1):
        store.run(issue, made.row["seq"], a_key(), is_live=False)

    with pytest.raises(Unauthorized):
        in_window(store, made.row["id"])


@pytest.mark.parametrize("change", [{"is_active": 0}, {"plan_tier": "deleted"}])
def test_a_suspended_organization_has_no_window(
    store: Store, made: Onboarded, change: dict[str, object]
) -> None:
    store.run(update, made.row["seq"], OrganizationChanges(change))

    with pytest.raises(Unauthorized):
        in_window(store, made.row["id"])


def test_the_plan_counts_in_the_window_and_not_for_the_admin(store: Store, made: Onboarded) -> None:
    in_window(store, made.row["id"], is_enforced=True)

    with pytest.raises(QuotaExceeded):
        in_window(store, made.row["id"], is_enforced=True)
    store.run(issue_by_admin, made.row["id"], a_key(), is_live=False)


def test_a_bad_key_is_refused_in_the_window_as_well(store: Store, made: Onboarded) -> None:
    with pytest.raises(RuleBroken):
        in_window(store, made.row["id"], name="")


def test_the_admin_is_told_of_an_unknown_organization(store: Store) -> None:
    with pytest.raises(NotFound):
        store.run(issue_by_admin, "nobody", a_key(), is_live=False)
