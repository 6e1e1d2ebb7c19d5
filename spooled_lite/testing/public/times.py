"""Times and durations, as the API takes and answers them."""

from datetime import UTC, datetime, timedelta


def length_of(value: timedelta | str) -> str | int:
    """A duration as the API takes it."""
    return value if isinstance(value, str) else round(value.total_seconds() * 1000)


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
