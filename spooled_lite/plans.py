"""The limits of each plan tier, and which limits apply to an organization."""

from collections.abc import Mapping
from typing import Final, Literal, Self, get_args

import msgspec
from msgspec import UNSET, Struct, UnsetType, structs

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
    """The limits of one tier; None is unlimited. Contract: platform, section 5.1."""

    max_jobs_per_day: int | None = None
    max_active_jobs: int | None = None
    max_queues: int | None = None
    max_workers: int | None = None
    max_api_keys: int | None = None
    max_schedules: int | None = None
    max_workflows: int | None = None
    max_webhooks: int | None = None
    # Every tier of the contract has a number for these; an operator may remove it.
    max_payload_size_bytes: int | None
    rate_limit_requests_per_second: int | None
    rate_limit_burst: int | None
    job_retention_days: int | None
    history_retention_days: int | None

    def of_resource(self, resource: Resource) -> int | None:
        limit: int | None = getattr(self, f"max_{resource}")
        return limit


NO_LIMITS: Final = Limits(
    max_payload_size_bytes=None,
    rate_limit_requests_per_second=None,
    rate_limit_burst=None,
    job_retention_days=None,
    history_retention_days=None,
)
_MAY_BE_LIFTED: Final = frozenset(f"max_{resource}" for resource in RESOURCES)


class OwnLimits(Struct, frozen=True, kw_only=True):
    """An organization's own limits, which win over those of its tier; the tier gives the others.

    None removes a limit on the number of things. Contract: platform, section 5.1.
    """

    max_jobs_per_day: int | UnsetType | None = UNSET
    max_active_jobs: int | UnsetType | None = UNSET
    max_queues: int | UnsetType | None = UNSET
    max_workers: int | UnsetType | None = UNSET
    max_api_keys: int | UnsetType | None = UNSET
    max_schedules: int | UnsetType | None = UNSET
    max_workflows: int | UnsetType | None = UNSET
    max_webhooks: int | UnsetType | None = UNSET
    # For these, None counts as left out.
    max_payload_size_bytes: int | None = None
    rate_limit_requests_per_second: int | None = None
    rate_limit_burst: int | None = None
    job_retention_days: int | None = None
    history_retention_days: int | None = None

    @classmethod
    def stored(cls, column: bytes | None) -> Self | None:
        """The limits in an organization's column `custom_limits`. Unknown names are ignored."""
        return None if column is None else msgspec.json.decode(column, type=cls)

    def over(self, limits: Limits) -> Limits:
        """These limits, completed by those of a tier."""
        given = {
            name: value
            for name, value in structs.asdict(self).items()
            if value is not UNSET and (value is not None or name in _MAY_BE_LIFTED)
        }
        return structs.replace(limits, **given)


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
    """The caps of one organization. A resource that is not in `limits` has no cap."""

    plan: str
    upgrade_to: str | None
    limits: Mapping[Resource, int]


class Plans:
    """The tiers of one server: those of the contract, with the limits that the operator has set."""

    def __init__(self, tiers: Mapping[str, Limits] = TIERS) -> None:
        self.tiers = tiers

    def limits(self, tier: str) -> Limits:
        """The limits of a tier. Unknown tiers and `deleted` have those of `free`."""
        return self.tiers.get(tier) or self.tiers["free"]

    def caps_of(self, tier: str, own: OwnLimits | None, *, enforced: bool) -> Caps | None:
        """The caps that apply to an organization; None when there are none.

        The limits of the tier apply only with plan enforcement on; its own limits always apply.
        Contract: platform, sections 5.1 and 5.3.
        """
        limits = self._counting(tier, own, enforced=enforced)
        caps = {
            resource: limit
            for resource in RESOURCES
            if (limit := limits.of_resource(resource)) is not None
        }
        return Caps(tier if tier in TIERS else "free", next_tier(tier), caps) if caps else None

    def payload_bytes_max(
        self, tier: str, own: OwnLimits | None, *, enforced: bool, server_max: int
    ) -> int:
        """The smallest limit of payloads that applies. Contract: platform, section 1.4."""
        bytes_max = self._counting(tier, own, enforced=enforced).max_payload_size_bytes
        return server_max if bytes_max is None else min(server_max, bytes_max)

    def _counting(self, tier: str, own: OwnLimits | None, *, enforced: bool) -> Limits:
        limits = self.limits(tier) if enforced else NO_LIMITS
        return limits if own is None else own.over(limits)


def next_tier(tier: str) -> str | None:
    position = _ORDER.index(tier) if tier in TIERS else 0
    return _ORDER[position + 1] if position + 1 < len(_ORDER) else None
