"""Closing an organization and opening it again. Contract: platform, section 11."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.core.keys.administer import change_organization, reset_usage, soft_delete
from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.records import hash_of
from spooled_lite.core.keys.revoke import revoke
from spooled_lite.core.keys.verify import find_by_hash
from spooled_lite.core.orgs.records import OrganizationChanges
from spooled_lite.errors import NotFound
from tests.core.stage import Stage, a_stage
from tests.factories import a_key


@pytest.fixture
def stage() -> Iterator[Stage]:
    yield from a_stage()


def org_id(stage: Stage) -> str:
    found: str = stage.value("SELECT id FROM organizations WHERE seq = :org", org=stage.org)
    return found


def keys(stage: Stage) -> list[tuple[int, int]]:
    rows = stage.rows("SELECT is_active, is_off_with_org FROM api_keys ORDER BY seq")
    return [(row["is_active"], row["is_off_with_org"]) for row in rows]


def give_tier(stage: Stage, tier: str) -> Any:
    changes = OrganizationChanges({"plan_tier": tier})
    return stage.run(change_organization, org_id(stage), changes)


def test_closing_switches_off_what_was_on_and_opening_brings_only_that_back(stage: Stage) -> None:
    stage.run(issue, stage.org, a_key(name="on"), is_live=False)
    revoked = stage.run(issue, stage.org, a_key(name="off"), is_live=False)
    stage.run(revoke, stage.org, revoked.row["id"])

    stage.run(soft_delete, org_id(stage))
    assert keys(stage) == [(0, 1), (0, 0)]

    give_tier(stage, "pro")
    assert keys(stage) == [(1, 0), (0, 0)]


def test_closing_is_announced_once(stage: Stage) -> None:
    for _ in range(2):
        stage.run(soft_delete, org_id(stage))

    assert stage.happened() == ["org.changed"]


def test_keys_of_others_stay_as_they_are(stage: Stage) -> None:
    stage.run(issue, stage.other_org(), a_key(), is_live=False)

    stage.run(soft_delete, org_id(stage))

    assert keys(stage) == [(1, 0)]


def test_a_key_of_a_closed_organization_is_one_of_a_deleted_one(stage: Stage) -> None:
    stage.run(soft_delete, org_id(stage))
    issued = stage.run(issue, stage.org, a_key(), is_live=False)

    closed = stage.read(find_by_hash, hash_of(issued.secret))
    give_tier(stage, "free")
    opened = stage.read(find_by_hash, hash_of(issued.secret))

    assert closed is not None
    assert (closed.is_active, closed.org_is_deleted) == (True, True)
    assert opened is not None
    assert (opened.is_active, opened.org_is_deleted) == (True, False)


def test_another_tier_of_an_open_organization_switches_no_key(stage: Stage) -> None:
    key = stage.run(issue, stage.org, a_key(), is_live=False)
    stage.run(revoke, stage.org, key.row["id"])

    give_tier(stage, "starter")

    assert keys(stage) == [(0, 0)]


def usage(stage: Stage) -> dict[tuple[str, str], int]:
    rows = stage.rows("SELECT period, name, value FROM usage_counters")
    return {(row["period"], row["name"]): row["value"] for row in rows}


def test_a_reset_takes_the_jobs_of_the_day_and_nothing_else(stage: Stage) -> None:
    stage.enqueue()
    stage.complete(stage.claim()[0])
    before = usage(stage)

    stage.run(reset_usage, org_id(stage))

    today = ("2027-01-15", "jobs_created")
    assert today in before
    assert usage(stage) == {name: value for name, value in before.items() if name != today}


def test_who_is_removed_for_good_cannot_be_opened(stage: Stage) -> None:
    stage.rows("UPDATE organizations SET deleted_at_ms = 1")

    for act in (soft_delete, reset_usage):
        with pytest.raises(NotFound):
            stage.run(act, org_id(stage))
    with pytest.raises(NotFound):
        give_tier(stage, "pro")
