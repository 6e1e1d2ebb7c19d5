"""The columns of an organization, once, with what each of them holds."""

from typing import TypedDict


class OrgRow(TypedDict):
    """A whole row of `organizations`. Times are milliseconds since the epoch; flags are 0 or 1."""

    seq: int
    id: str
    name: str
    slug: str
    plan_tier: str
    billing_email: str | None
    billing_email_verified_at_ms: int | None
    billing_email_asked_at_ms: int | None
    description: str | None
    logo_url: str | None
    settings: bytes
    custom_limits: bytes | None
    webhook_token: str
    webhook_token_created_at_ms: int
    github_webhook_secret: str | None
    stripe_webhook_secret: str | None
    stripe_customer_id: str | None
    stripe_subscription_id: str | None
    stripe_subscription_status: str | None
    is_active: int
    created_at_ms: int
    updated_at_ms: int
    deleted_at_ms: int | None
    emptied_at_ms: int | None


class UsedOrgRow(OrgRow):
    """An organization with what it uses, as the list of all organizations shows it."""

    jobs_today: int
    active_jobs: int
    queue_count: int
    worker_count: int  # healthy and degraded ones
    active_key_count: int


class DetailedOrgRow(UsedOrgRow):
    """An organization with everything that is counted of it."""

    key_count: int  # including revoked ones
    total_jobs: int  # ever created


class TierRow(TypedDict):
    """The sums of the organizations of one tier."""

    plan: str
    count: int
    active: int
    created_today: int
    created_this_week: int


class JobsNowRow(TypedDict):
    """The jobs of all organizations, by status."""

    pending: int
    scheduled: int
    processing: int
    completed: int
    failed: int
    deadletter: int
    cancelled: int


class JobsOfADayRow(TypedDict):
    created: int
    completed: int
    failed: int


class WorkersRow(TypedDict):
    total: int
    healthy: int
    degraded: int


class RestRow(TypedDict):
    queue_count: int
    key_count: int  # including revoked ones
