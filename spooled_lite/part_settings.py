"""What the settings mean for single parts of an application."""

from spooled_lite.config import Settings
from spooled_lite.core.maintenance.prune import Retention
from spooled_lite.core.schedules.fire import Terms
from spooled_lite.plans import Plans
from spooled_lite.storage.writer import WriterSettings


def writer_settings(settings: Settings) -> WriterSettings:
    return WriterSettings(
        durability=settings.durability,
        line_max=settings.write_line_max,
        batch_max=settings.write_batch_max,
        batch_ms_max=settings.write_batch_ms_max,
        disk_reserve_bytes=settings.disk_reserve_bytes,
    )


def terms_of(settings: Settings, plans: Plans) -> Terms:
    return Terms(
        plans=plans,
        is_enforced=settings.plan_enforcement == "on",
        payload_bytes_max=settings.queue_max_payload_size_bytes,
        max_retries=settings.queue_default_max_retries,
        timeout_seconds=settings.queue_default_timeout_secs,
    )


def retention_of(settings: Settings, plans: Plans) -> Retention:
    return Retention(
        job_days=settings.job_retention_days,
        history_days=settings.history_retention_days,
        plans=plans if settings.plan_enforcement == "on" else None,
    )
