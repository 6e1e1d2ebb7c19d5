"""What bodies say of a new message and of a new run alike, as core takes it."""

from typing import Protocol, TypedDict

from msgspec import Raw

from spooled_lite.core.messages.records import HEADERS_BYTES_MAX
from spooled_lite.errors import RuleBroken, WrongShape
from spooled_lite.times import Time, parse_optional_ms


class HasSendOptions(Protocol):
    """A body with these fields; null means absent."""

    @property
    def priority(self) -> int | None: ...
    @property
    def headers(self) -> Raw: ...
    @property
    def concurrency_key(self) -> str | None: ...
    @property
    def visible_at(self) -> Time | None: ...
    @property
    def scheduled_at(self) -> Time | None: ...
    @property
    def delay_ms(self) -> int | None: ...
    @property
    def delay_seconds(self) -> int | None: ...
    @property
    def expires_at(self) -> Time | None: ...
    @property
    def expires_in_ms(self) -> int | None: ...


class OptionsGiven(TypedDict):
    """Fields of `core.jobs.send_options.SendOptions`."""

    priority: int
    headers: bytes | None
    concurrency_key: str | None
    visible_at_ms: int | None
    delay_ms: int | None
    expires_at_ms: int | None
    expires_in_ms: int | None


def options_given(body: HasSendOptions, at: str) -> OptionsGiven:
    """A moment takes precedence over a span. `at` goes in front of the names of fields in errors.

    Raises:
        WrongShape: a time is not valid, the headers are no object.
        RuleBroken: the headers are too large.
    """
    visible_at = parse_optional_ms(body.visible_at, f"{at}visible_at")
    if visible_at is None:
        visible_at = parse_optional_ms(body.scheduled_at, f"{at}scheduled_at")
    delay_ms = body.delay_ms
    if delay_ms is None and body.delay_seconds is not None:
        delay_ms = body.delay_seconds * 1000
    expires_at = parse_optional_ms(body.expires_at, f"{at}expires_at")
    return {
        "priority": body.priority or 0,
        "headers": checked_headers(bytes(body.headers), f"{at}headers"),
        "concurrency_key": body.concurrency_key or None,
        "visible_at_ms": visible_at,
        "delay_ms": delay_ms if visible_at is None else None,
        "expires_at_ms": expires_at,
        "expires_in_ms": body.expires_in_ms if expires_at is None else None,
    }


def checked_headers(value: bytes, field: str) -> bytes | None:
    """Raises WrongShape when they are no object, RuleBroken when they are too large."""
    if value == b"null":
        return None
    if value[:1] != b"{":
        raise WrongShape.wrong_type(field, "an object")
    if len(value) > HEADERS_BYTES_MAX:
        raise RuleBroken.of(
            field, f"Field `{field}` is larger than {HEADERS_BYTES_MAX} bytes", "length"
        )
    return value
