"""The most recent events, newest first, read from the event log."""

from typing import Final

from msgspec import Raw, Struct

from spooled_lite.core.jobs.replay import Logged, logged_before
from spooled_lite.core.keys.records import Scope
from spooled_lite.storage.transaction import Reading
from spooled_lite.wire.realtime.catalogue import Frame, frames_of
from spooled_lite.wire.realtime.filters import Filter
from spooled_lite.wire.shapes.event_log import LoggedEvent

BYTES_MAX: Final = 1024 * 1024  # of data in one answer, which ends after the row that reaches it


class Recent(Struct, frozen=True):
    events: list[LoggedEvent]
    has_more: bool


def recent_events(
    tx: Reading, org: int, wanted: Filter, scope: Scope, *, before: int, rows_max: int
) -> Recent:
    """The events before the row `before` that pass the filter and that the key may see.

    A row of the log gives several events, which stay together: an answer may have a few more
    than `rows_max`. Reads at most all kept rows of the log, some 1,500.
    """
    events: list[LoggedEvent] = []
    size = 0
    for logged in logged_before(tx, org, before):
        chosen = [
            frame
            for frame in frames_of(logged)
            if may_see(scope, frame.queue_name) and wanted.passes(frame)
        ]
        if not chosen:
            continue
        if len(events) >= rows_max or size >= BYTES_MAX:
            return Recent(events, True)
        events += [_event(logged, frame) for frame in reversed(chosen)]
        size += sum(len(frame.data) for frame in chosen)
    return Recent(events, False)


def may_see(scope: Scope, queue_name: str | None) -> bool:
    """Whether a key may see events of this queue; a restricted key sees none without a queue."""
    return scope.is_unrestricted or (queue_name is not None and scope.allows(queue_name))


def _event(logged: Logged, frame: Frame) -> LoggedEvent:
    return LoggedEvent(str(logged.seq), frame.kind, Raw(frame.data))
