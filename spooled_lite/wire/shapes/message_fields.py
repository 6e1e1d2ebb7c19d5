"""The fields of messages with their descriptions, shared by all bodies and answers."""

from typing import Annotated, Final

from msgspec import Raw

from spooled_lite.wire.shapes.about import a_count, a_time, about, one_of
from spooled_lite.wire.shapes.common import A_LEASE, AN_ID

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
TOPIC: Final = about("A label, or the topic it was published under; nothing is routed by it", "events.user.created")
PRIORITY: Final = about("Higher first, then older first; any 32-bit number", 3)
KEY: Final = about("One message per key and queue, until it is deleted: the older one stays and a repeat is not stored", "user-5")

MessageId = Annotated[str, about("The id of the message", AN_ID)]
Seq = Annotated[int, a_count("Grows with every message and job of the server", 4_711)]
Created = Annotated[bool, about("False when another message has its key", True)]
Topic = Annotated[str, TOPIC]
Body = Annotated[Raw, about("What the message says", {"user_id": 5})]
Headers = Annotated[Raw, about("What came with it: an object, or null", {"source": "web"})]
Priority = Annotated[int, PRIORITY]
Deliveries = Annotated[int, a_count("How often it was read", 1)]
ConcurrencyKey = Annotated[str, KEY]
LeaseId = Annotated[str, about("Of this read; all its messages have the same. Shown at hide or delete it is a fence", A_LEASE)]
VisibleAt = Annotated[str, a_time("From when on others may read it")]
ExpiresAt = Annotated[str, a_time("From when on it is not read and removed", "2026-10-02T09:00:00.000Z")]
State = Annotated[str, one_of("Where it stands", "visible", "hidden", "expired", "completed", "canceled")]
# fmt: on
