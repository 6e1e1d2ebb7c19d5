"""What an organization uses, and what is said about it: platform, section 5.4."""

from typing import Any

import msgspec
import pytest

from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.revoke import revoke
from spooled_lite.core.orgs.create import create, get_organization
from spooled_lite.core.orgs.records import OrganizationChanges
from spooled_lite.core.orgs.update import update
from spooled_lite.core.orgs.usage import OrgUsage
from spooled_lite.core.orgs.usage import usage_of as find_usage
from spooled_lite.plans import Plans
from spooled_lite.storage.counters import DAY_MS
from spooled_lite.wire.shapes.usage import UsageWarning
from tests.core.stage import Stage
from tests.factories import a_key, an_org


def usage_of(stage: Stage, org: int | None = None) -> OrgUsage:
    row = stage.read(get_organization, stage.org if org is None else org)
    return stage.read(find_usage, row, Plans())


def org_with(stage: Stage, tier: str, **custom_limits: Any) -> int:
    custom = msgspec.json.encode(custom_limits) if custom_limits else None
    row = stage.run(create, an_org(slug=None, tier=tier, custom_limits=custom))
    seq: int = row["seq"]
    return seq


def test_everything_is_counted(stage: Stage) -> None:
    stage.enqueue("a")
    stage.enqueue("b")
    [job] = stage.claim("a")
    stage.complete(job)
    kept, gone = (stage.run(issue, stage.org, a_key(), is_live=False) for _ in range(2))
    stage.run(revoke, stage.org, gone.row["id"])

    used = {name: each.current for name, each in usage_of(stage).resources.items()}

    assert used == {
        "jobs_per_day": 2,
        "active_jobs": 1,
        "queues": 2,
        "workers": 0,
        "api_keys": 1,
        "schedules": 0,
        "workflows": 0,
        "webhooks": 0,
    }
    assert kept.row["is_active"]


def test_a_new_day_begins_at_nought(stage: Stage) -> None:
    stage.enqueue("a")

    stage.clock.advance(seconds=DAY_MS / 1000)

    used = usage_of(stage).resources
    assert (used["jobs_per_day"].current, used["active_jobs"].current) == (0, 1)


def test_without_limits_there_are_no_percents_and_no_warnings(stage: Stage) -> None:
    found = usage_of(stage)

    assert found.limits.tier == "enterprise"
    assert found.near_limits == []
    for used in found.resources.values():
        assert (used.limit, used.percentage) == (None, None)


def test_the_limits_of_the_tier_are_all_there(stage: Stage) -> None:
    told = usage_of(stage, org_with(stage, "free"))

    assert msgspec.to_builtins(told.limits) == {
        "tier": "free",
        "max_jobs_per_day": 1_000,
        "max_active_jobs": 10,
        "max_queues": 2,
        "max_workers": 1,
        "max_api_keys": 2,
        "max_schedules": 1,
        "max_workflows": 0,
        "max_webhooks": 1,
        "max_payload_size_bytes": 65_536,
        "rate_limit_requests_per_second": 5,
        "rate_limit_burst": 10,
        "job_retention_days": 3,
        "history_retention_days": 1,
    }


def test_what_a_plan_does_not_have_is_disabled(stage: Stage) -> None:
    workflows = usage_of(stage, org_with(stage, "free")).resources["workflows"]

    assert (workflows.limit, workflows.percentage) == (0, None)


def test_an_own_limit_replaces_that_of_the_tier(stage: Stage) -> None:
    org = org_with(
        stage,
        "free",
        max_queues=7,
        max_active_jobs=None,
        job_retention_days=None,
        rate_limit_burst=3,
        unknown=1,
    )

    limits = usage_of(stage, org).limits

    assert (limits.max_queues, limits.max_active_jobs, limits.rate_limit_burst) == (7, None, 3)
    assert (limits.job_retention_days, limits.max_workers) == (3, 1)


@pytest.mark.parametrize(
    ("tier", "limit", "used", "severity"),
    [
        ("free", 10, 4, None),
        ("free", 10, 5, "warning"),
        ("free", 10, 10, "critical"),
        ("free", 10, 11, "critical"),
        ("pro", 10, 7, None),
        ("pro", 10, 8, "warning"),
        ("pro", 10, 10, "critical"),
        ("pro", 0, 1, None),
    ],
)
def test_whoever_comes_near_a_limit_is_warned(
    stage: Stage, tier: str, limit: int, used: int, severity: str | None
) -> None:
    org = org_with(stage, tier, max_api_keys=limit)
    for _ in range(used):
        stage.run(issue, org, a_key(), is_live=False)

    found = usage_of(stage, org)

    warnings = [UsageWarning.of(each) for each in found.near_limits]
    assert [each.severity for each in warnings] == ([severity] if severity else [])
    for each in warnings:
        assert (each.resource, each.current, each.limit) == ("api_keys", used, limit)
        assert f"api keys ({used}/{limit})" in each.message
    assert found.resources["api_keys"].percentage == (100 * used / limit if limit else None)


def test_jobs_of_a_day_are_warned_of_by_their_name_in_a_refusal(stage: Stage) -> None:
    own = msgspec.json.encode({"max_jobs_per_day": 1})
    stage.run(update, stage.org, OrganizationChanges({"custom_limits": own}))
    stage.enqueue("a")

    [warning] = usage_of(stage).near_limits

    assert warning.resource == "jobs_per_day"


def test_a_tier_that_nobody_knows_is_free(stage: Stage) -> None:
    stage.run(update, stage.org, OrganizationChanges({"plan_tier": "deleted"}))

    assert usage_of(stage).limits.max_queues == 2
