"""The commands that core is given about tasks, and their bounds."""

from typing import Final

from msgspec import Struct

TASKS_MAX: Final = 10_000  # of an organization: each is some hundred bytes, and lists are paged
RETRIES_USUAL: Final = 2
TIMEOUT_MS_USUAL: Final = 30_000


class TaskDefinition(Struct, frozen=True, kw_only=True):
    """Everything that is said of a task but its name. Its JSON is as columns hold it."""

    queue_name: str
    description: str | None = None
    condition: str | None = None
    max_retries: int = RETRIES_USUAL
    timeout_ms: int = TIMEOUT_MS_USUAL  # of an attempt; 0: any time
    backoff: bytes | None = None
    circuit_breaker: bytes | None = None
    max_concurrency: int | None = None
    retention_ms: int | None = None
    on_fail: bytes | None = None


class NewTaskRun(Struct, frozen=True, kw_only=True, gc=False):
    """A run of a task that core is asked to store. Its input is a JSON value."""

    input: bytes
    topic: str | None = None
    priority: int = 0
    headers: bytes | None = None  # a JSON object
    concurrency_key: str | None = None
    visible_at_ms: int | None = None
    delay_ms: int | None = None  # from the moment it is stored
    expires_at_ms: int | None = None
    expires_in_ms: int | None = None  # from the moment it is stored
    max_retries: int | None = None  # None: as the task says
    timeout_ms: int | None = None  # None: as the task says; 0: any time
    policy: bytes | None = None  # core.jobs.policy.OwnPolicy, as it is stored
