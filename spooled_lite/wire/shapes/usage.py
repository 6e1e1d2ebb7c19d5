"""Plans, their limits, and how much an organization uses. Contract: platform, section 5."""

from typing import Annotated, Literal, Self

import msgspec
from msgspec import Struct

from spooled_lite.core.orgs.usage import HeldLimits, NearLimit, OrgUsage, Used
from spooled_lite.plans import Resource
from spooled_lite.wire.shapes.about import a_count, about, one_of

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
MaxJobsPerDay = Annotated[int, a_count("Jobs stored in a day; null: no limit", 1_000)]
MaxActiveJobs = Annotated[int, a_count("Jobs that are not settled; null: no limit", 10)]
MaxQueues = Annotated[int, a_count("Queues; null: no limit", 2)]
MaxWorkers = Annotated[int, a_count("Workers that are well; null: no limit", 1)]
MaxApiKeys = Annotated[int, a_count("Active keys; null: no limit", 2)]
MaxSchedules = Annotated[int, a_count("Active schedules; null: no limit", 1)]
MaxWorkflows = Annotated[int, a_count("Workflows that are running; null: no limit")]
MaxWebhooks = Annotated[int, a_count("Webhooks that are on; null: no limit", 1)]
MaxPayloadSize = Annotated[int, a_count("Bytes of a payload; null: the server's limit", 65_536)]
RequestsPerSecond = Annotated[int, a_count("Requests per second", 5)]
Burst = Annotated[int, a_count("Requests in a row", 10)]
JobRetention = Annotated[int, about("Days that settled jobs are kept; 0 and less: for ever", 3)]
HistoryRetention = Annotated[int, about("Days that histories are kept; 0 and less: for ever", 1)]
TierName = Annotated[str, about("The plan", "free")]
DisplayName = Annotated[str, about("Its name for people", "Free")]
Current = Annotated[int, a_count("What is used", 1)]
LimitOrNone = Annotated[int, a_count("What is allowed; null: no limit", 10)]
Limit = Annotated[int, a_count("What is allowed", 10)]
Percentage = Annotated[float, about("How much of it is used; null: not limited, or nothing is allowed", 10)]
IsDisabled = Annotated[bool, about("Whether nothing is allowed", False)]
ResourceName = Annotated[Resource, about("What it is about", "active_jobs")]
WarningText = Annotated[str, about("The warning in words", "Close to the limit of active jobs (9/10)")]
Severity = Annotated[Literal["warning", "critical"], one_of("`critical`: used up", "warning", "critical")]
# fmt: on


class PlanLimits(Struct, frozen=True, kw_only=True):
    """The numbers of a tier, or of an organization."""

    max_jobs_per_day: MaxJobsPerDay | None = None
    max_active_jobs: MaxActiveJobs | None = None
    max_queues: MaxQueues | None = None
    max_workers: MaxWorkers | None = None
    max_api_keys: MaxApiKeys | None = None
    max_schedules: MaxSchedules | None = None
    max_workflows: MaxWorkflows | None = None
    max_webhooks: MaxWebhooks | None = None
    max_payload_size_bytes: MaxPayloadSize | None
    rate_limit_requests_per_second: RequestsPerSecond | None
    rate_limit_burst: Burst | None
    job_retention_days: JobRetention | None
    history_retention_days: HistoryRetention | None
    tier: TierName
    display_name: DisplayName

    @classmethod
    def of(cls, limits: HeldLimits) -> Self:
        return cls(**msgspec.structs.asdict(limits), display_name=limits.tier.capitalize())


class CustomLimits(Struct, kw_only=True):
    """An organization's own limits. Unknown names are stored and have no effect."""

    max_jobs_per_day: MaxJobsPerDay | None = None
    max_active_jobs: MaxActiveJobs | None = None
    max_queues: MaxQueues | None = None
    max_workers: MaxWorkers | None = None
    max_api_keys: MaxApiKeys | None = None
    max_schedules: MaxSchedules | None = None
    max_workflows: MaxWorkflows | None = None
    max_webhooks: MaxWebhooks | None = None
    max_payload_size_bytes: MaxPayloadSize | None = None
    rate_limit_requests_per_second: RequestsPerSecond | None = None
    rate_limit_burst: Burst | None = None
    job_retention_days: JobRetention | None = None
    history_retention_days: HistoryRetention | None = None


class UsageItem(Struct, frozen=True, kw_only=True):
    current: Current
    limit: LimitOrNone | None
    percentage: Percentage | None
    is_disabled: IsDisabled

    @classmethod
    def of(cls, used: Used, *, may_be_disabled: bool = False) -> Self:
        return cls(
            current=used.current,
            limit=used.limit,
            percentage=used.percentage,
            is_disabled=may_be_disabled and used.limit == 0,
        )


class ResourceUsage(Struct, frozen=True, kw_only=True):
    jobs_today: Annotated[UsageItem, about("Jobs stored since 00:00 UTC")]
    active_jobs: Annotated[UsageItem, about("Jobs that are not settled")]
    queues: Annotated[UsageItem, about("Queues")]
    workers: Annotated[UsageItem, about("Healthy workers")]
    api_keys: Annotated[UsageItem, about("Active keys")]
    schedules: Annotated[UsageItem, about("Active schedules")]
    workflows: Annotated[UsageItem, about("Workflows that are running")]
    webhooks: Annotated[UsageItem, about("Webhooks that are on")]

    @classmethod
    def of(cls, found: OrgUsage) -> Self:
        used = found.resources
        return cls(
            jobs_today=UsageItem.of(used["jobs_per_day"]),
            active_jobs=UsageItem.of(used["active_jobs"]),
            queues=UsageItem.of(used["queues"]),
            workers=UsageItem.of(used["workers"]),
            api_keys=UsageItem.of(used["api_keys"]),
            schedules=UsageItem.of(used["schedules"]),
            workflows=UsageItem.of(used["workflows"], may_be_disabled=True),
            webhooks=UsageItem.of(used["webhooks"]),
        )


class UsageWarning(Struct, frozen=True, kw_only=True):
    resource: ResourceName
    message: WarningText
    severity: Severity
    current: Current
    limit: Limit

    @classmethod
    def of(cls, near: NearLimit) -> Self:
        what = f"{near.resource.replace('_', ' ')} ({near.current}/{near.limit})"
        words = "The limit of {} is reached" if near.is_full else "Close to the limit of {}"
        return cls(
            resource=near.resource,
            message=words.format(what),
            severity="critical" if near.is_full else "warning",
            current=near.current,
            limit=near.limit,
        )


class Usage(Struct, frozen=True, kw_only=True):
    """Answer of GET /organizations/usage. Contract: platform, section 5.4."""

    plan: TierName
    plan_display_name: DisplayName
    limits: Annotated[PlanLimits, about("What is allowed")]
    usage: Annotated[ResourceUsage, about("What is used")]
    warnings: Annotated[list[UsageWarning], about("What is nearly used up", [])]

    @classmethod
    def of(cls, found: OrgUsage) -> Self:
        limits = PlanLimits.of(found.limits)
        return cls(
            plan=limits.tier,
            plan_display_name=limits.display_name,
            limits=limits,
            usage=ResourceUsage.of(found),
            warnings=[UsageWarning.of(each) for each in found.near_limits],
        )
