"""What a row of `jobs` is, and what follows from it. Nothing else asks a row for its kind."""

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.events import EventOf

Kind = Literal["job", "message", "task", "step", "item", "on_fail"]


class Rules(Struct, frozen=True, kw_only=True):
    """How the rows of one kind are treated. Contract: catbird, sections 17 and 19."""

    is_listed: bool = True  # in lists and statistics of jobs that name no kind
    is_announced: bool = True  # its events are streamed and sent to webhooks
    dies: bool = True  # becomes a dead letter when its attempts have run out


# A message is read again for ever; an item is seen through the step that it belongs to.
KINDS: Final[Mapping[str, Rules]] = {
    "job": Rules(),
    "message": Rules(is_announced=False, dies=False),
    "task": Rules(),
    "step": Rules(),
    "item": Rules(is_listed=False, is_announced=False),
    "on_fail": Rules(),
}


def is_announced(event: EventOf[JobRow]) -> bool:
    """Whether streams and webhooks are told of this event of a job."""
    return KINDS[event.row["kind"]].is_announced
