"""Lines of tasks."""

from typing import Final

from spooled_lite.core.conditions.parse import parse_condition
from spooled_lite.core.export.fields import checked, json, number, organization, plain, text, time
from spooled_lite.core.export.kind import LineKind
from spooled_lite.core.jobs.policy import Backoff, CircuitBreaker, OnFail
from spooled_lite.core.queues.names import checked_queue_name
from spooled_lite.core.tasks.names import checked_task_name


def _checked_condition(text: str) -> str:
    parse_condition(text)
    return text


TASK: Final = LineKind(
    name="task",
    table="tasks",
    fields=(
        organization(),
        checked("name", checked_task_name),
        text("description", may_lack=True),
        checked("queue_name", checked_queue_name),
        plain("condition", str, may_lack=True, stored=_checked_condition),
        number("max_retries"),
        number("timeout_ms"),
        json("backoff", Backoff, may_lack=True),
        json("circuit_breaker", CircuitBreaker, may_lack=True),
        number("max_concurrency", may_lack=True),
        number("retention_ms", may_lack=True),
        json("on_fail", OnFail, may_lack=True),
        number("revision"),
        time("created_at"),
        time("updated_at"),
        # Its runs still have to be deleted.
        time("deleted_at", may_lack=True),
    ),
    left_out={"seq": "a number in the file"},
)
