"""Commands that clients send on a WebSocket, in both dialects. Contract: realtime, 5.3 to 5.5."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from spooled_lite.errors import AccessDenied, RuleBroken, SpooledError, WrongShape
from spooled_lite.wire.realtime import catalogue
from spooled_lite.wire.realtime.dialects import Profile, render
from spooled_lite.wire.realtime.filters import UNFILTERED, Filter
from spooled_lite.wire.realtime.names import WORKER_KINDS, kinds_named
from spooled_lite.wire.realtime.registry import NAMES_OF_ORG_MAX, Streams
from spooled_lite.wire.realtime.stream import Stream
from spooled_lite.wire.realtime.subscriptions import NAMES_MAX, SUBSCRIPTIONS_MAX

REQUEST_ID_CHARS_MAX: Final = 255
TOPICS_MAX: Final = 100

ClientMessage = dict[str, Any]

_decode: Final = msgspec.json.Decoder().decode


def obey(streams: Streams, stream: Stream, text: str, *, now_ms: int) -> Sequence[str]:
    """Do what a client's message asks for. Returns the answers, which go out before all events.

    A message that is not a command is ignored, and the connection stays open.
    """
    try:
        message = _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ()
    if not isinstance(message, dict):
        return ()
    if isinstance(command := message.get("cmd"), str):
        stream.profile = Profile.WS_ENUM
        streams.regroup(stream)
        return _enum(streams, stream, command.lower(), message, now_ms)
    if isinstance(command := message.get("type"), str):
        stream.profile = Profile.WS_DOTTED
        streams.regroup(stream)
        return _dotted(streams, stream, command.lower(), message, now_ms)
    return ()


# -- the enum dialect, which acknowledges nothing --------------------------------------------------


def _enum(
    streams: Streams, stream: Stream, command: str, message: ClientMessage, now_ms: int
) -> Sequence[str]:
    if command == "ping":
        return _said(stream, catalogue.ping(now_ms))
    if command not in ("subscribe", "unsubscribe"):
        return ()
    try:
        queue_name, job_id = _text(message, "queue"), _text(message, "job_id")
        wanted = Filter.of(queues=[queue_name] if queue_name else [], job_id=job_id)
        _change(streams, stream, command, [wanted])
    except AccessDenied as error:
        return _said(stream, catalogue.error(error.message, now_ms, code=error.code))
    except (RuleBroken, WrongShape):
        return ()
    return ()


# -- the dotted dialect, which answers commands that have a `request_id` ---------------------------


def _dotted(
    streams: Streams, stream: Stream, command: str, message: ClientMessage, now_ms: int
) -> Sequence[str]:
    if command == "auth":
        return ()  # the credential was checked before the upgrade
    if command == "ping":
        return _said(stream, catalogue.ping(now_ms))
    request_id = message.get("request_id")
    if not isinstance(request_id, str | int) or len(str(request_id)) > REQUEST_ID_CHARS_MAX:
        request_id = None
    try:
        if command not in ("subscribe", "unsubscribe"):
            raise RuleBroken.of("type", "Unknown command", "unknown_command")
        _change(streams, stream, command, _filters(message))
    except SpooledError as error:
        if request_id is None:
            denied = isinstance(error, AccessDenied)
            frame = catalogue.error(error.message, now_ms, code=error.code)
            return _said(stream, frame) if denied else ()
        return (_answer("error", request_id, error=error.message),)
    return () if request_id is None else (_answer(f"{command}d", request_id),)


def _filters(message: ClientMessage) -> list[Filter]:
    """The filters of a command, whose parts are inside of `filter` or beside it."""
    inside = message.get("filter")
    if inside is not None and not isinstance(inside, dict):
        raise WrongShape.wrong_type("filter", "an object")
    parts: ClientMessage = {**message, **(inside or {})}
    topics = _texts(parts, "topics")
    if topics:
        return [found for topic in topics[:TOPICS_MAX] for found in _of_topic(topic)]
    names = [_text(parts, "queue_name"), _text(parts, "queue"), *_texts(parts, "queues")]
    return [
        Filter.of(
            queues=[name for name in names if name],
            job_id=_text(parts, "job_id"),
            worker_id=_text(parts, "worker_id"),
            kinds=kinds_named(_texts(parts, "events")),
        )
    ]


def _of_topic(topic: str) -> Iterable[Filter]:
    """The filter for a topic, which older clients send as one word; none for an unknown topic."""
    word, _, name = topic.partition(":")
    if topic == "organization":
        yield UNFILTERED
    elif topic == "workers":
        yield Filter(kinds=WORKER_KINDS)
    elif word == "queue" and name:
        yield Filter.of(queues=[name.removesuffix(":jobs")])
    elif word == "job" and name:
        yield Filter.of(job_id=name)


def _answer(kind: str, request_id: str | int, **more: str) -> str:
    return msgspec.json.encode({"type": kind, "request_id": request_id, **more}).decode()


# -- both ------------------------------------------------------------------------------------------


def _change(streams: Streams, stream: Stream, command: str, filters: Sequence[Filter]) -> None:
    """Subscribe or unsubscribe. Raises AccessDenied, and then nothing has changed."""
    if command == "unsubscribe":
        for each in filters:
            streams.unsubscribe(stream, each)
        return
    for each in filters:
        each.check_scope(stream.identity.caller.scope)
    _check_room(streams, stream, filters)
    for each in filters:
        streams.subscribe(stream, each)


def _check_room(streams: Streams, stream: Stream, filters: Sequence[Filter]) -> None:
    """Raises AccessDenied when there is no room for these filters.

    A filter that the stream already has counts again.
    """
    subscriptions = stream.subscriptions
    count = len(filters) + (0 if subscriptions is None else subscriptions.count)
    if count > SUBSCRIPTIONS_MAX:
        raise AccessDenied(f"A connection has at most {SUBSCRIPTIONS_MAX} subscriptions")
    name_count = sum(each.name_count for each in filters)
    if stream.name_count + name_count > NAMES_MAX:
        raise AccessDenied(f"A connection names at most {NAMES_MAX} queues, jobs and events")
    if name_count > streams.names_left(stream.org):
        raise AccessDenied(
            f"The streams of an organization name at most {NAMES_OF_ORG_MAX} queues, jobs and"
            " events"
        )


def _said(stream: Stream, frame: catalogue.Frame) -> Sequence[str]:
    return [str(part) for part in render(stream.profile, (frame,)).parts]


def _text(message: ClientMessage, name: str) -> str | None:
    """The text of a field; null counts as missing. Raises WrongShape."""
    value = message.get(name)
    if value is not None and not isinstance(value, str):
        raise WrongShape.wrong_type(name, "a text")
    return value


def _texts(message: ClientMessage, name: str) -> list[str]:
    """The texts of a field; null counts as missing. Raises WrongShape."""
    value = message.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise WrongShape.wrong_type(name, "a list of texts")
    return value
