"""The access log: one line for each request and call when it has ended. Off unless it is set.

What stands before the server writes it, over HTTP (`http/access_log.py`) as over gRPC
(`grpc/access_log.py`). Neither is there when the log is off, so that it costs nothing then.
"""

import asyncio
import logging
import time
from contextvars import Context
from typing import Final, Literal

from msgspec import Struct

from spooled_lite.call_notes import CallNotes
from spooled_lite.log_lines import LogLine
from spooled_lite.logs import is_json, write_at_once

LOGGER: Final = "spooled_lite.access"
ADMIN_KEY_ID: Final = "admin"  # stands for the admin key, which has no id

GATHER_SECONDS: Final = 0.05
GATHERED_MAX: Final = 256  # lines: writing them takes a millisecond or two

_logger: Final = logging.getLogger(LOGGER)


class AccessLine(Struct, kw_only=True):
    """One request or call that has ended."""

    protocol: Literal["http", "websocket", "grpc"]
    method: str | None  # None: the request could not be read so far
    path: str | None  # without secrets and escaped
    status: int | str | None  # None: the client left before it was answered
    seconds: float | None
    bytes_in: int
    bytes_out: int
    peer: str | None
    close_code: int | None = None  # of a WebSocket
    request_id: str | None = None  # when no notes tell it


class AccessLog:
    """Lines are gathered for a moment and written together: a call of the system for each would
    cost more than all the rest. Use it from one event loop."""

    def __init__(self) -> None:
        self._gathered: list[tuple[float, AccessLine, CallNotes | None]] = []
        self._timer: asyncio.TimerHandle | None = None
        # Whoever switches it on wants it, whatever `log_level` says of other lines.
        _logger.setLevel(logging.INFO)

    def write(self, access: AccessLine, notes: CallNotes | None) -> None:
        """Write a line soon. `notes`: those of the call."""
        self._gathered.append((time.time(), access, notes))
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(GATHER_SECONDS, self.flush, context=Context())
        elif len(self._gathered) >= GATHERED_MAX:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        gathered, self._gathered = self._gathered, []
        is_text = not is_json()  # which a reload of the settings may have changed
        lines = [_line(*each, is_text=is_text) for each in gathered]
        if not write_at_once(_logger, lines):
            for line in lines:
                _logger.handle(_record_of(line))


def _line(created: float, access: AccessLine, notes: CallNotes | None, *, is_text: bool) -> LogLine:
    fields = _fields(access, notes)
    message = f"{access.method or '-'} {access.path or '-'} {_or_dash(access.status)}"
    if is_text:  # where fields are not shown by themselves
        message = " ".join((message, *_words(fields)))
    return LogLine(created, "INFO", LOGGER, message, fields)


def _record_of(line: LogLine) -> logging.LogRecord:
    record = logging.LogRecord(LOGGER, logging.INFO, __file__, 0, line.message, None, None)
    record.created, record.fields = line.created, line.fields
    return record


def _fields(access: AccessLine, notes: CallNotes | None) -> dict[str, object]:
    fields: dict[str, object] = {
        "protocol": access.protocol,
        "method": access.method,
        "route": None if notes is None else notes.route,
        "path": access.path,
        "status": access.status,
        "ms": None if access.seconds is None else round(access.seconds * 1000, 3),
        "bytes_in": access.bytes_in,
        "bytes_out": access.bytes_out,
        "peer": access.peer,
        "org": None if notes is None else notes.org_id or None,
        "key": None if notes is None else notes.key_id or None,
        "request_id": access.request_id if notes is None else notes.shown_id,
    }
    if access.close_code is not None:
        fields["close_code"] = access.close_code
    return fields


_IN_THE_MESSAGE: Final = frozenset({"method", "path", "status"})


def _words(fields: dict[str, object]) -> list[str]:
    return [
        f"{name}={_or_dash(value)}" for name, value in fields.items() if name not in _IN_THE_MESSAGE
    ]


def _or_dash(value: object) -> object:
    return "-" if value is None else value
