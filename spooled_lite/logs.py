"""Where log lines go and what they look like. No line shows a credential."""

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import msgspec

from spooled_lite.config import Settings

# Whatever gets into a message by mistake: API keys, tokens, webhook tokens.
_SECRET: Final = re.compile(
    r"\b(s[kp]_(?:live|test)_|whk_|eyJ)[A-Za-z0-9_.-]{4,}|(?i:\bbearer\s+)\S+"
)
_MASK: Final = r"\1***"
_PLAIN: Final = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"


def set_up_logging(settings: Settings, *, stream: TextIO | None = None) -> logging.Handler:
    """Send every log line to the error output. Replaces what was set up before.

    Returns the handler, so that whoever embeds the server can take it out again.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_JsonLines() if settings.json_logs else _Plain(_PLAIN))
    root = logging.getLogger()
    for each in list(root.handlers):
        root.removeHandler(each)
    root.addHandler(handler)
    root.setLevel(settings.log_level.upper())
    # At these levels they write every query and every request, with what is in them.
    for chatty in ("aiosqlite", "asyncio", "httpcore", "httpx"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    return handler


def masked(text: str) -> str:
    return _SECRET.sub(_MASK, text)


class _Plain(logging.Formatter):
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return _rfc3339(record.created)

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


class _JsonLines(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _rfc3339(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        # What a program reads beside the message: `extra={"fields": {...}}`.
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return masked(msgspec.json.encode(line).decode("utf-8"))


def _rfc3339(seconds: float) -> str:
    # Real time, not the product's: a log line tells when it was written.
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
