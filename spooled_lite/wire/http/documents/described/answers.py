"""Shapes of answers that handlers put together as dictionaries. Tests hold the two together."""

from msgspec import Struct


class CustomLimits(Struct, kw_only=True):
    """The one body that is made from no type: names that no tier has are kept."""

    max_jobs_per_day: int | None = None
    max_active_jobs: int | None = None
    max_queues: int | None = None
    max_workers: int | None = None
    max_api_keys: int | None = None
    max_schedules: int | None = None
    max_workflows: int | None = None
    max_webhooks: int | None = None
    max_payload_size_bytes: int | None = None
    rate_limit_requests_per_second: int | None = None
    rate_limit_burst: int | None = None
    job_retention_days: int | None = None
    history_retention_days: int | None = None
