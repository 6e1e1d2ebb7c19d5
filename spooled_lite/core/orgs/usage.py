"""What an organization uses, and whether there is room for more."""

from collections.abc import Callable, Mapping
from typing import Final, Self

import msgspec
from msgspec import Struct

from spooled_lite.core.keys import statements as key_statements
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.core.queues import statements as queue_statements
from spooled_lite.core.schedules import statements as schedule_statements
from spooled_lite.core.webhooks import statements as webhook_statements
from spooled_lite.core.workers import statements as worker_statements
from spooled_lite.core.workflows import statements as workflow_statements
from spooled_lite.errors import FeatureDisabled, QuotaExceeded
from spooled_lite.plans import RESOURCES, TIERS, Caps, Limits, OwnLimits, Plans, Resource
from spooled_lite.storage.statement import Value
from spooled_lite.storage.transaction import Reading, Tx

WARN_PERCENT: Final = 80
WARN_PERCENT_FREE: Final = 50


class HeldLimits(Limits, frozen=True, kw_only=True):
    """The numbers that hold for one organization. Contract: platform, section 5.1."""

    tier: str  # `free` also for a tier that is not known

    @classmethod
    def of(cls, tier: str, plans: Plans, own: OwnLimits | None = None) -> Self:
        """The tier's numbers; where the organization has one of its own, that."""
        known = tier if tier in TIERS else "free"
        limits = plans.limits(known)
        if own is not None:
            limits = own.over(limits)
        return cls(tier=known, **msgspec.structs.asdict(limits))


class Used(Struct, frozen=True):
    """How much of one resource is used, and how much of it there may be; None: no limit."""

    current: int
    limit: int | None

    @property
    def percentage(self) -> float | None:
        """None: there is no limit, or nothing is allowed."""
        return 100 * self.current / self.limit if self.limit else None


class NearLimit(Struct, frozen=True):
    """A resource of which little or nothing is left."""

    resource: Resource
    current: int
    limit: int

    @property
    def is_full(self) -> bool:
        return self.current >= self.limit


class OrgUsage(Struct, frozen=True, kw_only=True):
    """What an organization uses of what its limits allow."""

    limits: HeldLimits
    resources: Mapping[Resource, Used]
    near_limits: list[NearLimit]


def usage_of(tx: Reading, organization: OrgRow, plans: Plans) -> OrgUsage:
    """What an organization uses of what its limits allow, whether or not they are enforced.

    Contract: platform, sections 5.2 and 5.4.
    """
    own = OwnLimits.stored(organization["custom_limits"])
    limits = HeldLimits.of(organization["plan_tier"], plans, own)
    warn_percent = WARN_PERCENT_FREE if limits.tier == "free" else WARN_PERCENT
    used = {
        resource: Used(current_of(tx, organization["seq"], resource), limits.of_resource(resource))
        for resource in RESOURCES
    }
    near = [
        NearLimit(resource, each.current, each.limit)
        for resource, each in used.items()
        if each.limit and 100 * each.current >= warn_percent * each.limit
    ]
    return OrgUsage(limits=limits, resources=used, near_limits=near)


def current_of(tx: Reading, org: int, resource: Resource) -> int:
    """How much of a resource there is now; in a batch, the batch included."""
    count = _CURRENT.get(resource)
    return 0 if count is None else max(0, count(tx, org))


def check_room(
    tx: Tx, org: int, caps: Caps, resource: Resource, *, more: int, also: int = 0
) -> None:
    """Raises QuotaExceeded when `more` of a resource would pass its cap.

    `also` is what else is used of it.

    Contract: platform, sections 3.4 and 5.2.
    """
    limit = caps.limits.get(resource)
    if limit is None or more <= 0:
        return
    current = _CURRENT[resource](tx, org) + also
    if current + more > limit:
        kind = QuotaExceeded if limit else FeatureDisabled
        raise kind(
            resource, current=current, limit=limit, plan=caps.plan, upgrade_to=caps.upgrade_to
        )


def check_room_for_jobs(tx: Tx, org: int, caps: Caps, *, more: int) -> None:
    """The daily and the active jobs, in the order of the contract."""
    check_room(tx, org, caps, "jobs_per_day", more=more)
    check_room(tx, org, caps, "active_jobs", more=more)


def _counted(statement: Value[int]) -> Callable[[Reading, int], int]:
    def count(tx: Reading, org: int) -> int:
        return tx.value(statement, {"org": org}) or 0

    return count


# A resource without a row here does not exist yet: 0 are used.
_CURRENT: Final[Mapping[Resource, Callable[[Reading, int], int]]] = {
    "jobs_per_day": lambda tx, org: tx.used_today(org, "jobs_created"),
    "active_jobs": lambda tx, org: tx.used_now(org, "active_jobs"),
    "queues": _counted(queue_statements.COUNT),
    "workers": _counted(worker_statements.COUNT_WELL),
    "api_keys": _counted(key_statements.COUNT_ACTIVE),
    "schedules": _counted(schedule_statements.COUNT_ACTIVE),
    "workflows": _counted(workflow_statements.COUNT_UNFINISHED),
    "webhooks": _counted(webhook_statements.COUNT_ENABLED),
}
