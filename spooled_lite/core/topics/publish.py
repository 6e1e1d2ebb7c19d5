"""Publishing: a copy for each target whose patterns match the topic, all or none.

A queue gets a message, a task or a flow a run with the body as its input.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.core.flows.query import find_flow
from spooled_lite.core.flows.run import count_flow_jobs, run_known_flow
from spooled_lite.core.jobs.send_options import SendOptions
from spooled_lite.core.messages.records import NewMessage
from spooled_lite.core.messages.send import send
from spooled_lite.core.queues.ensure import know_queues, known_queue
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.tasks.query import find_task
from spooled_lite.core.tasks.records import NewTaskRun
from spooled_lite.core.tasks.run import check_compared, run_known_task
from spooled_lite.core.topics.bind import TopicTarget, targets_of
from spooled_lite.core.workflows.document import known_document
from spooled_lite.core.workflows.records import RunOptions
from spooled_lite.errors import RuleBroken
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Own, Tx

COPIES_MAX: Final = 1_000  # that one call stores: a tenth of a second
COPIES_BYTES_MAX: Final = 16 * 1024 * 1024


class _Made:
    """What one operation has made; a batch may publish several times."""

    __slots__ = ("count", "size_bytes")

    def __init__(self) -> None:
        self.count = self.size_bytes = 0


_MADE: Final = Own(_Made)


class CopyMade(Struct, frozen=True):
    """A message or a run that a target got, or the older one that has its concurrency key."""

    id: str
    created: bool


class Delivered(Struct, frozen=True):
    """A target and what it got, in the order of the bodies."""

    target: TopicTarget
    copies: list[CopyMade]


@in_lane(Lane.CREATE)
def publish(
    tx: Tx, org: int, topic: str, messages: Sequence[NewMessage], admission: Admission
) -> list[Delivered]:
    """Store a copy of each message for every distinct target of the topic; nothing without one.

    A target that has gone since it was bound is passed over.

    Raises:
        RuleBroken: these would be too many copies, too many bytes, or too much for conditions.
        QuotaExceeded: a cap would be passed.

    Contract: catbird-capabilities, B5-B11.
    """
    targets = targets_of(tx, org, topic)
    _check_copies(tx.own(_MADE), len(targets), messages)
    labelled = [msgspec.structs.replace(each, topic=topic) for each in messages]
    know_queues(tx, org, [name for target_type, name in targets if target_type == "queue"])
    copies = [(each, _copy_to(tx, org, each, labelled, admission)) for each in targets]
    return [Delivered(target, made) for target, made in copies if made is not None]


def _copy_to(
    tx: Tx, org: int, target: TopicTarget, messages: Sequence[NewMessage], admission: Admission
) -> list[CopyMade] | None:
    """None: there is no such target any more."""
    target_type, name = target
    if target_type == "task":
        task = find_task(tx, org, name)
        if task is None:
            return None
        runs = []
        for each in messages:
            check_compared(tx, "topic")
            runs.append(run_known_task(tx, task, _run_with(each), admission))
        return [CopyMade(run.row["id"], run.created) for run in runs]
    if target_type == "flow":
        return _runs_of_flow(tx, org, name, messages, admission)
    if known_queue(tx, org, name) is None:
        return None
    sent = send(tx, org, name, messages, admission.caps)
    return [CopyMade(each.id, each.created) for each in sent]


def _runs_of_flow(
    tx: Tx, org: int, name: str, messages: Sequence[NewMessage], admission: Admission
) -> list[CopyMade] | None:
    flow = find_flow(tx, org, name)
    if flow is None:
        return None
    document, runs = known_document(tx, flow["document"]), []
    for each in messages:
        count_flow_jobs(tx, len(document.steps), "topic")
        runs.append(run_known_flow(tx, flow, document, _flow_run_with(each), admission))
    return [CopyMade(run.row["id"], run.created) for run in runs]


def _flow_run_with(message: NewMessage) -> RunOptions:
    return RunOptions(
        input=message.body,
        headers=message.headers,
        priority=message.priority,
        concurrency_key=message.concurrency_key,
        visible_at_ms=message.visible_at_ms,
        delay_ms=message.delay_ms,
        expires_at_ms=message.expires_at_ms,
        expires_in_ms=message.expires_in_ms,
    )


def _run_with(message: NewMessage) -> NewTaskRun:
    """A run that is about what is published. Contract: catbird-capabilities, B5 and B6."""
    options = {name: getattr(message, name) for name in SendOptions.__struct_fields__}
    return NewTaskRun(input=message.body, **options)


def _check_copies(made: _Made, target_count: int, messages: Sequence[NewMessage]) -> None:
    made.count += target_count * len(messages)
    size_bytes = sum(len(each.body) + len(each.headers or b"") for each in messages)
    made.size_bytes += target_count * size_bytes
    for value, most, what in (
        (made.count, COPIES_MAX, "copies"),
        (made.size_bytes, COPIES_BYTES_MAX, "bytes of copies"),
    ):
        if value > most:
            raise RuleBroken.of(
                "topic",
                f"Field `topic` leads to {target_count} targets: that makes {value} {what},"
                f" and one call may make {most}",
                "too_many_copies",
            )
