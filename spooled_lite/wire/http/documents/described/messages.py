"""The routes of messages."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.messages.records import IDS_MAX, MESSAGES_MAX
from spooled_lite.errors import LeaseExpired, QuotaExceeded
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import Doc, Parameter, paging
from spooled_lite.wire.http.resources import messages
from spooled_lite.wire.shapes import message_bodies as bodies
from spooled_lite.wire.shapes import messages as shapes
from spooled_lite.wire.shapes.common import A_LEASE, AN_ID

_FENCE: Final = "With `lease_id` nothing happens unless all of them are held under that lease."

MESSAGES: Final[Mapping[Handler, Doc]] = {
    messages.send: Doc(
        summary="Send one message, or several",
        about=f"One with `body`; up to {MESSAGES_MAX} with `messages` or `bodies`, all or none. "
        "A message whose `concurrency_key` another one of the queue has is not stored. "
        "The queue must exist.",
        body=bodies.SendMessages,
        parts=(bodies.MessageFields,),
        needs=("body", "messages", "bodies"),
        example={"body": {"user_id": 5}, "concurrency_key": "user-5", "headers": {"src": "web"}},
        answer=shapes.MessagesSent,
        statuses=(201, 200),
        errors=(QuotaExceeded,),
    ),
    messages.look: Doc(
        summary="Look at the messages of a queue",
        about="Nothing is handed out or hidden. `visible`: those that a read would get next, in "
        "its order; `hidden`: those that are delayed, or that somebody reads; else all, oldest "
        "first.",
        parameters=(
            Parameter(
                "state",
                "Which messages",
                {"type": "string", "enum": list(messages.STATES), "default": "all"},
            ),
            *paging(),
        ),
        answer=list[shapes.MessageView],
        is_paged=True,
    ),
    messages.read: Doc(
        summary="Read messages and hide them from others for a while",
        about="The messages come with a lease, which lasts `hide_for_ms`. Delete those that are "
        "done; the others can be read again when that time is over, for ever. Waits up to "
        "`wait_ms` when there is none.",
        body=bodies.ReadMessages,
        example={"quantity": 10, "hide_for_ms": 30_000, "wait_ms": 5_000},
        answer=shapes.MessagesRead,
    ),
    messages.hide: Doc(
        summary="Hide messages for a while",
        about=f"Up to {IDS_MAX}, read or not, from now on. {_FENCE}",
        body=bodies.HideMessages,
        example={"ids": [AN_ID], "hide_for_ms": 60_000},
        answer=shapes.MessagesHidden,
        errors=(LeaseExpired,),
    ),
    messages.delete_many: Doc(
        summary="Delete messages that are done",
        about=f"Up to {IDS_MAX}, whoever reads them. {_FENCE}",
        body=bodies.DeleteMessages,
        example={"ids": [AN_ID]},
        answer=shapes.MessagesDeleted,
        errors=(LeaseExpired,),
    ),
    messages.delete: Doc(
        summary="Delete a message that is done",
        parameters=(
            Parameter(
                "lease_id",
                "Only if it is held under this lease",
                example=A_LEASE,
            ),
        ),
        statuses=(204,),
        errors=(LeaseExpired,),
    ),
}
