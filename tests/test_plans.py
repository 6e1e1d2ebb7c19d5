from typing import Any

import pytest

from spooled_lite.config import ConfigError, Settings, load
from spooled_lite.core.maintenance.prune import Retention
from spooled_lite.plan_values import BadPlanValue, plans_of
from spooled_lite.plans import TIERS, Limits, OwnLimits, Plans, next_tier
from spooled_lite.wire.rates.rate_limit import organization_rate

PLANS = Plans()
ALL = "SPOOLED_PLAN_LIMITS_JSON"
FREE = "SPOOLED_PLAN_FREE_LIMITS_JSON"

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
    assert PLANS.limits(tier) == TIERS["free"]
    caps = PLANS.caps_of(tier, None, enforced=True)
    assert caps is not None
    assert (caps.plan, caps.upgrade_to, caps.limits["queues"]) == ("free", "starter", 2)


def test_without_enforcement_nothing_is_capped() -> None:
    for tier in (*TIERS, "deleted"):
        assert PLANS.caps_of(tier, None, enforced=False) is None
        assert PLANS.caps_of(tier, OwnLimits(), enforced=False) is None


def test_with_enforcement_the_tier_counts() -> None:
    caps = PLANS.caps_of("free", None, enforced=True)

    assert caps is not None
    assert caps.limits == {
        "jobs_per_day": 1_000, "active_jobs": 10, "queues": 2, "workers": 1, "api_keys": 2,
        "schedules": 1, "workflows": 0, "webhooks": 1,
    }  # fmt: skip
    assert PLANS.caps_of("enterprise", None, enforced=True) is None


@pytest.mark.parametrize("enforced", [True, False])
def test_a_custom_limit_always_counts(enforced: bool) -> None:
    caps = PLANS.caps_of(
        "enterprise", OwnLimits(max_queues=7, max_active_jobs=0), enforced=enforced
    )

    assert caps is not None
    assert caps.limits == {"queues": 7, "active_jobs": 0}
    assert (caps.plan, caps.upgrade_to) == ("enterprise", None)


def test_a_custom_null_lifts_the_limit_of_the_tier() -> None:
    caps = PLANS.caps_of("free", OwnLimits(max_queues=None), enforced=True)

    assert caps is not None
    assert "queues" not in caps.limits
    assert caps.limits["workers"] == 1


def test_other_custom_keys_cap_nothing() -> None:
    own = OwnLimits.stored(b'{"job_retention_days": 5, "colour": "red"}')

    assert own == OwnLimits(job_retention_days=5)
    assert PLANS.caps_of("free", own, enforced=False) is None


def test_each_tier_has_a_next_one_but_the_last() -> None:
    assert [next_tier(tier) for tier in (*TIERS, "gold")] == [
        "starter", "pro", "enterprise", None, "starter",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tier", "own", "enforced", "expected"),
    [
        ("free", None, False, 1_048_576),
        ("free", None, True, 65_536),
        ("pro", None, True, 1_048_576),
        ("free", OwnLimits(max_payload_size_bytes=100), False, 100),
        ("free", OwnLimits(max_payload_size_bytes=100_000), True, 100_000),
        ("free", OwnLimits(max_payload_size_bytes=10**9), True, 1_048_576),
        ("free", OwnLimits(max_payload_size_bytes=None), True, 65_536),
    ],
)
def test_the_smallest_size_that_counts_is_the_limit(
    tier: str, own: OwnLimits | None, enforced: bool, expected: int
) -> None:
    found = PLANS.payload_bytes_max(tier, own, enforced=enforced, server_max=1_048_576)

    assert found == expected


# -- numbers of the operator's ----------------------------------------------------------------


def changed(values: dict[str, str]) -> dict[str, Any]:
    """What the variables change, as `tier.field`."""
    return {
        f"{tier}.{field}": getattr(limits, field)
        for tier, limits in plans_of(values).tiers.items()
        for field in Limits.__struct_fields__
        if getattr(limits, field) != getattr(TIERS[tier], field)
    }


def test_without_variables_the_tiers_are_those_of_the_contract() -> None:
    assert changed({}) == {}


@pytest.mark.parametrize(
    ("variable", "field"),
    [
        ("MAX_JOBS_PER_DAY", "max_jobs_per_day"),
        ("MAX_ACTIVE_JOBS", "max_active_jobs"),
        ("MAX_QUEUES", "max_queues"),
        ("MAX_WORKERS", "max_workers"),
        ("MAX_API_KEYS", "max_api_keys"),
        ("MAX_SCHEDULES", "max_schedules"),
        ("MAX_WORKFLOWS", "max_workflows"),
        ("MAX_WEBHOOKS", "max_webhooks"),
        ("MAX_PAYLOAD_SIZE_BYTES", "max_payload_size_bytes"),
        ("RATE_LIMIT_RPS", "rate_limit_requests_per_second"),
        ("RATE_LIMIT_BURST", "rate_limit_burst"),
        ("JOB_RETENTION_DAYS", "job_retention_days"),
        ("HISTORY_RETENTION_DAYS", "history_retention_days"),
    ],
)
def test_a_variable_replaces_one_number_of_one_tier(variable: str, field: str) -> None:
    assert changed({f"SPOOLED_PLAN_STARTER_{variable}": "77"}) == {f"starter.{field}": 77}


