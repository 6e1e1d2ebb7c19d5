"""Lines of queues."""

from typing import Any, Final

from spooled_lite.core.export.fields import (
    checked,
    flag,
    json,
    number,
    organization,
    real,
    text,
    time,
)
from spooled_lite.core.export.kind import LineKind
from spooled_lite.core.jobs.policy import Backoff, CircuitBreaker
from spooled_lite.core.queues.names import checked_step_queue_name

QUEUE: Final = LineKind(
    name="queue",
    table="queues",
    fields=(
        text("id"),
        organization(),
        checked("queue_name", checked_step_queue_name),
        number("max_retries"),
        number("default_timeout"),
        real("retry_delay_seconds", may_lack=True),
        real("backoff_base_seconds", may_lack=True),
        real("backoff_multiplier", may_lack=True),
        real("backoff_max_seconds", may_lack=True),
        json("backoff", Backoff, may_lack=True),
        json("circuit_breaker", CircuitBreaker, may_lack=True),
        number("rate_limit", may_lack=True),
        number("max_concurrency", may_lack=True),
        flag("enabled"),
        time("paused_at", may_lack=True),
        text("paused_reason", may_lack=True),
        text("description", may_lack=True),
        json("settings", dict[str, Any]),
        time("created_at"),
        time("updated_at"),
        time("expires_at", may_lack=True),
        # Its jobs still have to be deleted.
        time("deleted_at", may_lack=True),
    ),
    left_out={
        "seq": "a number in the file",
        "window_started_at_ms": "counts what was handed out within a second",
        "window_count": "likewise",
    },
)
