"""Bindings and publishing over HTTP. Contract: catbird-capabilities, section 5, A3 and A4."""

from collections.abc import Sequence
from functools import partial
from typing import Final, get_args

from spooled_lite.core.messages.records import NewMessage
from spooled_lite.core.topics.bind import (
    BindingFilter,
    TopicTarget,
    bind,
    list_bindings,
    remove_binding,
    unbind,
)
from spooled_lite.core.topics.pattern import checked_pattern, checked_topic
from spooled_lite.core.topics.publish import Delivered
from spooled_lite.core.topics.publish import publish as publish_messages
from spooled_lite.core.topics.statements import TargetType
from spooled_lite.errors import BadRequest, WrongShape
from spooled_lite.wire.admission import admission_of
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.http.once import Once
from spooled_lite.wire.http.paging import page, paged
from spooled_lite.wire.http.resources.messages import new_messages
from spooled_lite.wire.shapes.topics import (
    Bind,
    BindingView,
    Publish,
    Published,
    PublishedTo,
    Unbound,
)

TARGET_TYPES: Final[tuple[TargetType, ...]] = get_args(TargetType)


async def list_all(call: Call) -> Reply:
    shown = page(call, default=100, max=500)
    wanted = BindingFilter(
        target_type=_target_type(call.query.get("target_type")),
        target_name=call.query.get("target_name") or None,
        topic=call.query.get("topic") or None,
        rows_max=shown.fetch,
        offset=shown.offset,
    )
    rows = await call.reads.read(list_bindings, call.org, wanted)
    return paged([BindingView.of(row) for row in rows], shown)


async def create(call: Call) -> Reply:
    body = await call.body(Bind)
    pattern = checked_pattern(body.pattern)
    target = (body.target_type, body.target_name)
    acting = Acting(
        call, "binding", "create", count=lambda it: it.created, made=lambda it: it.row["id"]
    )
    made = await acting.write(bind, call.org, target, pattern)
    return reply(BindingView.of(made.row), 201 if made.created else 200)


async def remove(call: Call) -> Reply:
    target, pattern = _target(call), _required(call, "pattern")
    acting = Acting(call, "binding", "delete", count=int)
    return reply(Unbound(await acting.write(unbind, call.org, target, pattern)))


async def delete(call: Call) -> Reply:
    binding_id = call.path("id")
    await Acting(call, "binding", "delete", binding_id).write(remove_binding, call.org, binding_id)
    return NO_CONTENT


async def publish(call: Call) -> Reply:
    body = await call.body(Publish)
    topic, messages = await call.off_loop(new_publication, call, body)

    def answer(delivered: list[Delivered]) -> Reply:
        return reply(told_of_published(delivered, is_one=body.is_one))

    once = Once(call, answer, then=partial(count_published, call))
    return await once.write(publish_messages, call.org, topic, messages, admission_of(call))


def new_publication(call: Call, body: Publish) -> tuple[str, list[NewMessage]]:
    """The topic, and what is published under it. Raises: as `new_messages` and `checked_topic`."""
    if not body.topic:
        raise WrongShape.missing("topic")
    return checked_topic(body.topic), new_messages(call, body)


def count_published(call: Call, delivered: Sequence[Delivered]) -> None:
    call.services.metrics.count("spooled_publish_total")
    call.services.metrics.count("spooled_publish_targets_total", len(delivered))


def told_of_published(delivered: Sequence[Delivered], *, is_one: bool) -> Published:
    return Published(len(delivered), [_told(each, is_one) for each in delivered])


def _told(delivered: Delivered, is_one: bool) -> PublishedTo:
    view = PublishedTo(*delivered.target)
    if is_one:
        [copy] = delivered.copies
        view.id, view.created = copy.id, copy.created
        return view
    view.ids = [each.id for each in delivered.copies if each.created]
    view.created_count = len(view.ids)
    view.duplicate_count = len(delivered.copies) - len(view.ids)
    return view


def _target(call: Call) -> TopicTarget:
    target_type = _target_type(_required(call, "target_type"))
    assert target_type is not None, "it is required"
    return target_type, _required(call, "target_name")


def _target_type(given: str | None) -> TargetType | None:
    for target_type in TARGET_TYPES:
        if given == target_type:
            return target_type
    if given:
        raise BadRequest(f"Query parameter `target_type` must be one of: {', '.join(TARGET_TYPES)}")
    return None


def _required(call: Call, name: str) -> str:
    given = call.query.get(name)
    if not given:
        raise BadRequest(f"Query parameter `{name}` is required")
    return given
