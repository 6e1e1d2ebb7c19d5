"""An event as a line of text for a terminal. Everything in it comes from others."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from spooled_lite.cli.escaped import cut, escaped

KIND_WIDTH: Final = 19  # of the longest name, worker.deregistered
QUEUE_WIDTH: Final = 20
DETAIL_MAX: Final = 200  # columns
ID_CHARS: Final = 36
_NONE: Final = "-"
# Where an event says what it is about, the first that is there.
_SUBJECTS: Final = ("job_id", "workflow_id", "schedule_id", "worker_id")


class ToldEvent(Struct, frozen=True):
    kind: str
    data: dict[str, Any]

    @classmethod
    def of(cls, kind: str, data: str) -> "ToldEvent":
        """Of a frame, with the name in its line. What cannot be read is as good as nothing."""
        found = _object(data)
        inner = found.get("data")
        return cls(kind or _text(found.get("type")), inner if isinstance(inner, dict) else found)

    @classmethod
    def listed(cls, row: Raw) -> "ToldEvent":
        """Of a row of the list of events."""
        found = _object(row)
        inner = found.get("data")
        return cls(_text(found.get("type")), inner if isinstance(inner, dict) else {})

    def text(self, name: str) -> str | None:
        value = self.data.get(name)
        return value if isinstance(value, str) and value else None

    @property
    def clock(self) -> str:
        """When it happened, in UTC."""
        try:
            at = datetime.fromisoformat(self.text("timestamp") or "")
            return f"{at.astimezone(UTC):%H:%M:%S}"
        except (ValueError, OverflowError):
            return "--:--:--"

    @property
    def subject(self) -> str:
        found = (self.text(name) for name in _SUBJECTS)
        return escaped(next((each for each in found if each is not None), _NONE))

    @property
    def queue(self) -> str:
        return escaped(self.text("queue_name") or _NONE)

    @property
    def detail(self) -> str:
        """What else there is to say, on one line."""
        return cut(escaped(self._detail().strip()), DETAIL_MAX)

    def _detail(self) -> str:
        if (error := self.text("error") or self.text("message")) is not None:
            return error
        if (new := self.text("new_status")) is not None:
            return f"{self.text('old_status') or 'new'} → {new}"
        if isinstance(took := self.data.get("duration_ms"), int):
            return f"{took:,} ms" if took < 1_000 else f"{took / 1000:,.1f} s"
        if isinstance(progress := self.data.get("progress"), int | float):
            return f"{progress:g} %"
        if "pending" in self.data:
            return ", ".join(
                f"{self.data[name]} {name}"
                for name in ("pending", "processing", "completed", "failed")
                if isinstance(self.data.get(name), int)
            )
        return self.text("reason") or self.text("name") or self.text("status") or ""


def _object(data: str | Raw) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def line_about(event: ToldEvent) -> str:
    kind = cut(escaped(event.kind), KIND_WIDTH)
    queue = cut(event.queue, QUEUE_WIDTH)
    subject = cut(event.subject, ID_CHARS)
    parts = (
        event.clock,
        f"{kind:<{KIND_WIDTH}}",
        f"{queue:<{QUEUE_WIDTH}}",
        f"{subject:<{ID_CHARS}}",
        event.detail,
    )
    return "  ".join(parts).rstrip()
