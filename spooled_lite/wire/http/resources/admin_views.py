"""What an administrator is shown. Contract: platform, section 11."""

from collections.abc import Mapping
from typing import Final, Self

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.states import STATUSES
from spooled_lite.core.orgs.admin_query import OrganizationDetail, ServerSums
from spooled_lite.core.orgs.admin_records import RowUsage
from spooled_lite.core.orgs.records import OrganizationView
from spooled_lite.core.orgs.usage import PlanLimits, Usage
from spooled_lite.plans import Plans

_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "free": "To try it out",
    "starter": "For a first application",
    "pro": "For a team and its services",
    "enterprise": "Without limits on counts",
}


class ResourceCounts(Struct, frozen=True, kw_only=True):
    queues: int
    workers: int
    api_keys: int
    schedules: int
    workflows: int
    webhooks: int

    @classmethod
    def of(cls, found: Usage) -> Self:
        used = found.usage
        return cls(
            queues=used.queues.current,
            workers=used.workers.current,
            api_keys=used.api_keys.current,
            schedules=used.schedules.current,
            workflows=used.workflows.current,
            webhooks=used.webhooks.current,
        )


class OrganizationDetailView(OrganizationView, frozen=True, kw_only=True):
    """Answer of GET /admin/organizations/{id}."""

    usage: RowUsage
    usage_info: Usage
    api_keys_count: int  # revoked ones included
    total_jobs: int  # ever made
    resource_counts: ResourceCounts

    @classmethod
    def detailed(cls, found: OrganizationDetail) -> Self:
        return cls(
            **msgspec.structs.asdict(OrganizationView.of(found.row)),
            usage=RowUsage.of(found.row),
            usage_info=found.usage,
            api_keys_count=found.row["key_count"],
            total_jobs=found.row["total_jobs"],
            resource_counts=ResourceCounts.of(found.usage),
        )


class PlanView(PlanLimits, frozen=True, kw_only=True):
    """A row of GET /admin/plans: the limits flat, and again together."""

    description: str
    limits: PlanLimits
    price: None = None

    @classmethod
    def listed(cls, tier: str, plans: Plans) -> Self:
        limits = PlanLimits.of(tier, plans)
        flat = msgspec.structs.asdict(limits)
        return cls(**flat, description=_DESCRIPTIONS[tier], limits=limits)


class PlanCount(Struct, frozen=True):
    plan: str
    count: int


class OrganizationSums(Struct, frozen=True, kw_only=True):
    total: int
    by_plan: list[PlanCount]
    created_today: int
    created_this_week: int


class JobSums(Struct, frozen=True, kw_only=True):
    total_active: int
    pending: int
    processing: int
    completed_24h: int
    failed_24h: int


class WorkerSums(Struct, frozen=True, kw_only=True):
    total: int
    healthy: int
    degraded: int


class SystemSums(Struct, frozen=True, kw_only=True):
    api_version: str = "v1"
    uptime_seconds: int


class ServerStats(Struct, frozen=True, kw_only=True):
    """Answer of GET /admin/stats: in groups, and flat under the names of two other clients."""

    organizations: OrganizationSums
    jobs: JobSums
    workers: WorkerSums
    system: SystemSums
    total_organizations: int
    total_jobs: int
    total_workers: int
    total_queues: int
    total_api_keys: int
    jobs_by_status: dict[str, int]
    organizations_by_plan: dict[str, int]
    active_organizations: int
    total_jobs_24h: int
    completed_jobs_24h: int
    failed_jobs_24h: int
    active_workers: int

    @classmethod
    def of(cls, found: ServerSums, *, uptime_seconds: int) -> Self:
        tiers, now, day = found.organizations, found.jobs, found.day
        by_plan = [PlanCount(row["plan"], row["count"]) for row in tiers]
        by_status: dict[str, int] = {name: now[name] for name in STATUSES}
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
