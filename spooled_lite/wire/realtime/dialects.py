"""Writes frames in the framing profiles of event streams and the dialects of WebSockets.

Contract: realtime, sections 3.1, 3.5, 4.1, 4.3, 5.5.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.wire.realtime.catalogue import Frame
from spooled_lite.wire.realtime.names import NAMES

FRAME_BYTES_MAX: Final = 30 * 1024  # Go's WebSocket library drops the connection above 32 KiB

_encode: Final = msgspec.json.Encoder().encode


class Profile(Enum):
    """The form in which one connection gets its frames."""

    NAMED = "named"
    MESSAGE = "message"
    BOTH = "both"
    DOTTED = "dotted"
    WS_ENUM = "enum"
    WS_DOTTED = "dotted text"


class Rendered(Struct, frozen=True, gc=False):
    """Frames ready to be written: bytes for an event stream, one text per WebSocket message.

    When they were joined, they are bytes for a WebSocket, too, and include its framing.
    """

    seq: int  # the row of the event log they were made from; 0: none, or several
    count: int  # the number of frames, for the bound of the backlog
    parts: tuple[bytes | str, ...]


def render(
    profile: Profile, frames: Sequence[Frame], *, seq: int = 0, has_id: bool = False
) -> Rendered:
    """Render frames. `has_id` puts the row's number into the last one, for Last-Event-ID."""
    parts: tuple[bytes | str, ...]
    if profile is Profile.WS_ENUM:
        parts = tuple(_enveloped(each, NAMES[each.kind].variant).decode() for each in frames)
    elif profile is Profile.WS_DOTTED:
        parts = tuple(_dotted_text(each).decode() for each in frames)
    else:
        write = _WRITERS[profile]
        last = len(frames) - 1
        lines = [
            write(each, b"id: %d\n" % seq if has_id and position == last else b"")
            for position, each in enumerate(frames)
        ]
        parts = (b"".join(lines),)
    return Rendered(seq, len(frames), parts)


def joined(profile: Profile, several: Sequence[Rendered]) -> Rendered:
    """Several rendered pieces as one, to be written at once. Its `seq` is 0."""
    parts = [part for each in several for part in each.parts]
    if profile in (Profile.WS_ENUM, Profile.WS_DOTTED):
        parts = [_text_frame(str(part).encode()) for part in parts]
    count = sum(each.count for each in several)
    return Rendered(0, count, (b"".join(part for part in parts if isinstance(part, bytes)),))


def _text_frame(text: bytes) -> bytes:
    """The WebSocket frame of a text message, unmasked as from a server. RFC 6455, section 5.2."""
    size = len(text)
    if size < 126:
        return b"\x81" + size.to_bytes(1, "big") + text
    assert size < 1 << 16, "no frame is so long"
    return b"\x81\x7e" + size.to_bytes(2, "big") + text


# -- JSON ----------------------------------------------------------------------------------------


def _enveloped(frame: Frame, name: str) -> bytes:
    """Type and data, with copies of those fields that some clients look for at the top level."""
    tail = b',"timestamp":' + _encode(frame.timestamp)
    if frame.job_id is not None:
        tail += b',"job_id":' + _encode(frame.job_id)
    if frame.queue_name is not None:
        tail += b',"queue_name":' + _encode(frame.queue_name)
    head = b'{"type":' + _encode(name) + b',"data":'
    return head + _data(frame, room_bytes=FRAME_BYTES_MAX - len(head) - len(tail)) + tail + b"}"


def _dotted_text(frame: Frame) -> bytes:
    """Type and the data twice, as `data` and `payload`, since clients read one or the other."""
    head = b'{"type":' + _encode(NAMES[frame.kind].dotted)
    head += b',"timestamp":' + _encode(frame.timestamp) + b',"data":'
    data = _data(frame, room_bytes=(FRAME_BYTES_MAX - len(head)) // 2)
    return head + data + b',"payload":' + data + b"}"


def _data(frame: Frame, *, room_bytes: int) -> bytes:
    """The data of a frame, with the job's result when there is room for it."""
    data, result = frame.data, frame.result
    with_result = len(data) + len(result or b"") + _AROUND_BYTES
    if result is None or with_result > room_bytes:
        return data
    return data[:-1] + b',"result":' + result + b"}"


_AROUND_BYTES: Final = 100  # for names, brackets and the other lines of an event


# -- event streams -------------------------------------------------------------------------------


def _named(frame: Frame, id_line: bytes) -> bytes:
    return _event(frame, _enveloped(frame, NAMES[frame.kind].variant), id_line)


def _dotted(frame: Frame, id_line: bytes) -> bytes:
    return _event(frame, _enveloped(frame, NAMES[frame.kind].dotted), id_line)


def _message(frame: Frame, id_line: bytes) -> bytes:
    return _unnamed(_enveloped(frame, NAMES[frame.kind].variant), id_line)


def _both(frame: Frame, id_line: bytes) -> bytes:
    unnamed = _unnamed(_enveloped(frame, NAMES[frame.kind].unnamed), b"")
    if frame.kind == "error":
        return unnamed  # a browser treats an event named `error` as a broken connection
    return _named(frame, id_line) + unnamed


def _event(frame: Frame, text: bytes, id_line: bytes) -> bytes:
    return b"event: " + frame.kind.encode("ascii") + b"\n" + _unnamed(text, id_line)


def _unnamed(text: bytes, id_line: bytes) -> bytes:
    return b"data: " + text + b"\n" + id_line + b"\n"


_WRITERS: Final[Mapping[Profile, Callable[[Frame, bytes], bytes]]] = {
    Profile.NAMED: _named,
    Profile.MESSAGE: _message,
    Profile.BOTH: _both,
    Profile.DOTTED: _dotted,
}


# -- choosing a profile ----------------------------------------------------------------------------

_GO: Final = ("go-http-client", "spooled-go")
_SCRIPTS: Final = ("node", "undici", "bun", "deno")
_ASKED: Final = {
    profile.value: profile
    for profile in (Profile.NAMED, Profile.MESSAGE, Profile.BOTH, Profile.DOTTED)
}
_ASKED_DIALECT: Final = {"enum": Profile.WS_ENUM, "dotted": Profile.WS_DOTTED}


def stream_profile(
    asked: str | None, *, agent: str, came_by: str, is_browser_fetch: bool
) -> Profile:
    """The profile of an event stream, by the first rule that fits. Contract: realtime, 4.3.

    `came_by` says where the credential was: the name of a header, or `query`.
    """
    if asked in _ASKED:
        return _ASKED[asked]
    if agent.lower().startswith(_GO) or came_by == "x-api-key":
        return Profile.DOTTED
    if agent.lower().startswith(_SCRIPTS):
        return Profile.MESSAGE
    if came_by == "query" and (agent.startswith("Mozilla/") or is_browser_fetch):
        return Profile.BOTH
    return Profile.NAMED


def websocket_profile(asked: str | None, *, agent: str, came_by: str) -> Profile:
    """The first dialect of a WebSocket; its commands may change it. Contract: realtime, 5.5."""
    if asked in _ASKED_DIALECT:
        return _ASKED_DIALECT[asked]
    if agent.lower().startswith(_GO) or came_by != "query":
        return Profile.WS_DOTTED
    return Profile.WS_ENUM
