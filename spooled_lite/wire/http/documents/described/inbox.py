"""The routes of inboxes."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.inbox.records import READ_MAX
from spooled_lite.errors import PayloadTooLarge, QuotaExceeded
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import FLAG, Doc, Parameter, whole
from spooled_lite.wire.http.resources import inbox
from spooled_lite.wire.shapes import inbox as shapes

_WHOLE: Final = {"type": "integer", "minimum": 0}

INBOX: Final[Mapping[Handler, Doc]] = {
    inbox.read: Doc(
        summary="Read an inbox, which marks nothing",
        about="What this identity has not seen and what has not expired, from the oldest on. There "
        "may be fewer than `limit` when they are large; there is none only at the end.",
        parameters=(
            Parameter("after", "Only those behind this number: the last `cursor`", _WHOLE),
            Parameter("limit", "How many at most", whole(inbox.SHOWN, 1, READ_MAX)),
            Parameter("seen", "`true`: those that were seen, from the newest on", FLAG),
            Parameter("before", "With `seen`: only those before this number", _WHOLE),
        ),
        answer=shapes.InboxView,
    ),
    inbox.put: Doc(
        summary="Put a notification into an inbox",
        about="It waits until it is marked as seen, or has expired. With a `collapse_key` it takes "
        "the place of the one that waits with the same key.",
        body=shapes.PutNotification,
        example={"topic": "import.progress", "message": "80 %", "collapse_key": "import-42"},
        answer=shapes.NotificationStored,
        statuses=(201,),
        errors=(PayloadTooLarge, QuotaExceeded),
    ),
    inbox.mark: Doc(
        summary="Mark notifications as seen",
        about="Those up to a number, or those that are named. However many these are, others are "
        "served meanwhile. When the call is cut off, some of the oldest may be marked: make it "
        "again, and `marked` counts the rest.",
        body=shapes.MarkSeen,
        example={"until": 92},
        answer=shapes.SeenMarked,
    ),
}
