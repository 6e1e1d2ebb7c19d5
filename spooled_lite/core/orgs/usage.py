"""What an organization uses, whether there is room for more, and how that is told."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, Self

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
from spooled_lite.plans import TIERS, Caps, Limits, Plans, Resource
from spooled_lite.storage.statement import Value
from spooled_lite.storage.transaction import Reading, Tx

WARN_PERCENT: Final = 80
WARN_PERCENT_FREE: Final = 50
CRITICAL_PERCENT: Final = 100


class PlanLimits(Limits, frozen=True, kw_only=True):
    """The numbers that hold for one organization. Contract: platform, section 5.1."""

    tier: str
    display_name: str

    @classmethod
    def of(cls, tier: str, plans: Plans, custom: Mapping[str, Any] | None = None) -> Self:
        """The tier's numbers; where the organization has one of its own, that.

        A null of its own lifts a limit on how many there may be, and no other.
        """
        known = tier if tier in TIERS else "free"
        values = msgspec.structs.asdict(plans.limits(known))
        for name, value in (custom or {}).items():
            is_number = isinstance(value, int) and not isinstance(value, bool)
            if name in values and (is_number or (value is None and name in _CUSTOM_MAY_LIFT)):
                values[name] = value
        return cls(tier=known, display_name=known.capitalize(), **values)


class UsageItem(Struct, frozen=True, kw_only=True):
    current: int
    limit: int | None
    percentage: float | None  # None: not limited, or nothing is allowed
    is_disabled: bool


class ResourceUsage(Struct, frozen=True, kw_only=True):
    jobs_today: UsageItem
    active_jobs: UsageItem
    queues: UsageItem
    workers: UsageItem
    api_keys: UsageItem
    schedules: UsageItem
    workflows: UsageItem
    webhooks: UsageItem


class UsageWarning(Struct, frozen=True, kw_only=True):
    resource: Resource
    message: str
    severity: Literal["warning", "critical"]
    current: int
    limit: int


class Usage(Struct, frozen=True, kw_only=True):
    """Answer of GET /organizations/usage. Contract: platform, section 5.4."""

    plan: str
    plan_display_name: str
    limits: PlanLimits
    usage: ResourceUsage
    warnings: list[UsageWarning]


def usage_object(tx: Reading, organization: OrgRow, plans: Plans) -> Usage:
    """What an organization uses of what it may, enforced or not.

    Contract: platform, sections 5.2 and 5.4.
    """
    own = organization["custom_limits"]
    custom = None if own is None else msgspec.json.decode(own)
    limits = PlanLimits.of(organization["plan_tier"], plans, custom)
    used = {name: current_of(tx, organization["seq"], name) for name in _FIELDS}
    items = {name: _item(name, used[name], _limit(limits, name)) for name in _FIELDS}
    return Usage(
        plan=limits.tier,
        plan_display_name=limits.display_name,
        limits=limits,
        usage=ResourceUsage(**{_FIELDS[name]: item for name, item in items.items()}),
        warnings=[
            warning
            for name, item in items.items()
            if (warning := _warning(name, item, limits.tier)) is not None
        ],
    )


def current_of(tx: Reading, org: int, resource: Resource) -> int:
    """How much of a resource there is now; in a batch, the batch included."""
    count = _CURRENT.get(resource)
    return 0 if count is None else max(0, count(tx, org))


def check_room(tx: Tx, org: int, caps: Caps, resource: Resource, *, more: int) -> None:
    """Raises QuotaExceeded when `more` of a resource would pass its cap.

    Contract: platform, sections 3.4 and 5.2.
    """
    limit = caps.limits.get(resource)
    if limit is None or more <= 0:
        return
    current = _CURRENT[resource](tx, org)
    if current + more > limit:
        kind = QuotaExceeded if limit else FeatureDisabled
        raise kind(
            resource, current=current, limit=limit, plan=caps.plan, upgrade_to=caps.upgrade_to
        )


def check_room_for_jobs(tx: Tx, org: int, caps: Caps, *, more: int) -> None:
    """The daily and the active jobs, in the order of the contract."""
    check_room(tx, org, caps, "jobs_per_day", more=more)
    check_room(tx, org, caps, "active_jobs", more=more)


def _limit(limits: PlanLimits, resource: Resource) -> int | None:
    limit: int | None = getattr(limits, f"max_{resource}")
    return limit


def _item(resource: Resource, current: int, limit: int | None) -> UsageItem:
    return UsageItem(
        current=current,
        limit=limit,
        percentage=100 * current / limit if limit else None,
        is_disabled=resource == "workflows" and limit == 0,
    )


def _warning(resource: Resource, item: UsageItem, tier: str) -> UsageWarning | None:
    warn_percent = WARN_PERCENT_FREE if tier == "free" else WARN_PERCENT
    if item.limit is None or item.percentage is None or item.percentage < warn_percent:
        return None
    is_full = item.percentage >= CRITICAL_PERCENT
    what = f"{resource.replace('_', ' ')} ({item.current}/{item.limit})"
    return UsageWarning(
        resource=resource,
        message=f"The limit of {what} is reached" if is_full else f"Close to the limit of {what}",
        severity="critical" if is_full else "warning",
        current=item.current,
        limit=item.limit,
    )


def _counted(statement: Value[int] | str) -> Callable[[Reading, int], int]:
    counted = Value(int, statement) if isinstance(statement, str) else statement

    def count(tx: Reading, org: int) -> int:
        return tx.value(counted, {"org": org}) or 0

    return count


# Each resource under the name it has in the usage object.
_FIELDS: Final[Mapping[Resource, str]] = {
    "jobs_per_day": "jobs_today",
    "active_jobs": "active_jobs",
    "queues": "queues",
    "workers": "workers",
    "api_keys": "api_keys",
    "schedules": "schedules",
    "workflows": "workflows",
    "webhooks": "webhooks",
}
_CUSTOM_MAY_LIFT: Final = frozenset(f"max_{name}" for name in _FIELDS)

# What has no row here is not there yet: none of it is used.
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
