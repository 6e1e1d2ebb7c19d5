"""What a row of `jobs` is, and what follows from it. Nothing else asks a row for its kind."""

from collections.abc import Mapping
from typing import Final, TypedDict

from msgspec import Struct

from spooled_lite.core.jobs.columns import JobRow, Kind
from spooled_lite.events import EventOf

_END_OF_FAILURE: Final = b"}}"  # of the payload that core/jobs/following.py makes
PLAIN: Final[frozenset[Kind]] = frozenset({"job", "step"})  # their answers are those of jobs


class OfKindRow(TypedDict):
    """What every row of a job has, also the few columns that are left of a deleted one."""

    kind: Kind


class Rules(Struct, frozen=True, kw_only=True):
    """How the rows of one kind are treated. Contract: catbird, sections 17 and 19."""

    is_listed: bool = True  # in lists and statistics of jobs that name no kind
    is_announced: bool = True  # its events are streamed and sent to webhooks
    is_recorded: bool = True  # it has a history
    has_dependents: bool = True  # other jobs may wait for it
    dies: bool = True  # becomes a dead letter when its attempts have run out
    is_cancelled_at_once: bool = False  # also while a worker has it
    is_followed: bool = True  # when all its attempts have failed, another job may follow


# A message is read again for ever and leaves nothing behind; an item is seen through its step.
RULES: Final[Mapping[Kind, Rules]] = {
    "job": Rules(),
    "message": Rules(
        is_listed=False,
        is_announced=False,
        is_recorded=False,
        has_dependents=False,
        dies=False,
        is_followed=False,
    ),
    "task_run": Rules(is_cancelled_at_once=True),
    "step": Rules(),
    "item": Rules(is_listed=False, is_announced=False, is_followed=False),
    "on_fail": Rules(is_cancelled_at_once=True, is_followed=False),
}


def is_announced(event: EventOf[OfKindRow]) -> bool:
    """Whether streams and webhooks are told of this event of a job."""
    return RULES[event.row["kind"]].is_announced


def has_more(row: JobRow) -> bool:
    """Whether answers show of it what they show of anything but a job: also of a step that a
    document says more about than that it waits for others."""
    kind = row["kind"]
    return kind not in PLAIN or (kind == "step" and row["phase"] is not None)


def as_shown(row: JobRow, value: bytes | None) -> bytes | None:
    """The payload or the result of a row as answers show it: an object, unless it is of a job or
    a step of a workflow that is no run of a flow. Some clients read nothing else, and one such row
    would spoil the whole answer.

    Contract: catbird-capabilities, section 19.6 (object rule).
    """
    if value is None or value[:1] == b"{":
        return value
    kind = row["kind"]
    if kind in PLAIN and (kind == "job" or row["flow_name"] is None):
        return value
    return b'{"value":%b}' % value


def payload_shown(row: JobRow) -> bytes | None:
    """The payload of a row as answers show it: see `as_shown`.

    That of a job that follows a failure says which attempt of its own it is. The number is not
    stored with it, since it grows.

    Contract: catbird-capabilities, T22.
    """
    kind, payload = row["kind"], row["payload"]
    if payload is None or kind == "job":
        return payload
    if kind == "on_fail" and payload.endswith(_END_OF_FAILURE):
        attempt = b',"on_fail_attempts":%d' % (row["retry_count"] + 1)
        return payload.removesuffix(_END_OF_FAILURE) + attempt + _END_OF_FAILURE
    return as_shown(row, payload)
