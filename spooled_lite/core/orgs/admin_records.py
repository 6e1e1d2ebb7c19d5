"""Organizations as an administrator makes, changes and sees them. Contract: platform, 11."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self, cast

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from spooled_lite.core.orgs.columns import UsedOrgRow
from spooled_lite.core.orgs.records import (
    NULL,
    NewOrganization,
    OrganizationChanges,
    OrganizationName,
    OrganizationView,
    Tier,
    check_email,
    settings_columns,
)
from spooled_lite.errors import RuleBroken, WrongShape
from spooled_lite.plans import TIERS

CUSTOM_LIMITS_BYTES_MAX: Final = 65_536
LIMIT_MAX: Final = 2**53  # an integer for every client

# The least that each limit may be. Null lifts the first eight, and leaves the others to the tier.
LEAST: Final[Mapping[str, int]] = {
    "max_jobs_per_day": 0,
    "max_active_jobs": 0,
    "max_queues": 0,
    "max_workers": 0,
    "max_api_keys": 0,
    "max_schedules": 0,
    "max_workflows": 0,
    "max_webhooks": 0,
    "max_payload_size_bytes": 1,
    "rate_limit_requests_per_second": 1,
    "rate_limit_burst": 1,
    "job_retention_days": -LIMIT_MAX,  # 0 and less: kept for ever
    "history_retention_days": -LIMIT_MAX,
}

_CLEARED_BY_NULL: Final = (
    "billing_email",
    "stripe_customer_id",
    "stripe_subscription_id",
    "stripe_subscription_status",
)

StripeText = Annotated[str, Meta(max_length=255)] | UnsetType | None


class AdminCreateOrganization(Struct, kw_only=True):
    """Body of POST /admin/organizations."""

    name: OrganizationName
    slug: str | None = None
    plan_tier: str | None = None
    billing_email: str | None = None
    settings: Raw = NULL
    custom_limits: Raw = NULL

    def as_new(self) -> NewOrganization:
        """Raises RuleBroken or WrongShape for whatever breaks a rule; reserved slugs are good."""
        apart = settings_columns(bytes(self.settings))
        made = NewOrganization(
            name=self.name,
            slug=self.slug,
            tier=tier_of(self.plan_tier or "free"),
            billing_email=self.billing_email or None,
            settings=apart.get("settings", b"{}"),
            custom_limits=checked_limits(bytes(self.custom_limits)),
            github_webhook_secret=apart.get("github_webhook_secret"),
            stripe_webhook_secret=apart.get("stripe_webhook_secret"),
        )
        return made.checked(may_be_reserved=True)


class AdminUpdateOrganization(Struct, kw_only=True):
    """Body of PATCH and PUT /admin/organizations/{id}. What is left out is kept.

    Null clears the address and the links to a payment provider, and takes the organization's own
    limits away; any other null is as good as left out.
    """

    name: OrganizationName | None = None
    plan_tier: str | None = None
    billing_email: str | UnsetType | None = UNSET
    settings: Raw = NULL
    custom_limits: Raw | UnsetType = UNSET
    is_active: bool | None = None
    stripe_customer_id: StripeText = UNSET
    stripe_subscription_id: StripeText = UNSET
    stripe_subscription_status: StripeText = UNSET

    def changes(self) -> OrganizationChanges:
        """Raises RuleBroken or WrongShape for whatever breaks a rule."""
        columns: dict[str, Any] = {}
        if self.name is not None:
            columns["name"] = self.name
        if self.plan_tier is not None:
            columns["plan_tier"] = tier_of(self.plan_tier)
        if self.is_active is not None:
            columns["is_active"] = int(self.is_active)
        if isinstance(self.custom_limits, Raw):
            columns["custom_limits"] = checked_limits(bytes(self.custom_limits))
        if isinstance(self.billing_email, str) and self.billing_email:
            check_email(self.billing_email)
        for name in _CLEARED_BY_NULL:
            value = getattr(self, name)
            if value is not UNSET:
                columns[name] = value or None
        return OrganizationChanges(columns | settings_columns(bytes(self.settings)))


class RowUsage(Struct, frozen=True, kw_only=True):
    jobs_today: int
    active_jobs: int
    queues: int
    workers: int
    api_keys: int

    @classmethod
    def of(cls, row: UsedOrgRow) -> Self:
        return cls(
            jobs_today=row["jobs_today"],
            active_jobs=row["active_jobs"],
            queues=row["queue_count"],
            workers=row["worker_count"],
            api_keys=row["active_key_count"],
        )


class ListedOrganization(OrganizationView, frozen=True, kw_only=True):
    """A row of GET /admin/organizations; some clients look for two figures beside `usage`."""

    usage: RowUsage
    jobs_today: int
    active_jobs: int

    @classmethod
    def listed(cls, row: UsedOrgRow) -> Self:
        usage = RowUsage.of(row)
        return cls(
            **msgspec.structs.asdict(OrganizationView.of(row)),
            usage=usage,
            jobs_today=usage.jobs_today,
            active_jobs=usage.active_jobs,
        )


class OrganizationPage(Struct, frozen=True, kw_only=True):
    """Answer of GET /admin/organizations."""

    organizations: list[ListedOrganization]
    total: int
    limit: int
    offset: int


def tier_of(word: str) -> Tier:
    """The tier of this name, in any case. Raises RuleBroken, which names them all."""
    tier = word.lower()
    if tier not in TIERS:
        raise RuleBroken.of(
            "plan_tier", f"Field `plan_tier` must be one of {', '.join(TIERS)}", "invalid_value"
        )
    return cast(Tier, tier)


def checked_limits(given: bytes) -> bytes | None:
    """What to store of the limits that somebody sent; None for none of its own.

    Names that no tier has are kept and have no effect: clients write down what they like there.

    Raises:
        WrongShape: they are no object, or a limit is no whole number.
        RuleBroken: they are too large, or a limit is too small or too large.
    """
    if given.strip()[:1] == b"[" and not given.strip()[1:-1].strip():
        return None  # PHP writes an empty map so
    if len(given) > CUSTOM_LIMITS_BYTES_MAX:
        raise _bad(
            "custom_limits", f"is larger than {CUSTOM_LIMITS_BYTES_MAX} bytes", "settings_too_large"
        )
    try:
        limits = msgspec.json.decode(given)
    except (msgspec.DecodeError, ValueError) as error:
        raise _bad("custom_limits", f"cannot be read: {error}", "invalid_value") from None
    if not limits and (limits is None or isinstance(limits, dict)):
        return None
    if not isinstance(limits, dict):
        raise WrongShape.wrong_type("custom_limits", "an object or null")
    for name in limits.keys() & LEAST.keys():
        _check_limit(f"custom_limits.{name}", limits[name], LEAST[name])
    return given


def _check_limit(field: str, value: Any, least: int) -> None:
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        raise WrongShape.wrong_type(field, "a whole number or null")
    if not least <= value <= LIMIT_MAX:
        raise _bad(field, f"must be between {least} and {LIMIT_MAX}", "range")


def _bad(field: str, what: str, code: str) -> RuleBroken:
    return RuleBroken.of(field, f"Field `{field}` {what}", code)