def test_one_object_replaces_numbers_of_several_tiers() -> None:
    text = '{"free": {"max_queues": 7, "max_workers": "none"}, "enterprise": {"max_queues": 9}}'

    assert changed({ALL: text}) == {
        "free.max_queues": 7, "free.max_workers": None, "enterprise.max_queues": 9,
    }  # fmt: skip


def test_an_object_of_a_tier_knows_the_names_of_variables_too() -> None:
    assert changed({FREE: '{"RATE_LIMIT_RPS": 9, "rate_limit_burst": 11}'}) == {
        "free.rate_limit_requests_per_second": 9, "free.rate_limit_burst": 11,
    }  # fmt: skip


def test_the_narrower_variable_wins() -> None:
    values = {
        "SPOOLED_PLAN_FREE_MAX_QUEUES": "3",
        FREE: '{"max_queues": 2000, "max_workers": 20}',
        ALL: '{"free": {"max_queues": 1000, "max_workers": 10, "max_webhooks": 5}}',
    }

    assert changed(values) == {
        "free.max_queues": 3, "free.max_workers": 20, "free.max_webhooks": 5,
    }  # fmt: skip


@pytest.mark.parametrize("word", ["unlimited", "None", " NULL ", "-1"])
def test_there_are_words_for_no_limit(word: str) -> None:
    assert changed({"SPOOLED_PLAN_FREE_MAX_QUEUES": word}) == {"free.max_queues": None}
    assert changed({FREE: f'{{"max_queues": "{word}"}}'}) == {"free.max_queues": None}


@pytest.mark.parametrize("value", ["null", "-1"])
def test_in_an_object_null_and_minus_one_are_no_limit(value: str) -> None:
    assert changed({FREE: f'{{"max_queues": {value}}}'}) == {"free.max_queues": None}


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("SPOOLED_PLAN_FREE_MAX_QUEUES", "many", "max_queues must be a whole number from 0"),
        ("SPOOLED_PLAN_FREE_MAX_QUEUES", "-2", "max_queues must be a whole number"),
        ("SPOOLED_PLAN_FREE_MAX_QUEUES", "1.5", "max_queues must be a whole number"),
        ("SPOOLED_PLAN_FREE_MAX_QUEUES", "9007199254740992", "max_queues must be a whole number"),
        ("SPOOLED_PLAN_FREE_MAX_QUEUES", "٣", "max_queues must be a whole number"),
        ("SPOOLED_PLAN_FREE_RATE_LIMIT_RPS", "0", "must be a whole number from 1"),
        ("SPOOLED_PLAN_FREE_MAX_PAYLOAD_SIZE_BYTES", "0", "must be a whole number from 1"),
        (FREE, "not json", "must be JSON"),
        (FREE, "[" * 5000, "must be JSON"),
        (FREE, "[]", "must be a JSON object"),
        (FREE, '{"max_queue": 1}', "there is no limit 'max_queue'; the nearest is max_queues"),
        (FREE, '{"max_queues": true}', "max_queues must be a whole number"),
        (FREE, '{"max_queues": [1]}', "max_queues must be a whole number"),
        (ALL, '{"fre": {}}', "there is no tier 'fre'; the nearest is free"),
        (ALL, '{"free": 3}', "tier free must be an object of limits"),
    ],
)
def test_a_bad_value_is_refused_by_name_at_the_start(
    variable: str, text: str, message: str
) -> None:
    with pytest.raises(BadPlanValue, match=variable) as refused:
        plans_of({variable: text})
    with pytest.raises(ConfigError) as at_start:
        load(flags={}, environ={variable: text})

    assert message in str(refused.value)
    assert str(at_start.value) == str(refused.value)


def test_a_lifted_limit_of_any_kind_is_no_limit() -> None:
    fields = ("MAX_PAYLOAD_SIZE_BYTES", "RATE_LIMIT_RPS", "JOB_RETENTION_DAYS")
    plans = plans_of({f"SPOOLED_PLAN_FREE_{field}": "unlimited" for field in fields})
    settings = Settings(plan_enforcement="on")

    assert plans.payload_bytes_max("free", None, enforced=True, server_max=1_000_000) == 1_000_000
    assert organization_rate(settings, plans, "free", None) is None
    assert Retention(plans=plans).windows("free", None) == (0, 1)


def test_a_misspelt_limit_is_named_with_the_nearest() -> None:
    _, [warning] = load(flags={}, environ={"SPOOLED_PLAN_FREE_MAX_QUEUE": "3"})

    assert warning.endswith("SPOOLED_PLAN_FREE_MAX_QUEUE is unknown; the nearest is"
                            " SPOOLED_PLAN_FREE_MAX_QUEUES")  # fmt: skip
