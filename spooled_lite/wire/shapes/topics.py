"""Bodies and answers about topics. Contract: catbird-capabilities, sections 5 and 19.7."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from spooled_lite.core.messages.records import TOPIC_CHARACTERS_MAX
from spooled_lite.core.topics.statements import BindingRow, TargetType
from spooled_lite.times import format_ms
from spooled_lite.wire.shapes import message_fields as message
from spooled_lite.wire.shapes.about import a_count, about
from spooled_lite.wire.shapes.common import AN_ID, CreatedAt, Id
from spooled_lite.wire.shapes.message_bodies import SendMessages
from spooled_lite.wire.shapes.message_sent import DuplicateCount, StoredCount, StoredIds

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
TargetKind = Annotated[TargetType, about("What it leads to", "queue")]
TargetName = Annotated[str, Meta(min_length=1, max_length=100), about("The name of the target", "audit")]
Pattern = Annotated[str, about("Words with dots between them; `*` stands for one word, a last `#` for any number of words", "events.#", maxLength=TOPIC_CHARACTERS_MAX)]
TopicGiven = Annotated[str, about("Words of letters, digits, `_` and `-` with dots between them", "events.user.created", maxLength=TOPIC_CHARACTERS_MAX)]
# fmt: on


class Bind(Struct, frozen=True):
    """Body of POST /bindings."""

    target_type: TargetKind
    target_name: TargetName
    pattern: Pattern


class BindingView(Struct):
    """Which topics lead to a target."""

    id: Id
    target_type: TargetKind
    target_name: TargetName
    pattern: Pattern
    created_at: CreatedAt

    @classmethod
    def of(cls, row: BindingRow) -> "BindingView":
        return cls(
            row["id"],
            row["target_type"],
            row["target_name"],
            row["pattern"],
            format_ms(row["created_at_ms"]),
        )


class Unbound(Struct):
    """Answer of DELETE /bindings."""

    deleted: Annotated[bool, about("False: it was not bound", True)]


class Publish(SendMessages, kw_only=True):
    """Body of POST /publish: one message, or several, for every target of the topic."""

    topic: TopicGiven = ""


class PublishedTo(Struct):
    """A target, and what it got."""

    target_type: TargetKind
    target_name: TargetName
    id: Annotated[str, about("Of one message: its copy", AN_ID)] | UnsetType = UNSET
    created: message.Created | UnsetType = UNSET  # of one message
    ids: StoredIds | UnsetType = UNSET
    created_count: StoredCount | UnsetType = UNSET
    duplicate_count: DuplicateCount | UnsetType = UNSET


class Published(Struct):
    """Answer of POST /publish."""

    matched: Annotated[int, a_count("So many targets have a pattern that matches", 2)]
    targets: Annotated[list[PublishedTo], about("Each of them once", [])]
