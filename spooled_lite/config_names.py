"""The names of settings in the environment, and names that are not settings. Reads nothing."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

PREFIX: Final = "SPOOLED_"
# Of an unknown name, no more is shown and compared; comparing takes quadratic time.
SETTING_NAME_CHARS_MAX: Final = 100

# Variables of clients and of our own client commands, which are often set in a developer's shell.
# The server ignores them.
NOT_OURS: Final = frozenset(
    {
        "SPOOLED_URL",
        "SPOOLED_BASE_URL",
        "SPOOLED_API_URL",
        "SPOOLED_WS_URL",
        "SPOOLED_GRPC_URL",
        "SPOOLED_GRPC_ADDRESS",
        "SPOOLED_API_KEY",
        "SPOOLED_API_KEY_FILE",
        "SPOOLED_THERE_API_KEY",
        "SPOOLED_THERE_API_KEY_FILE",
        "SPOOLED_ACCESS_TOKEN",
        "SPOOLED_REFRESH_TOKEN",
        "SPOOLED_TEST_URL",
        "SPOOLED_TEST_KEY",
        "SPOOLED_ORGANIZATION_ID",
        "SPOOLED_ORG_ID",
        # What `jobs run` tells its commands.
        "SPOOLED_JOB_ID",
        "SPOOLED_JOB_QUEUE",
        "SPOOLED_JOB_ATTEMPT",
        "SPOOLED_JOB_MAX_RETRIES",
        "SPOOLED_JOB_LEASE_ID",
    }
)

# The limits of plan tiers: their names in variables, and their names in answers.
PLAN_FIELDS: Final[Mapping[str, str]] = {
    "MAX_JOBS_PER_DAY": "max_jobs_per_day",
    "MAX_ACTIVE_JOBS": "max_active_jobs",
    "MAX_QUEUES": "max_queues",
    "MAX_WORKERS": "max_workers",
    "MAX_API_KEYS": "max_api_keys",
    "MAX_SCHEDULES": "max_schedules",
    "MAX_WORKFLOWS": "max_workflows",
    "MAX_WEBHOOKS": "max_webhooks",
    "MAX_PAYLOAD_SIZE_BYTES": "max_payload_size_bytes",
    "RATE_LIMIT_RPS": "rate_limit_requests_per_second",
    "RATE_LIMIT_BURST": "rate_limit_burst",
    "JOB_RETENTION_DAYS": "job_retention_days",
    "HISTORY_RETENTION_DAYS": "history_retention_days",
}

# The variables with values of the plan tiers. They are not settings: plan_values.py reads them.
PLAN_VARIABLES: Final[tuple[str, ...]] = (
    "SPOOLED_PLAN_LIMITS_JSON",
    *(
        f"SPOOLED_PLAN_{tier}_{field}"
        for tier in ("FREE", "STARTER", "PRO", "ENTERPRISE")
        for field in ("LIMITS_JSON", *PLAN_FIELDS)
    ),
)
PLAN_VALUE: Final = re.compile(
    r"SPOOLED_PLAN_(LIMITS_JSON|(FREE|STARTER|PRO|ENTERPRISE)"
    rf"_(LIMITS_JSON|{'|'.join(PLAN_FIELDS)}))",
    re.ASCII,
)

# Optional in the contract (platform.md section 15) and not built: tracing, worker staleness.
WITHOUT_EFFECT: Final = re.compile(r"SPOOLED_(OTEL_[A-Z_]+|WORKER_STALE_THRESHOLD)", re.ASCII)

# The variables of the reference server, read only with SPOOLED_COMPAT_ENV=1. Of two spellings the
# first one wins. Its other variables (database pool, Redis, fallback polling, FORCE_HTTPS) have no
# meaning here and are never read.
ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "host": ("HOST",),
    "port": ("PORT",),
    "metrics_port": ("METRICS_PORT",),
    "grpc_port": ("GRPC_PORT",),
    "environment": ("RUST_ENV",),
    "public_url": ("BASE_URL",),
    "database": ("DATABASE_URL",),
    "admin_key": ("ADMIN_API_KEY",),
    "registration": ("REGISTRATION_MODE",),
    "jwt_secret": ("JWT_SECRET",),
    "jwt_expiration_hours": ("JWT_EXPIRATION_HOURS",),
    "rate_limit_requests_per_second": ("RATE_LIMIT_REQUESTS_PER_SECOND",),
    "rate_limit_burst_size": ("RATE_LIMIT_BURST_SIZE", "RATE_LIMIT_BURST"),
    "worker_heartbeat_interval_secs": (
        "WORKER_HEARTBEAT_INTERVAL_SECS",
        "WORKER_HEARTBEAT_INTERVAL",
    ),
    "worker_lease_duration_secs": ("WORKER_LEASE_DURATION_SECS", "WORKER_LEASE_DURATION"),
    "worker_max_concurrency": ("WORKER_MAX_CONCURRENCY",),
    "queue_default_max_retries": ("QUEUE_DEFAULT_MAX_RETRIES", "QUEUE_MAX_RETRIES"),
    "queue_default_timeout_secs": ("QUEUE_DEFAULT_TIMEOUT_SECS", "QUEUE_DEFAULT_TIMEOUT"),
    "queue_max_payload_size_bytes": ("QUEUE_MAX_PAYLOAD_SIZE_BYTES",),
    "github_webhook_secret": ("GITHUB_WEBHOOK_SECRET",),
    "stripe_webhook_secret": ("STRIPE_WEBHOOK_SECRET",),
    "outgoing_webhook_max_attempts": ("OUTGOING_WEBHOOK_MAX_ATTEMPTS",),
    "outgoing_webhook_max_concurrent_deliveries": ("OUTGOING_WEBHOOK_MAX_CONCURRENT_DELIVERIES",),
    "metrics_token": ("METRICS_TOKEN",),
    "enable_hsts": ("ENABLE_HSTS",),
    "cors_allowed_origins": ("CORS_ALLOWED_ORIGINS",),
    "json_logs": ("JSON_LOGS",),
    "log_level": ("RUST_LOG",),
    "grpc_tls_enabled": ("GRPC_TLS_ENABLED",),
    "grpc_tls_cert_path": ("GRPC_TLS_CERT_PATH",),
    "grpc_tls_key_path": ("GRPC_TLS_KEY_PATH",),
    "email_signup_enabled": ("EMAIL_SIGNUP_ENABLED",),
}

# From the level that logs most to the one that logs least.
_RUST_LEVELS: Final[Mapping[str, str]] = {
    "trace": "debug",
    "debug": "debug",
    "info": "info",
    "warn": "warning",
    "error": "error",
    "off": "critical",
}


def nearest(name: str, names: Iterable[str]) -> str:
    """The most similar of `names`, even when none is very similar."""
    [found] = get_close_matches(name[:SETTING_NAME_CHARS_MAX], list(names), n=1, cutoff=0.0)
    return found


def level_of(rust_log: str) -> str:
    """The log level nearest to a RUST_LOG filter such as `info,tower=warn`.

    A level without a target wins, else the one of all targets that logs most. Without any level
    it is `debug`.
    """
    directives = [part.strip().lower() for part in rust_log.split(",")]
    alone = [each for each in directives if each in _RUST_LEVELS]
    named = {each.rpartition("=")[2].strip() for each in alone or directives}
    return next((ours for theirs, ours in _RUST_LEVELS.items() if theirs in named), "debug")
