"""Bodies and answers about inboxes. Contract: catbird-capabilities, sections 14 and 19.9."""

from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from spooled_lite.core.inbox.records import (
    ID_MAX,
    IDENTITY_CHARACTERS_MAX,
    IDS_SEEN_MAX,
    MESSAGE_BYTES_MAX,
    NewNotification,
    checked_identity,
)
from spooled_lite.core.inbox.statements import NotificationRow
from spooled_lite.core.jobs.records import SHORT
from spooled_lite.core.messages.records import TOPIC_CHARACTERS_MAX
from spooled_lite.core.topics.pattern import checked_topic
from spooled_lite.errors import PayloadTooLarge, Problem, RuleBroken, WrongShape
from spooled_lite.times import format_ms, format_optional_ms, parse_optional_ms
from spooled_lite.wire.shapes.about import a_count, a_time, about
from spooled_lite.wire.shapes.common import CreatedAt
from spooled_lite.wire.shapes.message_bodies import ExpiresAt, ExpiresInMs
from spooled_lite.wire.shapes.topics import TopicGiven

A_NUMBER: Final = 92

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
IdentityGiven = Annotated[str, about(f"Whose inbox it is: 1 to {IDENTITY_CHARACTERS_MAX} printable characters, such as the id of a user", "user-123", maxLength=IDENTITY_CHARACTERS_MAX)]
NotificationText = Annotated[str, about(f"What it says: a text of up to {MESSAGE_BYTES_MAX} bytes, which may be JSON", "80 %", maxLength=MESSAGE_BYTES_MAX)]
CollapseKey = Annotated[str, SHORT, about("What this identity has not seen with the same key counts as seen from now on, so that only the newest one waits", "import-42")]
NotificationId = Annotated[int, a_count("Its number, higher than every one before it", A_NUMBER)]
Number = Annotated[int, Meta(ge=0, le=ID_MAX)]
Until = Annotated[Number, about("All of them up to this number, which is among them", A_NUMBER)]
SeenIds = Annotated[list[Number], Meta(max_length=IDS_SEEN_MAX), about(f"Up to {IDS_SEEN_MAX} of them, instead of `until`; those of other identities are passed over", [A_NUMBER])]
SeenAt = Annotated[str, a_time("When it was marked as seen; only in a list of those that were")]
NotificationExpiry = Annotated[str, a_time("From when on it is not read and removed", "2026-10-02T09:00:00.000Z")]
# fmt: on


class PutNotification(Struct, kw_only=True):
    """Body of POST /inbox/{identity}. Null means absent."""

    topic: TopicGiven
    message: NotificationText | None = None
    collapse_key: CollapseKey | None = None
    expires_at: ExpiresAt = None
    expires_in_ms: ExpiresInMs | None = None

    def new_notification(self, identity: str) -> NewNotification:
        """What core is to store.

        Raises:
            RuleBroken: the identity or the topic is none.
            PayloadTooLarge: the message is too large.
            WrongShape: the time is not valid.
        """
        if self.message is not None and len(self.message.encode()) > MESSAGE_BYTES_MAX:
            raise PayloadTooLarge(f"Field `message` is larger than {MESSAGE_BYTES_MAX} bytes")
        expires_at_ms = parse_optional_ms(self.expires_at, "expires_at")
        return NewNotification(
            identity=checked_identity(identity),
            topic=checked_topic(self.topic),
            message=self.message,
            collapse_key=self.collapse_key or None,
            expires_at_ms=expires_at_ms,
            expires_in_ms=self.expires_in_ms if expires_at_ms is None else None,
        )


class MarkSeen(Struct, frozen=True, kw_only=True):
    """Body of POST /inbox/{identity}/seen: one of the two."""

    until: Until | None = None
    ids: SeenIds | None = None

    def check(self) -> None:
        """Raises: it says neither, or both."""
        if self.until is None and self.ids is None:
            said = "Field `until` or `ids` is required"
            raise WrongShape([Problem("until", said, "missing_field")])
        if self.until is not None and self.ids is not None:
            raise RuleBroken.of("ids", "Fields `until` and `ids` cannot be given together", "both")


class NotificationStored(Struct, frozen=True):
    """Answer of POST /inbox/{identity}."""

    id: NotificationId


class NotificationView(Struct):
    """A notification in an inbox."""

    id: NotificationId
    topic: Annotated[
        str, about("What it is about", "import.progress", maxLength=TOPIC_CHARACTERS_MAX)
    ]
    message: NotificationText | None
    collapse_key: CollapseKey | None
    created_at: CreatedAt
    expires_at: NotificationExpiry | None
    seen_at: SeenAt | UnsetType = UNSET

    @classmethod
    def of(cls, row: NotificationRow) -> "NotificationView":
        seen_at_ms = row["seen_at_ms"]
        return cls(
            id=row["id"],
            topic=row["topic"],
            message=row["message"],
            collapse_key=row["collapse_key"],
            created_at=format_ms(row["created_at_ms"]),
            expires_at=format_optional_ms(row["expires_at_ms"]),
            seen_at=UNSET if seen_at_ms is None else format_ms(seen_at_ms),
        )


class InboxView(Struct):
    """Answer of GET /inbox/{identity}."""

    notifications: Annotated[
        list[NotificationView],
        about("From the oldest on; of those that were seen, from the newest on", []),
    ]
    cursor: Annotated[
        int,
        a_count(
            "The number to go on behind: the next `after`, of those that were seen the next `before`",
            A_NUMBER,
        ),
    ]

    @classmethod
    def of(cls, rows: Sequence[NotificationRow], cursor: int) -> "InboxView":
        return cls([NotificationView.of(row) for row in rows], cursor)


class SeenMarked(Struct, frozen=True):
    """Answer of POST /inbox/{identity}/seen."""

    marked: Annotated[int, a_count("How many were not seen before", 1)]
