"""Every limit per plan tier, and which of them are enforced."""

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from msgspec import Struct

Resource = Literal[
    "jobs_per_day",
    "active_jobs",
    "queues",
    "workers",
    "api_keys",
    "schedules",
    "workflows",
    "webhooks",
]

RESOURCES: Final[tuple[Resource, ...]] = get_args(Resource)


class Limits(Struct, frozen=True, kw_only=True):
    """The numbers of one tier; None is unlimited. Contract: platform, section 5.1."""

    max_jobs_per_day: int | None = None
    max_active_jobs: int | None = None
    max_queues: int | None = None
    max_workers: int | None = None
    max_api_keys: int | None = None
    max_schedules: int | None = None
    max_workflows: int | None = None
    max_webhooks: int | None = None
    # Of these the tiers of the contract name a number each; an operator may lift it.
    max_payload_size_bytes: int | None
    rate_limit_requests_per_second: int | None
    rate_limit_burst: int | None
    job_retention_days: int | None
    history_retention_days: int | None

    def of_resource(self, resource: Resource) -> int | None:
        limit: int | None = getattr(self, f"max_{resource}")
        return limit


# fmt: off
TIERS: Final[Mapping[str, Limits]] = {
    "free": Limits(
        max_jobs_per_day=1_000, max_active_jobs=10, max_queues=2, max_workers=1, max_api_keys=2,
        max_schedules=1, max_workflows=0, max_webhooks=1, max_payload_size_bytes=65_536,
        rate_limit_requests_per_second=5, rate_limit_burst=10,
        job_retention_days=3, history_retention_days=1,
    ),
    "starter": Limits(
        max_jobs_per_day=10_000, max_active_jobs=500, max_queues=10, max_workers=5,
        max_api_keys=5, max_schedules=10, max_workflows=5, max_webhooks=5,
        max_payload_size_bytes=262_144, rate_limit_requests_per_second=25, rate_limit_burst=50,
        job_retention_days=14, history_retention_days=7,
    ),
    "pro": Limits(
        max_jobs_per_day=100_000, max_active_jobs=5_000, max_queues=50, max_workers=25,
        max_api_keys=25, max_schedules=50, max_workflows=25, max_webhooks=20,
        max_payload_size_bytes=1_048_576, rate_limit_requests_per_second=100,
        rate_limit_burst=200, job_retention_days=30, history_retention_days=30,
    ),
    "enterprise": Limits(
        max_payload_size_bytes=1_048_576, rate_limit_requests_per_second=500,
        rate_limit_burst=1_000, job_retention_days=90, history_retention_days=90,
    ),
}
# fmt: on

_ORDER: Final = tuple(TIERS)


class Caps(Struct, frozen=True):
    """What one organization may not exceed; a resource that is not named is not limited."""

    plan: str
    upgrade_to: str | None
    limits: Mapping[Resource, int]


class Plans:
    """The tiers of one server: those of the contract, or with numbers of the operator's."""

    def __init__(self, tiers: Mapping[str, Limits] = TIERS) -> None:
        self.tiers = tiers

    def limits(self, tier: str) -> Limits:
        """Unknown tiers, `deleted` included, behave as `free`."""
        return self.tiers.get(tier) or self.tiers["free"]

    def caps_of(
        self, tier: str, custom: Mapping[str, Any] | None, *, enforced: bool
    ) -> Caps | None:
        """What is enforced for an organization, None when nothing is.

        The tier counts only with plan enforcement on; a custom limit always does, and a custom
        null lifts the limit. Contract: platform, sections 5.1 and 5.3.
        """
        limits: dict[Resource, int] = {}
        for resource in RESOURCES:
            value = self.limits(tier).of_resource(resource) if enforced else None
            if custom is not None and f"max_{resource}" in custom:
                value = custom[f"max_{resource}"]
            if isinstance(value, int):
                limits[resource] = value
        if not limits:
            return None
        return Caps(tier if tier in TIERS else "free", next_tier(tier), limits)

    def payload_bytes_max(
        self, tier: str, custom: Mapping[str, Any] | None, *, enforced: bool, server_max: int
    ) -> int:
        """The smallest of the limits that count. Contract: platform, section 1.4."""
        own = None if custom is None else custom.get("max_payload_size_bytes")
        if not isinstance(own, int) and enforced:
            own = self.limits(tier).max_payload_size_bytes
        return min(server_max, own) if isinstance(own, int) else server_max


def next_tier(tier: str) -> str | None:
    position = _ORDER.index(tier) if tier in TIERS else 0
    return _ORDER[position + 1] if position + 1 < len(_ORDER) else None
