"""How long a failed job waits before its next attempt."""

from typing import Final

import msgspec
from msgspec import Raw

from spooled_lite.core.jobs.policy import (
    EXPONENT_MAX,
    Backoff,
    delay_ms,
    read_backoff,
    read_policy,
)
from spooled_lite.core.jobs.records import CENTURY_SECONDS
from spooled_lite.core.lifecycle.statements import HeldRow
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.tasks import statements as task_statements
from spooled_lite.storage.transaction import Tx

DEFAULT_BASE_SECONDS: Final = 1.0
DEFAULT_MULTIPLIER: Final = 2.0
DEFAULT_MAX_SECONDS: Final = 60.0  # of a queue without a backoff of its own
QUEUE_MAX_SECONDS: Final = 3_600.0  # of a queue that names only a part of it
# What else the settings hold is passed over: the writing thread has no time to make it.
_MEMBERS: Final = msgspec.json.Decoder(dict[str, Raw])
_NUMBER: Final = msgspec.json.Decoder(float)
_SETTINGS: Final = frozenset({"retry_delay_ms", "backoff_multiplier", "max_retry_delay_ms"})


def wait_ms(tx: Tx, queue: QueueRow, held: HeldRow) -> int:
    """How long a job whose attempt has failed waits for the next one, in milliseconds.

    The first of these that says something counts: the job itself, the definition of its task
    as it is now, its queue's `backoff`, the older columns of its queue, the default.

    Contract: jobs, section 6 ("Per-queue backoff"); catbird-capabilities, section 7.
    """
    backoff = _named(tx, queue, held)
    if backoff is None:
        return backoff_ms(queue, held["retry_count"])
    return delay_ms(backoff, held["retry_count"], tx.chance)


def backoff_ms(queue: QueueRow, retry_count: int) -> int:
    """min(base x multiplier^retry_count, max), with the parts of a queue without a `backoff`.

    The first of these that names anything counts: the backoff columns, `retry_delay_seconds` as
    the base, the dashboard's keys in `settings`; else 1, 2, 4 ... 60 seconds.

    Contract: jobs, section 6 ("Backoff", "Per-queue backoff").
    """
    base, multiplier, most = _parts(queue)
    seconds = base * multiplier ** min(retry_count, EXPONENT_MAX)
    return round(min(seconds, most) * 1000)


def has_backoff(tx: Tx, queue: QueueRow, held: HeldRow) -> bool:
    """Whether the job or its queue names a backoff, or a part of one."""
    if _named(tx, queue, held) is not None:
        return True
    named = ("backoff_base_seconds", "backoff_multiplier", "backoff_max_seconds")
    if any(queue[each] is not None for each in (*named, "retry_delay_seconds")):  # type: ignore[literal-required]
        return True
    return not _SETTINGS.isdisjoint(_settings(queue))


def _named(tx: Tx, queue: QueueRow, held: HeldRow) -> Backoff | None:
    """The backoff with a strategy, of the nearest that has one."""
    if held["policy"] is not None:
        of_job = read_policy(held["policy"]).backoff
        if of_job is not None:
            return of_job
    if held["kind"] == "task_run":
        of_task = tx.value(task_statements.BACKOFF, {"org": held["org"], "name": held["task_name"]})
        if of_task is not None:
            return read_backoff(of_task)
    return None if queue["backoff"] is None else read_backoff(queue["backoff"])


def _parts(queue: QueueRow) -> tuple[float, float, float]:
    base = queue["backoff_base_seconds"]
    multiplier = queue["backoff_multiplier"]
    most = queue["backoff_max_seconds"]
    if base is not None or multiplier is not None or most is not None:
        return _completed(base, multiplier, most)
    if queue["retry_delay_seconds"] is not None:
        return _completed(queue["retry_delay_seconds"], None, None)
    settings = _settings(queue)
    if not _SETTINGS.isdisjoint(settings):
        most_ms = CENTURY_SECONDS * 1000
        return (
            _number(settings.get("retry_delay_ms"), 1_000, 0, most_ms) / 1000,
            _number(settings.get("backoff_multiplier"), DEFAULT_MULTIPLIER, 1, 10),
            _number(settings.get("max_retry_delay_ms"), 60_000, 0, most_ms) / 1000,
        )
    return DEFAULT_BASE_SECONDS, DEFAULT_MULTIPLIER, DEFAULT_MAX_SECONDS


def _completed(
    base: float | None, multiplier: float | None, most: float | None
) -> tuple[float, float, float]:
    return (
        DEFAULT_BASE_SECONDS if base is None else base,
        DEFAULT_MULTIPLIER if multiplier is None else multiplier,
        QUEUE_MAX_SECONDS if most is None else most,
    )


def _settings(queue: QueueRow) -> dict[str, Raw]:
    if queue["settings"] == b"{}":
        return {}
    return _MEMBERS.decode(queue["settings"])


def _number(value: Raw | None, default: float, least: int, most: int) -> float:
    """A setting is free JSON: what is no number in its range is as if it was not there."""
    if value is None:
        return float(default)
    try:
        number = _NUMBER.decode(value)
    except msgspec.MsgspecError:
        return float(default)
    return number if least <= number <= most else float(default)
