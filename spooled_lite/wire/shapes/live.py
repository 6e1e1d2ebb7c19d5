"""Bodies and answers about live messages to topics. Contract: catbird-capabilities, 13 and 19.9."""

from typing import Annotated

from msgspec import Meta, Struct

from spooled_lite.core.inbox.records import IDENTITY_CHARACTERS_MAX
from spooled_lite.core.topics.notify import NOTICE_BYTES_MAX, SENDER_CHARS_MAX, NewNotice
from spooled_lite.core.topics.pattern import PATTERNS_CHARS_MAX, PATTERNS_MAX
from spooled_lite.wire.live.tokens import TTL_SECONDS_MAX
from spooled_lite.wire.shapes.about import a_count, a_time, about
from spooled_lite.wire.shapes.topics import TopicGiven

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
Message = Annotated[str, about(f"Any text, up to {NOTICE_BYTES_MAX} bytes; null or left out: none", "placed")]
SentBy = Annotated[str, Meta(max_length=SENDER_CHARS_MAX), about("The id of the sender, which it has chosen: streams opened with it as `client_id` do not get the message", "tab-1")]
ReachedCount = Annotated[int, a_count("The open streams that got it", 3)]
Topics = Annotated[list[str], Meta(min_length=1, max_length=PATTERNS_MAX), about(f"The topics that its holder may listen to: patterns as those of bindings, up to {PATTERNS_MAX} with {PATTERNS_CHARS_MAX} characters together", ["order.*", "user.123.#"])]
HolderGiven = Annotated[str, about("Who its holder is, as the identity of an inbox: shown as present while a stream is open", "user-123", maxLength=IDENTITY_CHARACTERS_MAX)]
TtlSeconds = Annotated[int, Meta(ge=0, le=TTL_SECONDS_MAX), about("How long it can be used to open streams; 0, null or left out: as long as its key is good", 3600)]
Token = Annotated[str, about("For `GET /realtime/sse?token=`; it shows nothing of what it grants", "q83vEjRWeJCrze8S…")]
TokenEnds = Annotated[str, a_time("When it can be used no more; null: never by itself")]
TopicNamed = Annotated[str, about("The topic that was asked for", "order.7")]
Identities = Annotated[list[str], about("Each once, in order", ["user-123"])]
# fmt: on


class Notify(Struct, frozen=True, kw_only=True):
    """Body of POST /realtime/notify."""

    topic: TopicGiven
    message: Message | None = None
    sent_by: SentBy | None = None

    def notice(self) -> NewNotice:
        return NewNotice(self.topic, self.message, self.sent_by)


class Notified(Struct, frozen=True):
    """Answer of POST /realtime/notify."""

    delivered: ReachedCount


class NotifyApplied(Struct, frozen=True):
    """What is answered to `notify` among several operations: nothing, it is sent afterwards."""


class CreateTopicToken(Struct, frozen=True, kw_only=True):
    """Body of POST /realtime/tokens."""

    topics: Topics
    identity: HolderGiven | None = None
    ttl_seconds: TtlSeconds | None = None


class TopicTokenMade(Struct, frozen=True):
    """Answer of POST /realtime/tokens."""

    token: Token
    expires_at: TokenEnds | None


class Present(Struct, frozen=True):
    """Answer of GET /realtime/presence."""

    topic: TopicNamed
    identities: Identities
