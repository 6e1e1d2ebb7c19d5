"""Lines of workers."""

from typing import Any, Final

from spooled_lite.core.export.fields import json, number, organization, text, time
from spooled_lite.core.export.kind import LineKind

WORKER: Final = LineKind(
    name="worker",
    table="workers",
    fields=(
        text("id"),
        organization(),
        text("queue_name"),
        json("queue_names", list[str], is_text=True),
        text("hostname"),
        text("worker_type", may_lack=True),
        text("version", may_lack=True),
        json("task_handlers", list[str], is_text=True, may_lack=True),
        json("step_handlers", list[str], is_text=True, may_lack=True),
        number("max_concurrency"),
        number("current_jobs"),
        text("status"),
        json("metadata", dict[str, Any]),
        number("jobs_processed"),
        number("jobs_failed"),
        time("last_settled_at", "last_settled_ms", may_lack=True),
        time("busy_since", may_lack=True),
        time("last_heartbeat"),
        time("registered_at"),
        time("updated_at"),
    ),
    left_out={"seq": "a number in the file"},
)
