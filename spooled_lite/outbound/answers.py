"""What is kept of the answer of a receiver."""

import unicodedata
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from itertools import islice
from typing import Final

SHOWN_CHARS_MAX: Final = 500  # of a body
RETRY_AFTER_SECONDS_MAX: Final = 60  # a longer wait counts as this

_WHITESPACE: Final = frozenset("\t\n\r")


def reason_of(status_code: int) -> str:
    """The standard words for a status, empty for an unknown one. Those of the receiver are ignored:
    they may be anything."""
    try:
        return HTTPStatus(status_code).phrase
    except ValueError:
        return ""


def shown(body: bytes) -> str:
    """The first SHOWN_CHARS_MAX characters, without control characters."""
    text = body.decode("utf-8", "replace")
    kept = (each for each in text if each in _WHITESPACE or unicodedata.category(each) != "Cc")
    return "".join(islice(kept, SHOWN_CHARS_MAX))


def retry_after_seconds(header: str | None, date: str | None, now_ms: int) -> int | None:
    """How long Retry-After asks to wait. None when it is missing, past or makes no sense.

    A time is compared with the answer's own `date` where there is one: the clocks of two machines
    differ.

    Contract: schedules-workflows-webhooks, section 3.5.
    """
    if header is None:
        return None
    if header.isascii() and header.isdigit():
        # A number of any length may stand there, also one that `int` refuses to read.
        digits = header.lstrip("0") or "0"
        return min(int(digits[:3]), RETRY_AFTER_SECONDS_MAX)
    at = _time(header)
    if at is None:
        return None
    now = _time(date) or datetime.fromtimestamp(now_ms / 1000, UTC)
    seconds = (at - now).total_seconds()
    return min(round(seconds), RETRY_AFTER_SECONDS_MAX) if seconds >= 0 else None


def _time(header: str | None) -> datetime | None:
    if header is None or len(header) > 64:
        return None
    try:
        at = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    # "-0000" names no zone; times in HTTP are in UTC.
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
