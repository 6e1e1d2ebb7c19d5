from typing import Any

import pytest

from spooled_lite.plans import (
    TIERS,
    caps_of,
    next_tier,
    payload_bytes_max,
    tier_limits,
)

# Contract: platform, section 5.1.
TABLE = {
    "max_jobs_per_day": (1_000, 10_000, 100_000, None),
    "max_active_jobs": (10, 500, 5_000, None),
    "max_queues": (2, 10, 50, None),
    "max_workers": (1, 5, 25, None),
    "max_api_keys": (2, 5, 25, None),
    "max_schedules": (1, 10, 50, None),
    "max_workflows": (0, 5, 25, None),
    "max_webhooks": (1, 5, 20, None),
    "max_payload_size_bytes": (65_536, 262_144, 1_048_576, 1_048_576),
    "rate_limit_requests_per_second": (5, 25, 100, 500),
    "rate_limit_burst": (10, 50, 200, 1_000),
    "job_retention_days": (3, 14, 30, 90),
    "history_retention_days": (1, 7, 30, 90),
}


@pytest.mark.parametrize("field", TABLE)
def test_the_tiers_are_those_of_the_contract(field: str) -> None:
    assert tuple(TIERS) == ("free", "starter", "pro", "enterprise")
    assert tuple(getattr(limits, field) for limits in TIERS.values()) == TABLE[field]


@pytest.mark.parametrize("tier", ["deleted", "", "gold"])
def test_an_unknown_tier_is_as_free(tier: str) -> None:
    assert tier_limits(tier) == TIERS["free"]
    caps = caps_of(tier, None, enforced=True)
    assert caps is not None
    assert (caps.plan, caps.upgrade_to, caps.limits["queues"]) == ("free", "starter", 2)


def test_without_enforcement_nothing_is_capped() -> None:
    for tier in (*TIERS, "deleted"):
        assert caps_of(tier, None, enforced=False) is None
        assert caps_of(tier, {}, enforced=False) is None


def test_with_enforcement_the_tier_counts() -> None:
    caps = caps_of("free", None, enforced=True)

    assert caps is not None
    assert caps.limits == {
        "jobs_per_day": 1_000, "active_jobs": 10, "queues": 2, "workers": 1, "api_keys": 2,
        "schedules": 1, "workflows": 0, "webhooks": 1,
    }  # fmt: skip
    assert caps_of("enterprise", None, enforced=True) is None


@pytest.mark.parametrize("enforced", [True, False])
def test_a_custom_limit_always_counts(enforced: bool) -> None:
    caps = caps_of("enterprise", {"max_queues": 7, "max_active_jobs": 0}, enforced=enforced)

    assert caps is not None
    assert caps.limits == {"queues": 7, "active_jobs": 0}
    assert (caps.plan, caps.upgrade_to) == ("enterprise", None)


def test_a_custom_null_lifts_the_limit_of_the_tier() -> None:
    caps = caps_of("free", {"max_queues": None}, enforced=True)

    assert caps is not None
    assert "queues" not in caps.limits
    assert caps.limits["workers"] == 1


def test_other_custom_keys_cap_nothing() -> None:
    assert caps_of("free", {"job_retention_days": 5, "colour": 3}, enforced=False) is None


def test_each_tier_has_a_next_one_but_the_last() -> None:
    assert [next_tier(tier) for tier in (*TIERS, "gold")] == [
        "starter", "pro", "enterprise", None, "starter",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tier", "custom", "enforced", "expected"),
    [
        ("free", None, False, 1_048_576),
        ("free", None, True, 65_536),
        ("pro", None, True, 1_048_576),
        ("free", {"max_payload_size_bytes": 100}, False, 100),
        ("free", {"max_payload_size_bytes": 100_000}, True, 100_000),
        ("free", {"max_payload_size_bytes": 10**9}, True, 1_048_576),
        ("free", {"max_payload_size_bytes": None}, True, 65_536),
    ],
)
def test_the_smallest_size_that_counts_is_the_limit(
    tier: str, custom: dict[str, Any] | None, enforced: bool, expected: int
) -> None:
    assert payload_bytes_max(tier, custom, enforced=enforced, server_max=1_048_576) == expected
