"""Sends log lines to the error output, as text or JSON."""

import logging
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Final, TextIO

from spooled_lite.config import SECRETS, Settings
from spooled_lite.log_lines import JsonLines, LogLine, LogMasks, PlainLines
from spooled_lite.output import Output, output_of

logger = logging.getLogger(__name__)

STDERR: Final = 2
FLUSH_SECONDS_MAX: Final = 1.0  # how long the end of the program waits for an output nobody reads


def set_up_logging(settings: Settings, *, stream: TextIO | None = None) -> logging.Handler:
    """Send every log line to the error output. Removes all handlers that were set up before.

    Returns the handler, so that a program that embeds the server can remove it.
    """
    output = output_of(sys.stderr, STDERR) if stream is None else None
    handler = logging.StreamHandler(stream or sys.stderr) if output is None else _Lines(output)
    root = logging.getLogger()
    for each in list(root.handlers):
        root.removeHandler(each)
    root.addHandler(handler)
    change_logging(handler, settings)
    return handler


def change_logging(handler: logging.Handler, settings: Settings) -> None:
    """Have the handler write lines, and the loggers let lines pass, as the settings say."""
    masks = LogMasks(value for name in SECRETS if (value := getattr(settings, name)) is not None)
    handler.setFormatter(JsonLines(masks) if settings.json_logs else PlainLines(masks))
    root = logging.getLogger()
    root.setLevel(settings.log_level.upper())
    # Below WARNING these libraries log every query and every request with its contents.
    for chatty in ("aiosqlite", "asyncio", "httpcore", "httpx", "urllib3"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def dropped_lines(handler: logging.Handler) -> int:
    """How many log lines this handler could not write."""
    return handler.output.dropped_count if isinstance(handler, _Lines) else 0


def is_json() -> bool:
    """Whether log lines are JSON."""
    return any(isinstance(each.formatter, JsonLines) for each in logging.getLogger().handlers)


def log_what_is_printed() -> None:
    """Log what Python would print by itself: printing blocks while nobody reads the output."""
    logging.captureWarnings(True)
    sys.excepthook = _log_end
    sys.unraisablehook = lambda about: logger.error(
        "%s %r",
        about.err_msg or "an exception was ignored in",
        about.object,
        exc_info=about.exc_value,
    )
    threading.excepthook = lambda about: logger.error(
        "a thread ended with an error", exc_info=about.exc_value
    )


def _log_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        logger.critical("ended with an error", exc_info=(kind, error, trace))


def write_at_once(logger: logging.Logger, lines: Sequence[LogLine]) -> bool:
    """Write many lines of this logger with one call of the system.

    False: somebody else listens to it as well, so that each line has to be a record.
    """
    handlers = [*logger.handlers, *logging.getLogger().handlers]
    if len(handlers) != 1 or not isinstance(handlers[0], _Lines):
        return False
    handlers[0].write(lines)
    return True


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

    def write(self, lines: Sequence[LogLine]) -> None:
        form = self.formatter
        assert isinstance(form, JsonLines | PlainLines), "set_up_logging has set it"
        text = "".join([f"{form.shown(line)}\n" for line in lines])
        if not self.output.write(text):
            self.output.dropped_count += len(lines) - 1

    def flush(self) -> None:
        """Wait a little for waiting lines; `logging` also calls this when the program ends."""
        self.output.flush(FLUSH_SECONDS_MAX)


def _about_missing(count: int) -> logging.LogRecord:
    said = "%d log lines were dropped: they could not be written in time, or not at all"
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, said, (count,), None)
