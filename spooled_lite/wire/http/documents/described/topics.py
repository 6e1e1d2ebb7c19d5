"""The routes of topics, and of batches."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.topics.publish import COPIES_MAX
from spooled_lite.errors import Conflict, LeaseExpired, NotFound, QuotaExceeded
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import Doc, Parameter, paging
from spooled_lite.wire.http.resources import batch, topics
from spooled_lite.wire.shapes import batch_bodies, message_bodies
from spooled_lite.wire.shapes import topics as shapes

_TYPE: Final = {"type": "string", "enum": list(topics.TARGET_TYPES)}
_BINDING: Final = {"target_type": "queue", "target_name": "emails", "pattern": "events.#"}

TOPICS: Final[Mapping[Handler, Doc]] = {
    topics.list_all: Doc(
        summary="List bindings, newest first",
        parameters=(
            Parameter("target_type", "Only those that lead to such targets", _TYPE),
            Parameter("target_name", "Only those that lead to targets of this name"),
            Parameter(
                "topic",
                "Only those that would get what is published under this topic",
                example="events.user.created",
            ),
            *paging(100, 500),
        ),
        answer=list[shapes.BindingView],
        is_paged=True,
    ),
    topics.create: Doc(
        summary="Bind a queue or a task to a pattern of topics",
        about="The queue or the task must exist. 200: it was bound to this pattern before.",
        body=shapes.Bind,
        example=_BINDING,
        answer=shapes.BindingView,
        statuses=(201, 200),
        errors=(Conflict, NotFound),
    ),
    topics.remove: Doc(
        summary="Delete a binding, if there is one",
        parameters=(
            Parameter("target_type", "What it leads to; required", _TYPE),
            Parameter("target_name", "The name of the target; required", example="emails"),
            Parameter("pattern", "The pattern; required", example="events.#"),
        ),
        answer=shapes.Unbound,
    ),
    topics.delete: Doc(summary="Delete a binding by its id", statuses=(204,)),
    topics.publish: Doc(
        summary="Publish a message, or several, under a topic",
        about="Every target that is bound to a matching pattern gets a copy, once, all or none; "
        "without one nothing happens. Keys, delays and priorities are those of messages, and hold "
        f"in each target by itself. One call makes at most {COPIES_MAX} copies.",
        body=shapes.Publish,
        parts=(message_bodies.MessageFields,),
        needs=("topic",),
        example={"topic": "events.user.created", "body": {"id": 9}, "concurrency_key": "u9"},
        answer=shapes.Published,
        errors=(QuotaExceeded,),
    ),
    batch.run: Doc(
        summary="Store jobs and messages together, or nothing",
        about="Each operation finds what those before it have stored. When one is refused, nothing "
        "of any is stored, and `details.index` is its number. It may be about "
        f"{batch.ROWS_MAX} jobs, messages and notifications.",
        body=batch_bodies.BatchBody,
        needs=("operations",),
        example={
            "operations": [
                {"op": "create_job", "queue_name": "emails", "payload": {"to": "a@example.org"}},
                {"op": "send", "queue_name": "emails", "body": {"order": 7}},
                {"op": "publish", "topic": "order.placed", "body": {"order": 7}},
            ]
        },
        answer=batch_bodies.BatchAnswer,
        errors=(LeaseExpired, NotFound, QuotaExceeded),
    ),
}
