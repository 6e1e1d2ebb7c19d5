"""What the server itself tells under topics: queues, tasks, flows and workers that come and go.

Once per transition, to whoever listens. Contract: catbird-capabilities, sections 15.1 and 17.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from spooled_lite.core.flows.columns import FlowRow
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.states import state_of
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.tasks.columns import TaskRow
from spooled_lite.core.topics.notify import NoticeRow
from spooled_lite.core.workers.columns import WorkerRow
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.states import state_of_workflow
from spooled_lite.events import Event, EventOf, EventType

VALUE_BYTES_MAX: Final = 4 * 1024  # of an input, output or error that is told; others are left out

_encode: Final = msgspec.json.Encoder().encode


class ToldTopic(Struct, frozen=True, gc=False):
    """A message of the server, and what it is sent under."""

    topic: str
    message: str  # JSON

    def row(self) -> NoticeRow:
        return {"topic": self.topic, "message": self.message, "sent_by": None}


def told_of(event: Event) -> ToldTopic | None:
    """What those who listen are told of an event; None: nothing."""
    tell = TOLD.get(event.type)
    return None if tell is None else tell(event)


def _told(topic: str, **said: Any) -> ToldTopic:
    return ToldTopic(topic, _encode(said).decode())


def _queue(event: EventOf[QueueRow]) -> ToldTopic:
    return _told(f"spooled.{event.type}", queue=event.row["queue_name"])


def _task(event: EventOf[TaskRow]) -> ToldTopic:
    return _told(f"spooled.{event.type}", task=event.row["name"])


def _defined_flow(event: EventOf[FlowRow]) -> ToldTopic:
    return _told(f"spooled.{event.type}", flow=event.row["name"])


def _run(event: EventOf[JobRow]) -> ToldTopic | None:
    """Of a job that is a run of a task."""
    row = event.row
    if row["kind"] != "task_run":
        return None
    said: dict[str, Any] = {"task": row["task_name"], "run_id": row["id"]}
    if event.type == "job.created":
        state = "started"
        said |= _value("input", row["payload"])
    else:
        state = state_of(row)
        if state == "completed":
            said |= _value("output", row["result"])
        elif state == "failed":
            said |= _text("error", row["last_error"])
    return _told(f"spooled.task.{state}", **said)


def _flow(event: EventOf[WorkflowRow]) -> ToldTopic | None:
    """Of a workflow that is a run of a flow."""
    row = event.row
    if row["flow_name"] is None:
        return None
    said: dict[str, Any] = {"flow": row["flow_name"], "run_id": row["id"]}
    state = "started" if event.type == "workflow.created" else state_of_workflow(row)
    if state == "canceling":
        state = "canceled"  # told once, though some of its steps still run
    if event.type == "workflow.created":
        said |= _value("input", event.facts.get("input"))
    elif state == "completed":
        said |= _value("output", event.facts.get("output"))
    elif state == "failed":
        said |= _text("error", row["error_message"])
    return _told(f"spooled.flow.{state}", **said)


def _worker(event: EventOf[WorkerRow]) -> ToldTopic | None:
    """One that registers again while it is known to be there has not started."""
    is_start = event.type == "worker.registered"
    if is_start and event.was not in (None, "offline"):
        return None
    told = "started" if is_start else "stopped"
    return _told(f"spooled.worker.{told}", worker_id=event.row["id"])


def _value(name: str, stored: bytes | None) -> dict[str, Raw]:
    if stored is None or len(stored) >= VALUE_BYTES_MAX:
        return {}
    return {name: Raw(stored)}


def _text(name: str, text: str | None) -> dict[str, str]:
    if text is None or len(text.encode()) >= VALUE_BYTES_MAX:
        return {}
    return {name: text}


TOLD: Final[Mapping[EventType, Callable[[Any], ToldTopic | None]]] = {
    **dict.fromkeys(("queue.created", "queue.deleted"), _queue),
    **dict.fromkeys(("task.created", "task.deleted"), _task),
    **dict.fromkeys(("flow.created", "flow.deleted"), _defined_flow),
    **dict.fromkeys(
        ("job.created", "job.completed", "job.skipped", "job.deadlettered", "job.cancelled"), _run
    ),
    **dict.fromkeys(
        ("workflow.created", "workflow.completed", "workflow.failed", "workflow.cancelled"), _flow
    ),
    **dict.fromkeys(("worker.registered", "worker.deregistered", "worker.offline"), _worker),
}
