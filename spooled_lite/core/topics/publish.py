"""Publishing: a message for each target whose patterns match the topic, all or none."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.core.messages.records import NewMessage
from spooled_lite.core.messages.send import SentMessage, send
from spooled_lite.core.queues.ensure import known_queue
from spooled_lite.core.topics.bind import TopicTarget, targets_of
from spooled_lite.errors import RuleBroken
from spooled_lite.plans import Caps
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


class Delivered(Struct, frozen=True):
    """A target and what it got, in the order of the bodies."""

    target: TopicTarget
    copies: list[SentMessage]


@in_lane(Lane.CREATE)
def publish(
    tx: Tx, org: int, topic: str, messages: Sequence[NewMessage], caps: Caps | None
) -> list[Delivered]:
    """Store a copy of each message for every distinct target of the topic; nothing without one.

    Raises:
        RuleBroken: these would be too many copies, or too many bytes.
        QuotaExceeded: a cap would be passed.

    Contract: catbird-capabilities, B5-B11.
    """
    targets = [each for each in targets_of(tx, org, topic) if _is_there(tx, org, each)]
    _check_copies(tx.own(_MADE), len(targets), messages)
    labelled = [msgspec.structs.replace(each, topic=topic) for each in messages]
    return [Delivered(each, send(tx, org, each[1], labelled, caps)) for each in targets]


def _is_there(tx: Tx, org: int, target: TopicTarget) -> bool:
    return known_queue(tx, org, target[1]) is not None


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
