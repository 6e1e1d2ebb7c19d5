"""The commands that core is given about tasks, and their bounds."""

from typing import Final

from msgspec import Struct

from spooled_lite.core.jobs.send_options import SendOptions

TASKS_MAX: Final = 10_000  # of an organization: each is some hundred bytes, and lists are paged
RETRIES_USUAL: Final = 2
TIMEOUT_MS_USUAL: Final = 30_000
# Claims, and the ends of runs, count those of a limited task that run: a millisecond for these.
RUNS_AT_ONCE_MAX: Final = 10_000


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


class NewTaskRun(SendOptions, frozen=True, kw_only=True, gc=False):
    """A run of a task that core is asked to store. Its input is a JSON value."""

    input: bytes
    max_retries: int | None = None  # None: as the task says
    timeout_ms: int | None = None  # None: as the task says; 0: any time
    policy: bytes | None = None  # core.jobs.policy.OwnPolicy, as it is stored
