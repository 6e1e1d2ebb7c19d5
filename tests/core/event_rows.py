"""What the row of each event holds, and a hook that holds every event of a test to that."""

from collections.abc import Mapping
from typing import Any, Final

from spooled_lite.core.auth.columns import RevokedRow
from spooled_lite.core.flows.columns import FlowRow
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.statements import BriefJobRow
from spooled_lite.core.keys.columns import KeyRow
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.renderers.statements import RendererRow
from spooled_lite.core.schedules.columns import ScheduleRow
from spooled_lite.core.tasks.columns import TaskRow
from spooled_lite.core.topics.notify import NoticeRow
from spooled_lite.core.workers.columns import WorkerRow
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.events import EVENTS, Event, EventType
from spooled_lite.storage.transaction import Tx

_OF: Final[Mapping[str, Any]] = {
    "job": JobRow,
    "queue": QueueRow,
    "renderer": RendererRow,
    "worker": WorkerRow,
    "workflow": WorkflowRow,
    "schedule": ScheduleRow,
    "key": KeyRow,
    "org": OrgRow,
    "token": RevokedRow,
    "task": TaskRow,
    "flow": FlowRow,
    "topic": NoticeRow,
}
ROW_OF: Final[Mapping[EventType, Any]] = {
    **{event: _OF[event.partition(".")[0]] for event in EVENTS if event != "storage.reopened"},
    "job.deleted": BriefJobRow,
}


def a_row(event: EventType, **columns: Any) -> dict[str, Any]:
    """The row of an event made by hand, with nothing in the columns that are not given."""
    return {**dict.fromkeys(ROW_OF[event].__annotations__), **columns}


def hold_to_its_row(tx: Tx, event: Event) -> None:
    """Readers name the row of an event by its type alone: it has every column they may read."""
    missing = set(ROW_OF[event.type].__annotations__) - set(event.row.keys())
    assert not missing, f"the row of {event.type} is without {missing}"
