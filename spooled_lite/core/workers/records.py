"""Commands about workers, and the rules for their fields."""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from spooled_lite.core.lifecycle.handlers import StepName
from spooled_lite.errors import RuleBroken

SILENCE_MS: Final = 120_000  # without a heartbeat for this long, a worker counts as offline
HEARD_OF_WITHIN_MS: Final = 60_000  # figures count a worker whose last heartbeat is no older
COUNTED_MAX: Final = 10_000  # workers read for one figure, which grows no further
WORKER_QUEUES_MAX: Final = 100  # of one worker
WORKER_CONCURRENCY_MAX: Final = 10_000
CURRENT_JOBS_MAX: Final = WORKER_CONCURRENCY_MAX
TASK_HANDLERS_MAX: Final = 100  # as many as a claim may name
STEP_HANDLERS_MAX: Final = 100  # likewise
LISTED_JOBS_MAX: Final = 1_000  # whose ids a heartbeat may list, instead of their number
METADATA_BYTES_MAX: Final = 65_536
HOSTNAME_MAX: Final = 255
UNKNOWN_HOST: Final = "unknown"
WORKER_STATUSES: Final = ("healthy", "degraded", "draining", "offline")

# \Z and not $: that would let a line break pass at the end.
WorkerId = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._-]+\Z")]

_HOST_MARKS: Final = frozenset(".-_")
NO_METADATA: Final = b"{}"


class NewWorker(Struct, frozen=True, kw_only=True):
    """A worker to register. REST and gRPC both build it."""

    queue_names: tuple[str, ...]  # at least one
    hostname: str = UNKNOWN_HOST
    worker_id: str | None = None  # None: a new one
    worker_type: str | None = None
    version: str | None = None
    task_handlers: tuple[str, ...] = ()  # the tasks whose runs it takes
    step_handlers: tuple[StepName, ...] = ()  # the steps of flows that it takes
    max_concurrency: int = 5
    metadata: bytes = NO_METADATA


class SignOfLife(Struct, frozen=True, kw_only=True):
    """What a worker reports in a heartbeat."""

    current_jobs: int = 0
    status: str = "healthy"
    metadata: bytes | None = None  # None: as it is


def queue_names_of(stored: str) -> list[str]:
    return msgspec.json.decode(stored, type=list[str])


def task_handlers_of(stored: str | None) -> list[str]:
    return [] if stored is None else msgspec.json.decode(stored, type=list[str])


def step_handlers_of(stored: str | None) -> list[StepName]:
    named = [] if stored is None else msgspec.json.decode(stored, type=list[str])
    parts = (handler.partition(".") for handler in named)
    return [StepName(flow_name, step_name) for flow_name, _, step_name in parts]


def json_list(names: Sequence[str]) -> str:
    return msgspec.json.encode(names).decode()


def checked_hostname(hostname: str) -> str:
    """Return the hostname. Raises RuleBroken when it is invalid. Contract: jobs, section 2.4."""
    if not 1 <= len(hostname) <= HOSTNAME_MAX:
        raise RuleBroken.of(
            "hostname", f"Field `hostname` must have 1 to {HOSTNAME_MAX} characters", "length"
        )
    if not all(each.isalnum() or each in _HOST_MARKS for each in hostname):
        raise RuleBroken.of(
            "hostname",
            "Field `hostname` may contain letters, digits, `.`, `-` and `_` only",
            "invalid_hostname",
        )
    if hostname[0] in ".-" or hostname[-1] in ".-":
        raise RuleBroken.of(
            "hostname",
            "Field `hostname` must not start or end with `.` or `-`",
            "invalid_hostname_format",
        )
    return hostname


def checked_metadata(given: bytes) -> bytes | None:
    """The metadata to store; None when the caller sent null."""
    if given == b"null":
        return None
    if len(given) > METADATA_BYTES_MAX:
        raise RuleBroken.of(
            "metadata", f"Field `metadata` is larger than {METADATA_BYTES_MAX} bytes",
            "metadata_too_large",
        )  # fmt: skip
    # PHP writes an empty map as an empty list.
    is_empty_list = given[:1] == b"[" and not given[1:-1].strip()
    return NO_METADATA if is_empty_list else given
