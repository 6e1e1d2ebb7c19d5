"""Answers about messages. Contract: catbird-capabilities, sections 4 and 19.7."""

from typing import Annotated

from msgspec import UNSET, Struct, UnsetType

from spooled_lite.wire.shapes import message_fields as message
from spooled_lite.wire.shapes.about import about
from spooled_lite.wire.shapes.common import AN_ID, CreatedAt
from spooled_lite.wire.shapes.message_sent import DuplicateCount, StoredCount, StoredIds


class MessagesSent(Struct):
    """Answer of POST /queues/{name}/messages: about one message, or about several."""

    id: message.MessageId | UnsetType = UNSET  # of one, as the two that follow
    seq: message.Seq | UnsetType = UNSET
    created: message.Created | UnsetType = UNSET
    ids: StoredIds | UnsetType = UNSET  # of several, as the two that follow
    created_count: StoredCount | UnsetType = UNSET
    duplicate_count: DuplicateCount | UnsetType = UNSET


class MessageView(Struct):
    """A message, as a read hands it out or as a look at the queue shows it."""

    id: message.MessageId
    seq: message.Seq
    topic: message.Topic
    body: message.Body
    headers: message.Headers
    priority: message.Priority
    deliveries: message.Deliveries
    concurrency_key: message.ConcurrencyKey | None
    created_at: CreatedAt
    visible_at: message.VisibleAt
    expires_at: message.ExpiresAt | None
    lease_id: message.LeaseId | UnsetType = UNSET  # of a read
    state: message.State | UnsetType = UNSET  # of a look
    body_omitted: (
        Annotated[bool, about("True: the body is left out, the list would be too large", True)]
        | UnsetType
    ) = UNSET


class MessagesRead(Struct):
    """Answer of POST /queues/{name}/messages/read."""

    messages: Annotated[list[MessageView], about("Higher priority first, then older first", [])]


class MessagesHidden(Struct):
    """Answer of POST /queues/{name}/messages/hide."""

    hidden: Annotated[list[str], about("Those that were there, oldest first", [AN_ID])]


class MessagesDeleted(Struct):
    """Answer of POST /queues/{name}/messages/delete."""

    deleted: Annotated[list[str], about("Those that were there, oldest first", [AN_ID])]
