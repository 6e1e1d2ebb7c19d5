"""Notices: a message to whoever listens to a topic at this moment. Nothing keeps one."""

from collections.abc import Callable
from typing import Final, TypedDict

from msgspec import Struct

from spooled_lite.core.topics.pattern import checked_topic
from spooled_lite.errors import PayloadTooLarge, RuleBroken
from spooled_lite.storage.transaction import Tx

NOTICE_BYTES_MAX: Final = 64 * 1024
SENDER_CHARS_MAX: Final = 255
# Topics of what the server itself tells.
RESERVED: Final = ("spooled.", "catbird.")


class NewNotice(Struct, frozen=True):
    """What core is asked to announce."""

    topic: str
    message: str | None = None
    sent_by: str | None = None  # the id of a client, which does not get its own


class NoticeRow(TypedDict):
    """What the event of a notice holds in the place of a row."""

    topic: str
    message: str | None
    sent_by: str | None


Reached = Callable[[int], None]


def checked_notice(notice: NewNotice) -> NewNotice:
    """Raises:
    RuleBroken: it has no topic, or one of the server.
    PayloadTooLarge: its message is too long.
    """
    checked_topic(notice.topic)
    if notice.topic.startswith(RESERVED):
        raise RuleBroken.of(
            "topic",
            f"Field `topic` must not begin with {' or '.join(f'`{each}`' for each in RESERVED)}:"
            " there the server tells what happens",
            "reserved_topic",
        )
    if notice.message is not None and len(notice.message.encode()) > NOTICE_BYTES_MAX:
        raise PayloadTooLarge(f"Field `message` is larger than {NOTICE_BYTES_MAX} bytes")
    return notice


def notify(tx: Tx, org: int, notice: NewNotice, reached: Reached | None = None) -> None:
    """Announce a notice: its listeners get it after the commit, or never.

    `reached` is told how many open streams got it, once they did, and not when the operation is
    undone. Contract: catbird-capabilities, R1.
    """
    row: NoticeRow = {
        "topic": notice.topic,
        "message": notice.message,
        "sent_by": notice.sent_by,
    }
    tx.emit("topic.notified", org, row=row, facts={} if reached is None else {"reached": reached})
