"""Sends log lines to the error output, as text or JSON, with credentials masked."""

import logging
import re
import sys
import threading
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import msgspec

from spooled_lite.config import Settings
from spooled_lite.output import Output, output_of

logger = logging.getLogger(__name__)

STDERR: Final = 2
FLUSH_SECONDS_MAX: Final = 1.0  # how long the end of the program waits for an output nobody reads

# API keys, tokens and webhook tokens, should one get into a message by mistake.
SECRET: Final = re.compile(
    r"\b(s[kp]_(?:live|test)_|whk_|eyJ)[A-Za-z0-9_.-]{4,}|(?i:\bbearer\s+)\S+"
)
_MASK: Final = r"\1***"
_PLAIN: Final = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"


def set_up_logging(settings: Settings, *, stream: TextIO | None = None) -> logging.Handler:
    """Send every log line to the error output. Removes all handlers that were set up before.

    Returns the handler, so that a program that embeds the server can remove it.
    """
    output = output_of(sys.stderr, STDERR) if stream is None else None
    handler = logging.StreamHandler(stream or sys.stderr) if output is None else _Lines(output)
    handler.setFormatter(_JsonLines() if settings.json_logs else _Plain(_PLAIN))
    root = logging.getLogger()
    for each in list(root.handlers):
        root.removeHandler(each)
    root.addHandler(handler)
    root.setLevel(settings.log_level.upper())
    # Below WARNING these libraries log every query and every request with its contents.
    for chatty in ("aiosqlite", "asyncio", "httpcore", "httpx"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    return handler


def dropped_lines(handler: logging.Handler) -> int:
    """How many log lines this handler could not write."""
    return handler.output.dropped_count if isinstance(handler, _Lines) else 0


def log_what_is_printed() -> None:
    """Log what Python would print by itself: printing blocks while nobody reads the output."""
    logging.captureWarnings(True)
    sys.unraisablehook = lambda about: logger.error(
        "%s %r",
        about.err_msg or "an exception was ignored in",
        about.object,
        exc_info=about.exc_value,
    )
    threading.excepthook = lambda about: logger.error(
        "a thread ended with an error", exc_info=about.exc_value
    )


def masked(text: str) -> str:
    return SECRET.sub(_MASK, text)


class _Lines(logging.Handler):
    """A log handler that never blocks the caller."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self.output = output
        self._told_count = 0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            is_taken = self.output.write(self.format(record) + "\n")
        except Exception:
            self.output.dropped_count += 1  # the arguments do not fit the message
            return
        missing = self.output.dropped_count - self._told_count
        if is_taken and missing:
            self._told_count += missing
            self.handle(_about_missing(missing))

    def flush(self) -> None:
        """Wait a little for waiting lines; `logging` also calls this when the program ends."""
        self.output.flush(FLUSH_SECONDS_MAX)


def _about_missing(count: int) -> logging.LogRecord:
    said = "%d log lines were dropped: they could not be written in time, or not at all"
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, said, (count,), None)


class _Plain(logging.Formatter):
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return _rfc3339(record.created)

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


class _JsonLines(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _rfc3339(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        # Further fields for programs, given as `extra={"fields": {...}}`.
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return masked(msgspec.json.encode(line).decode("utf-8"))


def _rfc3339(seconds: float) -> str:
    # Real time and not the server's clock: it is the time at which the line was written.
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
