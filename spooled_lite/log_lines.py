"""What a log line looks like, as text or as JSON: one line, of bounded length, without secrets."""

import logging
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Struct

from spooled_lite.call_notes import NOTES, CallNotes
from spooled_lite.spans import SPAN, OpenSpan

# API keys, tokens and webhook tokens, should one get into a message by mistake.
SECRET: Final = re.compile(
    r"\b(s[kp]_(?:live|test)_|whk_|eyJ)[A-Za-z0-9_.-]{4,}|(?i:\bbearer\s+)\S+"
)
_MASK: Final = r"\1***"
# Of a text that holds a secret, one of these is a part: looking for them costs a tenth.
_SIGNS: Final = ("_live_", "_test_", "whk_", "eyJ")
_SIGN_OF_BEARER: Final = "bearer"
SECRET_CHARS_MIN: Final = 8  # of a setting: masking a shorter value would mask common words, too

MESSAGE_CHARS_MAX: Final = 8_192
EXCEPTION_CHARS_MAX: Final = 16_384  # the frames of a deep recursion are cut out of the middle
FIELD_CHARS_MAX: Final = 2_048
NAME_CHARS_MAX: Final = 100
FIELDS_MAX: Final = 64
DEPTH_MAX: Final = 4  # of values within a field
LINE_CHARS_MAX: Final = 65_536  # of JSON, where an escaped character counts as up to six
_CHARS_MAX: Final = {"message": MESSAGE_CHARS_MAX, "exception": EXCEPTION_CHARS_MAX}
# Would move the cursor of a terminal, or end the line.
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class LogMasks:
    """Hides credentials by their form, and the secrets of the settings by their values."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        long = {each for each in secrets if len(each) >= SECRET_CHARS_MIN}
        in_json = {msgspec.json.encode(each).decode()[1:-1] for each in long}
        self._known = sorted(long | in_json, key=len, reverse=True)

    def has_none(self, text: str) -> bool:
        """True: there is nothing to hide. Much faster than looking for what there is."""
        return not (
            any(sign in text for sign in _SIGNS)
            or _SIGN_OF_BEARER in text.lower()
            or any(secret in text for secret in self._known)
        )

    def masked(self, text: str) -> str:
        if self.has_none(text):
            return text
        for secret in self._known:
            text = text.replace(secret, "***")
        return masked(text)


def masked(text: str) -> str:
    """The text with its credentials hidden, as far as their form gives them away."""
    return SECRET.sub(_MASK, text)


def cut(text: str, chars_max: int) -> str:
    """The text, or its beginning and its end when it is longer than this."""
    if len(text) <= chars_max:
        return text
    head = chars_max // 4
    tail = chars_max - head
    left_out = len(text) - chars_max
    return f"{text[:head]} [{left_out} characters left out] {text[-tail:]}"


class LogLine(Struct, frozen=True):
    """A line to be, without what belongs to the code that wrote it."""

    created: float
    level: str
    logger: str
    message: str
    fields: Mapping[str, Any] = {}
    exception: str | None = None


class PlainLines(logging.Formatter):
    """Text for people. Only a traceback takes several lines."""

    def __init__(self, masks: LogMasks) -> None:
        super().__init__()
        self._masks = masks

    def format(self, record: logging.LogRecord) -> str:
        return self.shown(_line_of(self, record))

    def shown(self, line: LogLine) -> str:
        message = self._shown(line.message, MESSAGE_CHARS_MAX).rstrip("\n")
        # Further lines of a message are indented, so that none looks like a line of its own.
        message = message.replace("\n", "\n    ")
        text = f"{rfc3339(line.created)} {line.level:<8} {line.logger}: {message}"
        if line.exception is not None:
            text += "\n" + self._shown(line.exception, EXCEPTION_CHARS_MAX)
        return text

    def _shown(self, text: str, chars_max: int) -> str:
        if text.isascii() and text.isprintable() and len(text) <= chars_max:
            return self._masks.masked(text)  # nearly always
        return _CONTROL.sub(_escaped, cut(self._masks.masked(text), chars_max))


class JsonLines(logging.Formatter):
    """One JSON object per line."""

    def __init__(self, masks: LogMasks) -> None:
        super().__init__()
        self._masks = masks

    def format(self, record: logging.LogRecord) -> str:
        return self.shown(_line_of(self, record), NOTES.get(), SPAN.get())

    def shown(
        self, line: LogLine, notes: CallNotes | None = None, span: OpenSpan | None = None
    ) -> str:
        """`notes` and `span`: those of the call that the line is about."""
        fields: dict[str, Any] = {
            "time": rfc3339(line.created),
            "level": line.level.lower(),
            "logger": line.logger,
            "message": line.message,
        }
        if notes is not None:
            fields.update(notes.fields())
        if span is not None:
            fields["trace_id"] = span.trace_id
        fields.update(line.fields)
        if line.exception is not None:
            fields["exception"] = line.exception
        try:
            text = msgspec.json.encode(fields).decode()
        except (TypeError, ValueError, RecursionError):  # a value of another type, half a character
            return self._careful(fields)
        is_plain = len(text) <= FIELD_CHARS_MAX and self._masks.has_none(text)
        return text if is_plain else self._careful(fields)

    def _careful(self, line: Mapping[str, Any]) -> str:
        """A line that is long, has a secret in it, or cannot be encoded as it is.

        Each value is masked by itself: in the whole line, a mask could take a quote with it.
        """
        text = msgspec.json.encode(self._tidy_fields(line)).decode()
        if len(text) <= LINE_CHARS_MAX:
            return text
        kept = {name: line[name] for name in ("time", "level", "logger", "message")}
        return msgspec.json.encode(self._tidy_fields(kept | {"is_cut": True})).decode()

    def _tidy_fields(self, fields: Mapping[Any, Any], depth: int = 0) -> dict[str, Any]:
        some = list(fields.items())[:FIELDS_MAX]
        return {
            self._tidy_text(str(name), NAME_CHARS_MAX): self._tidy(
                value, depth, _CHARS_MAX.get(name, FIELD_CHARS_MAX)
            )
            for name, value in some
        }

    def _tidy(self, value: Any, depth: int, chars_max: int) -> Any:
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, int) and abs(value) < 2**63:
            return value
        if isinstance(value, Mapping) and depth < DEPTH_MAX:
            return self._tidy_fields(value, depth + 1)
        if isinstance(value, list | tuple) and depth < DEPTH_MAX:
            return [self._tidy(each, depth + 1, FIELD_CHARS_MAX) for each in value[:FIELDS_MAX]]
        return self._tidy_text(value if isinstance(value, str) else str(value), chars_max)

    def _tidy_text(self, text: str, chars_max: int) -> str:
        # Masked before it is cut: half of a credential would not be known by its form.
        whole = text.encode("utf-8", "backslashreplace").decode()
        return cut(self._masks.masked(whole), chars_max)


def _line_of(form: logging.Formatter, record: logging.LogRecord) -> LogLine:
    """`fields`: further ones for programs, which are given as `extra={"fields": {...}}`."""
    return LogLine(
        record.created,
        record.levelname,
        record.name,
        record.getMessage(),
        getattr(record, "fields", {}),
        form.formatException(record.exc_info) if record.exc_info else None,
    )


def _escaped(found: re.Match[str]) -> str:
    return f"\\x{ord(found.group()):02x}"


def rfc3339(seconds: float) -> str:
    # Real time and not the server's clock: it is the time at which the line was written.
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03d}Z"


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
