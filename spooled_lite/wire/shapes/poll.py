"""Answers about polling. Contract: catbird-capabilities, section 13, R11."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Struct

from spooled_lite.core.inbox.statements import NotificationRow
from spooled_lite.core.renderers.render import Fragment
from spooled_lite.times import format_ms
from spooled_lite.wire.shapes.about import a_count, about
from spooled_lite.wire.shapes.common import CreatedAt
from spooled_lite.wire.shapes.inbox import A_NUMBER, NotificationId, NotificationText
from spooled_lite.wire.shapes.renderers import Media
from spooled_lite.wire.shapes.topics import TopicGiven

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
FragmentEvent = Annotated[str, about("What it is about: that of its renderer, or the topic", "order-update")]
FragmentText = Annotated[str, about("The rendered text", "<li>3</li>")]
FragmentId = Annotated[str, about("As its renderer says, or null", "7")]
# fmt: on


class FragmentView(Struct, frozen=True):
    """What one renderer makes of a notification."""

    event: FragmentEvent
    data: FragmentText
    id: FragmentId | None
    content_type: Media

    @classmethod
    def of(cls, fragment: Fragment) -> "FragmentView":
        return cls(fragment.event, fragment.data, fragment.id, fragment.content_type)


class PolledNotification(Struct, frozen=True):
    """A notification within the topics of a token."""

    id: NotificationId
    topic: TopicGiven
    message: NotificationText | None
    created_at: CreatedAt
    fragments: Annotated[list[FragmentView], about("One for each renderer that matches; none: nothing renders it", [])]  # fmt: skip

    @classmethod
    def of(cls, row: NotificationRow, fragments: Sequence[Fragment]) -> "PolledNotification":
        return cls(
            id=row["id"],
            topic=row["topic"],
            message=row["message"],
            created_at=format_ms(row["created_at_ms"]),
            fragments=[FragmentView.of(each) for each in fragments],
        )


class PollView(Struct, frozen=True):
    """Answer of GET /realtime/poll to who accepts JSON."""

    notifications: Annotated[list[PolledNotification], about("From the oldest on", [])]
    cursor: Annotated[int, a_count("The next `after`, also past what is not in here", A_NUMBER)]
