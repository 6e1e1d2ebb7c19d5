"""Times and durations, as the API takes and answers them."""

from datetime import UTC, datetime, timedelta


def length_of(value: timedelta | str) -> str | int:
    """A duration as the API takes it. Raises TypeError: a number does not say of what."""
    if isinstance(value, str):
        return value
    if isinstance(value, timedelta):
        return round(value.total_seconds() * 1000)
    raise TypeError(f"a duration is a text such as '90s', or a timedelta, and not {value!r}")


def time_of(value: datetime | str) -> str:
    """A time as the API takes it. Raises ValueError: it has no time zone."""
    if isinstance(value, str):
        return value
    if value.tzinfo is None:
        raise ValueError("a time needs a time zone, such as datetime.UTC")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def time_in(text: str) -> datetime:
    """A time as the API answers it."""
    return datetime.fromisoformat(text)
