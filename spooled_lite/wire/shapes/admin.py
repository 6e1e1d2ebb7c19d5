"""What administrators send and are shown: organizations, plans, figures. Contract: platform, 11."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from spooled_lite.core.jobs.records import NULL
from spooled_lite.core.orgs.admin_query import OrganizationDetail, ServerSums
from spooled_lite.core.orgs.admin_records import checked_limits, tier_of
from spooled_lite.core.orgs.columns import UsedOrgRow
from spooled_lite.core.orgs.records import (
    NewOrganization,
    OrganizationChanges,
    check_email,
    settings_columns,
)
from spooled_lite.core.orgs.usage import HeldLimits, OrgUsage
from spooled_lite.plans import TIERS, Plans
from spooled_lite.wire.shapes.about import a_count, about, one_of
from spooled_lite.wire.shapes.billing import SubscriptionStatus
from spooled_lite.wire.shapes.keys import IsActive
from spooled_lite.wire.shapes.organizations import (
    BillingEmail,
    CustomerId,
    LimitsOfItsOwn,
    NameGiven,
    OrganizationView,
    SettingsGiven,
    Slug,
    SubscriptionId,
)
from spooled_lite.wire.shapes.usage import PlanLimits, TierName, Usage

_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "free": "To try it out",
    "starter": "For a first application",
    "pro": "For a team and its services",
    "enterprise": "Without limits on counts",
}
_STRIPE_TEXT: Final = Meta(max_length=255)

# One line per field, whatever its length.
# fmt: off
TierGiven = Annotated[str, about(f"The plan: {', '.join(TIERS)}, in any case", "pro")]
JobsToday = Annotated[int, about("Jobs stored since 00:00 UTC", 1)]
ActiveJobs = Annotated[int, about("Jobs that are not settled", 1)]
Queues = Annotated[int, a_count("Queues", 1)]
Workers = Annotated[int, about("Healthy workers", 0)]
ApiKeys = Annotated[int, about("Active keys", 1)]
Schedules = Annotated[int, about("Active schedules", 0)]
Workflows = Annotated[int, about("Workflows that are running", 0)]
Webhooks = Annotated[int, about("Webhooks that are on", 0)]
KeysEver = Annotated[int, a_count("Keys, revoked ones too", 1)]
JobsEver = Annotated[int, a_count("Jobs ever stored", 1)]
InAll = Annotated[int, a_count("How many there are in all", 1)]
RowsOfPage = Annotated[int, a_count("Rows of a page", 50)]
RowsSkipped = Annotated[int, a_count("Rows that were skipped")]
PlanDescription = Annotated[str, about("Whom it is for", "To try it out")]
NoPrice = Annotated[None, about("Always null")]
AllOfThem = Annotated[int, a_count("All of them together", 1)]
CreatedToday = Annotated[int, a_count("Made since 00:00 UTC")]
CreatedThisWeek = Annotated[int, a_count("Made in the last seven days", 1)]
NotSettled = Annotated[int, a_count("Jobs that are not settled", 1)]
Pending = Annotated[int, a_count("Jobs that wait to be claimed", 1)]
Processing = Annotated[int, a_count("Jobs under a lease")]
Completed24h = Annotated[int, a_count("Completed in the last 24 hours")]
Failed24h = Annotated[int, a_count("Failed in the last 24 hours")]
Healthy = Annotated[int, a_count("Healthy workers", 1)]
Degraded = Annotated[int, a_count("Workers that are not quite well")]
ApiVersion = Annotated[str, one_of("Always the same", "v1")]
Uptime = Annotated[int, a_count("Since the server started", 3_600)]
JobsByStatus = Annotated[dict[str, int], about("Jobs by status", {"pending": 1})]
OrganizationsByPlan = Annotated[dict[str, int], about("Organizations by plan", {"free": 1})]
# fmt: on


class AdminCreateOrganization(Struct, kw_only=True):
    """Body of POST /admin/organizations."""

    name: NameGiven
    slug: Slug | None = None
    plan_tier: TierGiven | None = None
    billing_email: BillingEmail | None = None
    settings: SettingsGiven = NULL
    custom_limits: LimitsOfItsOwn = NULL

    def new_organization(self) -> NewOrganization:
        """Raises RuleBroken or WrongShape for what breaks a rule. A reserved slug is allowed."""
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

    name: NameGiven | None = None
    plan_tier: TierGiven | None = None
    billing_email: BillingEmail | UnsetType | None = UNSET
    settings: SettingsGiven = NULL
    custom_limits: LimitsOfItsOwn | UnsetType = UNSET
    is_active: IsActive | None = None
    stripe_customer_id: Annotated[CustomerId, _STRIPE_TEXT] | UnsetType | None = UNSET
    stripe_subscription_id: Annotated[SubscriptionId, _STRIPE_TEXT] | UnsetType | None = UNSET
    stripe_subscription_status: Annotated[SubscriptionStatus, _STRIPE_TEXT] | UnsetType | None = (
        UNSET
    )

    def changes(self) -> OrganizationChanges:
        """Raises RuleBroken or WrongShape for what breaks a rule."""
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
        cleared_by_null = {
            "billing_email": self.billing_email,
            "stripe_customer_id": self.stripe_customer_id,
            "stripe_subscription_id": self.stripe_subscription_id,
            "stripe_subscription_status": self.stripe_subscription_status,
        }
        for name, value in cleared_by_null.items():
            if value is not UNSET:
                columns[name] = value or None
        return OrganizationChanges(columns | settings_columns(bytes(self.settings)))


class RowUsage(Struct, frozen=True, kw_only=True):
    jobs_today: JobsToday
    active_jobs: ActiveJobs
    queues: Queues
    workers: Workers
    api_keys: ApiKeys

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

    usage: Annotated[RowUsage, about("What is used")]
    jobs_today: JobsToday
    active_jobs: ActiveJobs

    @classmethod
    def listed(cls, row: UsedOrgRow) -> Self:
        usage = RowUsage.of(row)
        return cls.of(row, usage=usage, jobs_today=usage.jobs_today, active_jobs=usage.active_jobs)


class OrganizationPage(Struct, frozen=True, kw_only=True):
    """Answer of GET /admin/organizations."""

    organizations: Annotated[list[ListedOrganization], about("This page of them")]
    total: InAll
    limit: RowsOfPage
    offset: RowsSkipped


class ResourceCounts(Struct, frozen=True, kw_only=True):
    queues: Queues
    workers: Workers
    api_keys: ApiKeys
    schedules: Schedules
    workflows: Workflows
    webhooks: Webhooks

    @classmethod
    def of(cls, found: OrgUsage) -> Self:
        used = found.resources
        return cls(
            queues=used["queues"].current,
            workers=used["workers"].current,
            api_keys=used["api_keys"].current,
            schedules=used["schedules"].current,
            workflows=used["workflows"].current,
            webhooks=used["webhooks"].current,
        )


class OrganizationDetailView(OrganizationView, frozen=True, kw_only=True):
    """Answer of GET /admin/organizations/{id}."""

    usage: Annotated[RowUsage, about("What is used")]
    usage_info: Annotated[Usage, about("What is used of what is allowed")]
    api_keys_count: KeysEver
    total_jobs: JobsEver
    resource_counts: Annotated[ResourceCounts, about("How many there are of each")]

    @classmethod
    def detailed(cls, found: OrganizationDetail) -> Self:
        return cls.of(
            found.row,
            usage=RowUsage.of(found.row),
            usage_info=Usage.of(found.usage),
            api_keys_count=found.row["key_count"],
            total_jobs=found.row["total_jobs"],
            resource_counts=ResourceCounts.of(found.usage),
        )


class PlanView(PlanLimits, frozen=True, kw_only=True):
    """A row of GET /admin/plans: the limits flat, and again together."""

    description: PlanDescription
    limits: Annotated[PlanLimits, about("The same numbers together")]
    price: NoPrice = None

    @classmethod
    def listed(cls, tier: str, plans: Plans) -> Self:
        limits = PlanLimits.of(HeldLimits.of(tier, plans))
        flat = msgspec.structs.asdict(limits)
        return cls(**flat, description=_DESCRIPTIONS[tier], limits=limits)


class PlanCount(Struct, frozen=True):
    plan: TierName
    count: Annotated[int, a_count("How many", 1)]


class OrganizationSums(Struct, frozen=True, kw_only=True):
    total: AllOfThem
    by_plan: Annotated[list[PlanCount], about("Organizations by plan, most frequent first")]
    created_today: CreatedToday
    created_this_week: CreatedThisWeek


class JobSums(Struct, frozen=True, kw_only=True):
    total_active: NotSettled
    pending: Pending
    processing: Processing
    completed_24h: Completed24h
    failed_24h: Failed24h


class WorkerSums(Struct, frozen=True, kw_only=True):
    total: AllOfThem
    healthy: Healthy
    degraded: Degraded


class SystemSums(Struct, frozen=True, kw_only=True):
    api_version: ApiVersion = "v1"
    uptime_seconds: Uptime


class ServerStats(Struct, frozen=True, kw_only=True):
    """Answer of GET /admin/stats: in groups, and flat under the names of two other clients."""

    organizations: Annotated[OrganizationSums, about("The organizations")]
    jobs: Annotated[JobSums, about("The jobs")]
    workers: Annotated[WorkerSums, about("The workers that were heard of in the last minute")]
    system: Annotated[SystemSums, about("The server")]
    total_organizations: Annotated[int, a_count("Organizations in all", 1)]
    total_jobs: Annotated[int, a_count("Jobs in all", 1)]
    total_workers: Annotated[int, a_count("Workers in all", 1)]
    total_queues: Annotated[int, a_count("Queues in all", 1)]
    total_api_keys: Annotated[int, a_count("Keys in all", 1)]
    jobs_by_status: JobsByStatus
    organizations_by_plan: OrganizationsByPlan
    active_organizations: Annotated[int, a_count("Organizations that are on", 1)]
    total_jobs_24h: Annotated[int, a_count("Jobs stored in the last 24 hours", 1)]
    completed_jobs_24h: Completed24h
    failed_jobs_24h: Annotated[int, a_count("Failed or dead in the last 24 hours")]
    active_workers: Annotated[int, a_count("Healthy workers of the queue", 1)]

    @classmethod
    def of(cls, found: ServerSums, *, uptime_seconds: int) -> Self:
        tiers, now, day = found.organizations, found.jobs, found.day
        by_plan = [PlanCount(row["plan"], row["count"]) for row in tiers]
        by_status = {
            "pending": now["pending"],
            "scheduled": now["scheduled"],
            "processing": now["processing"],
            "completed": now["completed"],
            "failed": now["failed"],
            "deadletter": now["deadletter"],
            "cancelled": now["cancelled"],
        }
        total = sum(each.count for each in by_plan)
        workers = WorkerSums(
            total=found.workers["total"],
            healthy=found.workers["healthy"],
            degraded=found.workers["degraded"],
        )
        return cls(
            organizations=OrganizationSums(
                total=total,
                by_plan=by_plan,
                created_today=sum(row["created_today"] for row in tiers),
                created_this_week=sum(row["created_this_week"] for row in tiers),
            ),
            jobs=JobSums(
                total_active=now["pending"] + now["scheduled"] + now["processing"],
                pending=now["pending"],
                processing=now["processing"],
                completed_24h=day["completed"],
                failed_24h=day["failed"],
            ),
            workers=workers,
            system=SystemSums(uptime_seconds=uptime_seconds),
            total_organizations=total,
            total_jobs=sum(by_status.values()),
            total_workers=workers.total,
            total_queues=found.rest["queue_count"],
            total_api_keys=found.rest["key_count"],
            jobs_by_status=by_status,
            organizations_by_plan={each.plan: each.count for each in by_plan},
            active_organizations=sum(row["active"] for row in tiers),
            total_jobs_24h=day["created"],
            completed_jobs_24h=day["completed"],
            failed_jobs_24h=day["failed"],
            active_workers=workers.total,
        )
