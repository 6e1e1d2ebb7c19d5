"""What people see of a queue: a row of a table, its configuration, what is in it."""

from typing import Final

from spooled_lite.cli.escaped import escaped, message_of
from spooled_lite.cli.things import NONE, Column, Thing, ago, duration, number, text


def _state(thing: Thing) -> str:
    return "paused" if thing.value("paused") else "open"


def _rate(thing: Thing) -> str:
    rate = thing.value("completed_per_min")
    return f"{rate:g}" if isinstance(rate, int | float) else NONE


def _attention(thing: Thing) -> str:
    return thing.text("attention").replace("_", " ")


NAME: Final = text("QUEUE", "queue_name")
STATE: Final = Column("STATE", _state, whole=True)
# Of the overview of Spooled Lite, with counts, and of the list that every Spooled has.
BOARD: Final = (
    NAME,
    STATE,
    number("WAITING"),
    number("RETRYING"),
    number("SCHEDULED"),
    number("RUNNING", "processing"),
    number("DEAD", "deadletter"),
    Column("DONE/MIN", _rate, whole=True, right=True),
    number("WORKERS"),
    ago("OLDEST", "oldest_waiting_at"),
    Column("LOOK AT", _attention, optional=True),
)
CONFIGURED: Final = (
    NAME,
    STATE,
    number("RETRIES", "max_retries"),
    number("TIMEOUT", "default_timeout"),
    number("AT ONCE", "max_concurrency"),
    number("PER SECOND", "rate_limit"),
    text("DESCRIPTION", optional=True),
)


def details_of(queue: Thing, stats: Thing) -> list[tuple[str, str]]:
    mean = stats.value("avg_processing_time_ms")
    age = stats.value("max_job_age_seconds")
    return [
        *configuration_of(queue),
        ("created", queue.when("created_at")),
        ("waiting", stats.text("pending")),
        ("scheduled", stats.text("scheduled")),
        ("running", stats.text("processing")),
        ("dead", stats.text("deadletter")),
        ("completed", f"{stats.text('completed_jobs_24h')} in the last day"),
        ("failed", f"{stats.text('failed_jobs_24h')} in the last day"),
        ("mean time", f"{mean / 1000:.2f} s" if isinstance(mean, int) else "-"),
        ("oldest", f"waits for {duration(age * 1000)}" if isinstance(age, int) else "-"),
        ("workers", stats.text("active_workers")),
    ]


def configuration_of(queue: Thing) -> list[tuple[str, str]]:
    settings = queue.value("settings")
    reason = settings.get("paused_reason") if isinstance(settings, dict) else None
    return [
        ("queue", queue.text("queue_name")),
        ("state", _state(queue) + (f": {message_of(reason)}" if isinstance(reason, str) else "")),
        ("description", queue.text("description")),
        ("max retries", queue.text("max_retries")),
        ("timeout", f"{queue.text('default_timeout')} s"),
        ("at once", queue.text("max_concurrency")),
        ("per second", queue.text("rate_limit")),
        ("backoff", _backoff(queue)),
        *_breaker(queue),
        *((("expires", queue.text("expires_at")),) if queue.value("expires_at") else ()),
    ]


def _breaker(queue: Thing) -> list[tuple[str, str]]:
    """A line for a queue that has one; how it stands is in the answer about one queue."""
    it, standing = queue.value("circuit_breaker"), queue.value("breaker")
    if not isinstance(it, dict):
        return []
    said = f"{it['failure_threshold']} failures in a row, {it['open_timeout_ms'] / 1000:g} s"
    state = standing.get("state") if isinstance(standing, dict) else None
    return [("breaker", said + (f"; {state.replace('_', ' ')}" if state else ""))]


def _backoff(queue: Thing) -> str:
    chosen = queue.value("backoff")
    if isinstance(chosen, dict):  # it goes before the parts
        named = {key.replace("_", " "): value for key, value in chosen.items()}
        return escaped(", ".join([str(named.pop("strategy", "")), *_named(named)]))
    base, times, longest = (
        queue.text(f"backoff_{name}") for name in ("base_seconds", "multiplier", "max_seconds")
    )
    parts = []
    if base != NONE:
        parts.append(f"{base} s")
    if times != NONE:
        parts.append(f"{times} times longer each")
    if longest != NONE:
        parts.append(f"up to {longest} s")
    return ", ".join(parts)


def _named(parts: dict[str, object]) -> list[str]:
    """`base delay ms` 500 as `base delay 500 ms`."""
    return [
        f"{name.removesuffix(' ms')} {value} ms" if name.endswith(" ms") else f"{name} {value}"
        for name, value in parts.items()
    ]
