"""What people give to commands: JSON, times, numbers that can be taken back."""

import re
import sys
from typing import Final

import click
import msgspec
from msgspec import Raw

from spooled_lite.clock import SystemClock
from spooled_lite.errors import WrongShape
from spooled_lite.times import LAST_MS, format_ms, parse_ms

INPUT_BYTES_MAX: Final = 64 * 2**20  # of a file or the standard input; no body may be as long
_SPAN: Final = re.compile(r"([0-9]{1,9})(s|m|min|h|d)")
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
_BREAKER: Final = re.compile(r"([0-9]{1,9}):([0-9]{1,9}(?:\.[0-9]{1,3})?)")
_SPAN_SECONDS: Final = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400}
FORMS: Final = "a time such as 2027-01-01T09:00:00Z, or a span such as 90s, 15m, 2h or 7d"


def given_json(text: str, name: str) -> Raw:
    """JSON as it was given, byte for byte; `-` is the standard input.

    Raises:
        click.BadParameter: it is no JSON.
    """
    content = input_bytes() if text == "-" else text.encode("utf-8", "surrogateescape")
    return checked_json(content, "the standard input" if text == "-" else f"the {name}", name)


def checked_json(content: bytes, where: str, name: str) -> Raw:
    try:
        content.decode()
        msgspec.json.decode(content, type=Raw)
    except UnicodeDecodeError as error:
        raise click.BadParameter(
            f"{where} is not UTF-8 (byte {error.start})", param_hint=name
        ) from None
    except (msgspec.MsgspecError, RecursionError) as error:
        hint = "" if content.strip() else "; it is empty"
        raise click.BadParameter(f"{where} is no JSON: {error}{hint}", param_hint=name) from None
    return Raw(content.strip())


def input_bytes() -> bytes:
    """All of the standard input. Raises click.UsageError when it does not end."""
    content = sys.stdin.buffer.read(INPUT_BYTES_MAX + 1)
    if len(content) > INPUT_BYTES_MAX:
        raise click.UsageError(f"the standard input is longer than {INPUT_BYTES_MAX // 2**20} MiB")
    return content


def past(text: str) -> str:
    """A time; a span is that long before now."""
    return _moment(text, -1)


def future(text: str) -> str:
    """A time; a span is that long after now."""
    return _moment(text, 1)


def future_or_none(text: str) -> str | None:
    """As `future`, or `none`, which takes one back."""
    return None if text == "none" else future(text)


def number_or_none(text: str) -> int | float | None:
    """A number, or `none`, which takes one back."""
    if text == "none":
        return None
    try:
        return int(text) if _WHOLE.fullmatch(text) else float(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is neither a number nor `none`") from None


def breaker_or_none(text: str) -> dict[str, int] | None:
    """How many failures in a row open it and for how many seconds, `5:30`; or `none`."""
    if text == "none":
        return None
    found = _BREAKER.fullmatch(text)
    if found is None:
        raise click.BadParameter(
            f"{text!r} is neither failures and seconds, such as 5:30, nor `none`"
        )
    return {"failure_threshold": int(found[1]), "open_timeout_ms": round(float(found[2]) * 1000)}


def _moment(text: str, direction: int) -> str:
    span = _SPAN.fullmatch(text)
    if span is not None:
        seconds = int(span[1]) * _SPAN_SECONDS[span[2]]
        at_ms = SystemClock().now_ms() + direction * seconds * 1000
        return format_ms(min(max(0, at_ms), LAST_MS))
    try:
        parse_ms(text, "")
    except WrongShape:
        raise click.BadParameter(f"{text!r} is neither {FORMS}") from None
    return text
