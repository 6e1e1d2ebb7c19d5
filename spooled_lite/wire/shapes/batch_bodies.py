"""Bodies of POST /batch: operations that are stored together, or not at all."""

from typing import Annotated, Any, Final

from msgspec import Raw, Struct

from spooled_lite.core.batch.run import OPERATIONS_MAX
from spooled_lite.core.jobs.records import SHORT
from spooled_lite.errors import WrongShape
from spooled_lite.wire.shapes.about import about
from spooled_lite.wire.shapes.common import Id, QueueName, SameQueueName
from spooled_lite.wire.shapes.flow_run_bodies import RunFlow
from spooled_lite.wire.shapes.inbox import IdentityGiven, MarkSeen, PutNotification
from spooled_lite.wire.shapes.job_bodies import CreateJob
from spooled_lite.wire.shapes.live import Notify
from spooled_lite.wire.shapes.message_bodies import DeleteMessages, HideMessages, SendMessages
from spooled_lite.wire.shapes.run_bodies import CancelRun, RunTask
from spooled_lite.wire.shapes.run_ends import ByJob, CompleteWorkflow, SendSignal
from spooled_lite.wire.shapes.topics import Publish
from spooled_lite.wire.shapes.workflow_fields import StopRunning

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
TaskNameGiven = Annotated[str, SHORT, about("The name of the task", "charge_card")]
StepKeyGiven = Annotated[str, SHORT, about("The key of the step", "approve")]
BatchFlowName = Annotated[str, SHORT, about("The name of the flow", "order_flow")]
Operations = Annotated[list[Raw], about(f"Up to {OPERATIONS_MAX}. `op` is `create_job`, `send`, `publish`, `hide`, `delete`, `run_task`, `run_flow`, `cancel_run`, `signal`, `complete_workflow`, `inbox`, `seen` or `notify`, and the other members are those of the body of that call; `send`, `hide` and `delete` name their queue, `run_task` and `cancel_run` their task, `run_flow` its flow, `cancel_run` also the `id` of its run, or in place of both a `workflow_id`, `signal` a `workflow_id` and the `key` of the step, `complete_workflow` a `workflow_id`, `inbox` and `seen` their `identity`", [{"op": "create_job", "queue_name": "emails", "payload": {}}], items={"type": "object"})]
Results = Annotated[list[Any], about("One for each operation, in their order: what its own call would answer, in short", [{"id": "…", "created": True}])]
# fmt: on


class BatchBody(Struct, frozen=True):
    """Body of POST /batch."""

    operations: Operations


class BatchAnswer(Struct):
    """Answer of POST /batch."""

    results: Results


class NamedOp(Struct, frozen=True):
    op: str


class CancelApplied(Struct):
    """What is answered to `cancel_run`."""

    id: Id
    applied: Annotated[bool, about("False: it had ended before", True)]


class CreateJobOp(CreateJob, kw_only=True):
    """A job, with the members of its own call."""


class SendOp(SendMessages, kw_only=True):
    """Messages to a queue."""

    queue_name: QueueName | None = None
    queue: SameQueueName | None = None


class PublishOp(Publish, kw_only=True):
    """Messages to whoever is bound to a topic."""


class RunTaskOp(RunTask, kw_only=True):
    """A run of a task."""

    task_name: TaskNameGiven


class RunFlowOp(RunFlow, kw_only=True):
    """A run of a flow."""

    flow_name: BatchFlowName


class CancelRunOp(CancelRun, frozen=True, kw_only=True):
    """Cancel a run of a task, or a workflow."""

    task_name: TaskNameGiven | None = None
    id: Id | None = None
    workflow_id: Id | None = None
    stop_running: StopRunning | None = None  # of a workflow, as the next one
    job_id: ByJob | None = None

    def check(self) -> None:
        """Raises WrongShape: it names neither."""
        for name in ("task_name", "id"):
            if self.workflow_id is None and getattr(self, name) is None:
                raise WrongShape.missing(name)


class CompleteWorkflowOp(CompleteWorkflow, frozen=True, kw_only=True):
    """Complete a run early."""

    workflow_id: Id


class SignalOp(SendSignal, frozen=True, kw_only=True):
    """Send a step the signal that it waits for."""

    workflow_id: Id
    key: StepKeyGiven


class HideOp(HideMessages, frozen=True, kw_only=True):
    """Hide messages of a queue."""

    queue_name: QueueName | None = None
    queue: SameQueueName | None = None


class DeleteOp(DeleteMessages, frozen=True, kw_only=True):
    """Delete messages of a queue."""

    queue_name: QueueName | None = None
    queue: SameQueueName | None = None


class InboxOp(PutNotification, kw_only=True):
    """A notification for an inbox."""

    identity: IdentityGiven


class SeenOp(MarkSeen, frozen=True, kw_only=True):
    """Mark notifications of an inbox as seen."""

    identity: IdentityGiven


class NotifyOp(Notify, frozen=True, kw_only=True):
    """A message to whoever listens to a topic once all is committed."""


OPS: Final[dict[str, type[Struct]]] = {
    "create_job": CreateJobOp,
    "send": SendOp,
    "publish": PublishOp,
    "hide": HideOp,
    "delete": DeleteOp,
    "run_task": RunTaskOp,
    "run_flow": RunFlowOp,
    "cancel_run": CancelRunOp,
    "signal": SignalOp,
    "complete_workflow": CompleteWorkflowOp,
    "inbox": InboxOp,
    "seen": SeenOp,
    "notify": NotifyOp,
}
