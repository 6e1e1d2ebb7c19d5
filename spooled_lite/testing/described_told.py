"""What the OpenAPI document says of the drain and the routes that tell what happened."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.errors import BadRequest, Conflict, PayloadTooLarge, RuleBroken
from spooled_lite.testing import drain_routes as drains
from spooled_lite.testing import expect_routes as expectations
from spooled_lite.testing import inbox_routes as inbox
from spooled_lite.testing import journal_routes as journal
from spooled_lite.testing.drain_shapes import DrainedView, DrainQueue
from spooled_lite.testing.expect_shapes import (
    EventExpected,
    ExpectBody,
    ExpectView,
    FaultExpected,
    JobsExpected,
    MailExpected,
    MessagesExpected,
    RequestExpected,
    WebhookExpected,
)
from spooled_lite.testing.journal_shapes import JournalView
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import Doc, Parameter

AFTER: Final = Parameter("after", "Those after this number", {"type": "integer", "minimum": 0})

DESCRIBED_TOLD: Final[Mapping[Handler, Doc]] = {
    journal.show: Doc(
        summary="Read what happened in this world, in order",
        about="The newest 10,000 lines, without headers and bodies. Calls of test mode itself are"
        " not in it.",
        parameters=(
            AFTER,
            Parameter("kind", "Kinds of lines, divided by commas", example="request,event"),
        ),
        answer=JournalView,
        media=("application/json", journal.NDJSON),
        errors=(BadRequest, RuleBroken),
    ),
    drains.drain: Doc(
        summary="Work a queue off without a worker",
        about="One job at a time, in claim order, until nothing of the queue is due any more. 409"
        " when there is too much to do: `details.reason` says why, and the call can be repeated.",
        body=DrainQueue,
        example={"queue": "charges", "outcomes": [{"fail": 2, "error": "declined"}]},
        answer=DrainedView,
        errors=(BadRequest, RuleBroken, Conflict, PayloadTooLarge),
    ),
    expectations.expect: Doc(
        summary="Say what should have happened, or happens within a time",
        about="Not passed is 200; with `?fail=409` that status. With `Accept: application/xml` the"
        " answer is a test suite of JUnit. 409 also when time could not be moved.",
        body=ExpectBody,
        parts=(
            JobsExpected,
            MessagesExpected,
            WebhookExpected,
            RequestExpected,
            EventExpected,
            MailExpected,
            FaultExpected,
        ),
        example={"within": "7d", "expect": [{"queue": "emails", "status": "completed"}]},
        answer=ExpectView,
        media=("application/json", expectations.XML),
        errors=(BadRequest, RuleBroken, Conflict),
    ),
    inbox.webhooks: Doc(
        summary="Read which webhooks were called at inbox.test",
        about="Settles first, so that what is on its way is there.",
        parameters=(AFTER, Parameter("name", "Of this inbox only", example="shop")),
        answer=inbox.WebhooksView,
        errors=(BadRequest, RuleBroken, Conflict),
    ),
    inbox.clear_webhooks: Doc(
        summary="Empty the inbox of webhooks", statuses=(204,), errors=(RuleBroken, Conflict)
    ),
    inbox.mails: Doc(
        summary="Read the mails of this world, none of which has left it",
        about="Settles first, so that what is on its way is there.",
        parameters=(AFTER, Parameter("to", "To this address only", example="ada@example.com")),
        answer=inbox.MailsView,
        errors=(BadRequest, RuleBroken, Conflict),
    ),
    inbox.clear_mails: Doc(
        summary="Empty the inbox of mails", statuses=(204,), errors=(RuleBroken, Conflict)
    ),
    journal.clear: Doc(summary="Empty the journal", statuses=(204,), errors=(RuleBroken,)),
}
