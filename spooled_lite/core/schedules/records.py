"""The commands that core is given about schedules."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from msgspec import Struct

DEFAULT_ZONE: Final = "UTC"

# With `skip`: how late a slot may fire. Contract: catbird-capabilities, S14.
GRACE_SECONDS: Final = 60

CatchUp = Literal["skip", "one", "all"]
CATCH_UPS: Final = frozenset({"skip", "one", "all"})


class NewSchedule(Struct, frozen=True, kw_only=True):
    """What core is asked to store: one name per thing."""

    name: str
    cron_expression: str
    queue_name: str
    payload_template: bytes
    description: str | None = None
    timezone: str = DEFAULT_ZONE
    priority: int = 0
    max_retries: int | None = None  # None: the queue's value
    timeout_seconds: int | None = None  # None: the queue's value
    is_active: bool = True
    catch_up: CatchUp = "one"
    tags: bytes | None = None
    metadata: bytes | None = None
    misfire_grace_seconds: int = GRACE_SECONDS
    task_name: str | None = None  # then its queue, and the limits that are None, are the task's
    flow_name: str | None = None  # then its queue is that of the first step
    is_of_task: bool = False  # made as the one schedule of its task or its flow


class ScheduleChanges(Struct, frozen=True, kw_only=True):
    """What core is asked to change: new values by column; what is not named is kept."""

    columns: Mapping[str, Any] = {}
    job_type: str | None = None  # for a template that is kept
