"""Several operations in one call and one commit. Contract: catbird-capabilities, 19.9 and A12."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from msgspec import Raw, Struct

from spooled_lite.core.batch.run import OPERATIONS_MAX, BatchStep, all_or_nothing, numbered
from spooled_lite.core.flows.run import run_flow
from spooled_lite.core.inbox.put import put_notification
from spooled_lite.core.inbox.records import checked_identity
from spooled_lite.core.inbox.seen import mark_seen, mark_seen_at_once
from spooled_lite.core.jobs.enqueue import Enqueued, enqueue
from spooled_lite.core.jobs.records import queue_of
from spooled_lite.core.lifecycle.cancel import Cancelled
from spooled_lite.core.lifecycle.end_run import complete_early
from spooled_lite.core.lifecycle.workflow import CancelledWorkflow, cancel_workflow
from spooled_lite.core.messages.change import delete_messages, hide_messages
from spooled_lite.core.messages.send import SentMessage, send
from spooled_lite.core.steps.signal import Signalled, deliver_signal
from spooled_lite.core.tasks.run import RunMade, cancel_run, run_task
from spooled_lite.core.topics.notify import checked_notice, notify
from spooled_lite.core.topics.publish import publish
from spooled_lite.errors import AccessDenied, RuleBroken, SpooledError, WrongShape
from spooled_lite.wire.admission import admission_of
from spooled_lite.wire.http.body import decode
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.once import Once
from spooled_lite.wire.http.resources.flow_runs import new_flow_run
from spooled_lite.wire.http.resources.messages import new_messages, told_of_sent
from spooled_lite.wire.http.resources.new_jobs import check_on_fail, new_job
from spooled_lite.wire.http.resources.steps import checked_signal
from spooled_lite.wire.http.resources.task_runs import new_run
from spooled_lite.wire.http.resources.topics import (
    count_published,
    new_publication,
    told_of_published,
)
from spooled_lite.wire.shapes.batch_bodies import (
    OPS,
    BatchAnswer,
    BatchBody,
    CancelApplied,
    CancelRunOp,
    CompleteWorkflowOp,
    CreateJobOp,
    DeleteOp,
    HideOp,
    InboxOp,
    NamedOp,
    NotifyOp,
    PublishOp,
    RunFlowOp,
    RunTaskOp,
    SeenOp,
    SendOp,
    SignalOp,
)
from spooled_lite.wire.shapes.flow_run_bodies import FlowRunStored
from spooled_lite.wire.shapes.inbox import NotificationStored, SeenMarked
from spooled_lite.wire.shapes.live import NotifyApplied
from spooled_lite.wire.shapes.messages import MessagesDeleted, MessagesHidden
from spooled_lite.wire.shapes.run_bodies import RunStored
from spooled_lite.wire.shapes.run_ends import RunEndAnswer, SignalSent, held_job

# A run that ends, and a step that is activated, may take others with it: they count as so many.
ENDED_RUN_ROWS: Final = 100
SIGNALLED_ROWS: Final = 10
OP_CHARS_SHOWN: Final = 64  # of an operation that there is not
ROWS_MAX: Final = (
    1_000  # jobs, messages and notifications that one batch stores: a tenth of a second
)

_Tell = Callable[[Any], Any]


class PreparedOperation(Struct, frozen=True):
    """A step, how many rows it stores, and what is answered of its result."""

    step: BatchStep
    row_count: int
    tell: _Tell


async def run(call: Call) -> Reply:
    body = await call.body(BatchBody)
    if not body.operations:
        raise RuleBroken.of("operations", "Field `operations` must not be empty", "length")
    prepared = await call.off_loop(prepared_operations, call, body.operations, "operations")

    def answer(results: list[Any]) -> Reply:
        return reply(BatchAnswer(told_of_operations(prepared, results)))

    once = Once(call, answer, then=partial(count_operations, call, prepared))
    return await once.write(all_or_nothing, [each.step for each in prepared])


def prepared_operations(call: Call, given: Sequence[Raw], field: str) -> list[PreparedOperation]:
    """The operations in a field of a body.

    Raises:
        RuleBroken: there are too many of them, or of what they store.
        What is wrong with the first operation that is not good, with its number.
    """
    if len(given) > OPERATIONS_MAX:
        raise RuleBroken.of(
            field, f"Field `{field}` must contain at most {OPERATIONS_MAX} operations", "length"
        )
    made = []
    for index, raw in enumerate(given):
        try:
            made.append(_prepare(call, bytes(raw), f"{field}[{index}]", index))
        except SpooledError as error:
            raise numbered(error, index) from None
    _check_rows(made, field)
    return made


def told_of_operations(prepared: Sequence[PreparedOperation], results: Sequence[Any]) -> list[Any]:
    """What is answered of each."""
    return [each.tell(result) for each, result in zip(prepared, results, strict=True)]


def count_operations(
    call: Call, prepared: Sequence[PreparedOperation], results: Sequence[Any]
) -> None:
    """Count in the metrics what was done, once it is committed."""
    for each, result in zip(prepared, results, strict=True):
        if each.step.operation is publish:
            count_published(call, result)


def _prepare(call: Call, raw: bytes, place: str, index: int) -> PreparedOperation:
    name = decode(NamedOp, raw, at=place).op
    kind = OPS.get(name)
    if kind is None:
        choices = " or ".join(f"`{each}`" for each in OPS)
        raise RuleBroken.of(
            f"{place}.op",
            f"Field `{place}.op`: `{name[:OP_CHARS_SHOWN]}` is no operation; choose {choices}",
            "unknown_operation",
        )
    op: Any = decode(kind, raw, at=place)
    try:
        operation, arguments, row_count, tell = _MAKERS[kind](call, op)
    except SpooledError as error:
        raise error.placed(place) from None
    step = BatchStep(place, operation, (call.org, *arguments), index)
    return PreparedOperation(step, row_count, tell)


_Made = tuple[Callable[..., Any], tuple[Any, ...], int, _Tell]


def _job(call: Call, op: CreateJobOp) -> _Made:
    job = new_job(call, op)
    call.scope.check(job.queue_name)
    check_on_fail(call, job, op)

    def tell(stored: Enqueued) -> dict[str, Any]:
        return {"id": stored.row["id"], "created": stored.created}

    return enqueue, (job, admission_of(call), call.scope), 1, tell


def _messages(call: Call, op: SendOp) -> _Made:
    name, messages = _queue(call, op), new_messages(call, op)

    def tell(sent: list[SentMessage]) -> Any:
        return told_of_sent(sent, is_one=op.is_one)

    return send, (name, messages, admission_of(call).caps), len(messages), tell


def _publication(call: Call, op: PublishOp) -> _Made:
    _check_unscoped(call, "Publishing needs")
    topic, messages = new_publication(call, op)
    # Its copies are counted where the targets are known.
    return (
        publish,
        (topic, messages, admission_of(call)),
        0,
        lambda delivered: told_of_published(delivered, is_one=op.is_one),
    )


def _run(call: Call, op: RunTaskOp) -> _Made:
    def tell(made: RunMade) -> RunStored:
        return RunStored.of(made.row, created=made.created)

    arguments = (op.task_name, new_run(call, op.task_name, op), admission_of(call), call.scope)
    return run_task, arguments, 1, tell


def _run_flow(call: Call, op: RunFlowOp) -> _Made:
    arguments = (op.flow_name, new_flow_run(call, op), admission_of(call), call.scope)
    # Its steps are counted where the flow is known.
    return run_flow, arguments, 1, FlowRunStored.of


def _cancel(call: Call, op: CancelRunOp) -> _Made:
    def tell(done: Cancelled | CancelledWorkflow) -> CancelApplied:
        return CancelApplied(done.row["id"], done.was_applied)

    op.check()
    if op.workflow_id is None:
        return cancel_run, (op.task_name, op.id, op.how(), call.scope), 1, tell
    by = held_job(op.job_id, op.worker_id, op.lease_id)
    arguments = (op.workflow_id, op.reason, call.scope, op.stop_running, by)
    return cancel_workflow, arguments, ENDED_RUN_ROWS, tell


def _end(call: Call, op: CompleteWorkflowOp) -> _Made:
    arguments = (op.workflow_id, op.early_end(), op.by(), call.scope)
    return complete_early, arguments, ENDED_RUN_ROWS, RunEndAnswer.of


def _signal(call: Call, op: SignalOp) -> _Made:
    def tell(sent: Signalled) -> SignalSent:
        return SignalSent(delivered=True, state=sent.state)

    arguments = (op.workflow_id, op.key, checked_signal(call, op), call.scope)
    return deliver_signal, arguments, SIGNALLED_ROWS, tell


def _hide(call: Call, op: HideOp) -> _Made:
    arguments = (_queue(call, op), op.ids, op.hide_for_ms, op.lease_id)
    return hide_messages, arguments, len(op.ids), MessagesHidden


def _delete(call: Call, op: DeleteOp) -> _Made:
    return delete_messages, (_queue(call, op), op.ids, op.lease_id), len(op.ids), MessagesDeleted


def _notification(call: Call, op: InboxOp) -> _Made:
    _check_unscoped(call, "Inboxes need")
    new = op.new_notification(op.identity)
    return put_notification, (new, admission_of(call).caps), 1, NotificationStored


def _seen(call: Call, op: SeenOp) -> _Made:
    _check_unscoped(call, "Inboxes need")
    op.check()
    identity = checked_identity(op.identity)
    if op.until is not None:
        # How many these are is known when they are marked.
        return mark_seen_at_once, (identity, op.until), 0, SeenMarked
    ids = op.ids or []
    return mark_seen, (identity, ids), len(ids), SeenMarked


def _notice(call: Call, op: NotifyOp) -> _Made:
    _check_unscoped(call, "Sending to topics needs")
    return notify, (checked_notice(op.notice()),), 0, lambda _: NotifyApplied()


_MAKERS: Final[dict[type[Struct], Callable[[Call, Any], _Made]]] = {
    CreateJobOp: _job,
    SendOp: _messages,
    PublishOp: _publication,
    HideOp: _hide,
    DeleteOp: _delete,
    RunTaskOp: _run,
    RunFlowOp: _run_flow,
    CancelRunOp: _cancel,
    SignalOp: _signal,
    CompleteWorkflowOp: _end,
    InboxOp: _notification,
    SeenOp: _seen,
    NotifyOp: _notice,
}


def _check_unscoped(call: Call, what: str) -> None:
    if not call.scope.is_unrestricted:
        raise AccessDenied(f"{what} a key without a list of queues")


def _queue(call: Call, op: SendOp | HideOp | DeleteOp) -> str:
    if op.queue_name is None and op.queue is None:
        raise WrongShape.missing("queue_name")
    name = queue_of(op.queue_name, op.queue)
    call.scope.check(name)
    return name


def _check_rows(prepared: Sequence[PreparedOperation], field: str) -> None:
    count = sum(each.row_count for each in prepared)
    if count > ROWS_MAX:
        raise RuleBroken.of(
            field,
            f"Field `{field}` is about {count} jobs, messages and notifications; one call may be"
            f" about {ROWS_MAX}",
            "too_many_rows",
        )
