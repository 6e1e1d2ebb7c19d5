"""Commands about queues, the results of queries, and the rules for settings."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Raw, Struct

from spooled_lite.core.jobs.records import CENTURY_SECONDS
from spooled_lite.errors import RuleBroken, WrongShape
from spooled_lite.plans import Caps

QUEUE_SETTINGS_BYTES_MAX: Final = 65_536
REASON_MAX: Final = 500
QUEUE_RATE_LIMIT_MAX: Final = 100_000  # jobs per second
CONCURRENCY_MAX: Final = 1_000_000
# The server writes these into the settings of a paused queue; a caller cannot set them.
RESERVED_SETTINGS: Final = frozenset({"paused", "paused_at", "paused_reason"})

# Bounded so that a time this far ahead still has a four-digit year.
Seconds = Annotated[float, Meta(ge=0, le=CENTURY_SECONDS)]


class Admission(Struct, frozen=True):
    """What a new job or queue is created under: the plan's caps and the server's defaults."""

    caps: Caps | None = None
    max_retries: int = 3
    timeout_seconds: int = 300


class QueueChanges(Struct, frozen=True):
    """Changes of a queue: new values by column, and whether it hands out jobs."""

    columns: Mapping[str, Any] = {}
    enabled: bool | None = None  # None: as it is
    expires_in_ms: int | None = None  # from the moment of the change


class QueueStanding(Struct, frozen=True, kw_only=True):
    """Statistics of a queue."""

    counts: Mapping[str, int] = {}  # by status
    completed_24h: int = 0
    failed_24h: int = 0  # failed and dead letters together
    completed_1h: int = 0
    mean_ms: int | None = None  # of an attempt that succeeded
    oldest_age_seconds: int | None = None  # of the jobs that wait
    active_workers: int = 0
    is_paused: bool = False


class QueueDepth(Struct, frozen=True, kw_only=True):
    """Jobs of a queue by status, and the age of the oldest pending one."""

    counts: Mapping[str, int]
    oldest_age_ms: int = 0


def checked_settings(given: bytes) -> bytes | None:
    """The settings to store, without reserved keys; None when the caller sent null."""
    if given == b"null":
        return None
    if given.strip()[:1] == b"[" and not given.strip()[1:-1].strip():
        return b"{}"  # PHP writes an empty map so
    if given[:1] != b"{":
        raise WrongShape.wrong_type("settings", "an object")
    if len(given) > QUEUE_SETTINGS_BYTES_MAX:
        raise RuleBroken.of(
            "settings", f"Field `settings` is larger than {QUEUE_SETTINGS_BYTES_MAX} bytes",
            "settings_too_large",
        )  # fmt: skip
    try:
        members = msgspec.json.decode(given, type=dict[str, Raw])
    except (msgspec.DecodeError, ValueError) as error:
        raise RuleBroken.of(
            "settings", f"Field `settings` cannot be read: {error}", "invalid_value"
        ) from None
    if RESERVED_SETTINGS.isdisjoint(members):
        return given
    kept = {name: value for name, value in members.items() if name not in RESERVED_SETTINGS}
    return msgspec.json.encode(kept)
