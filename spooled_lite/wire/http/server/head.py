"""Headers that say how a message is framed, and the handshake of WebSocket: read and checked."""

from base64 import b64decode
from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from websockets.utils import accept_key

from spooled_lite.wire.header import Header
from spooled_lite.wire.http.server import refusal as refusals
from spooled_lite.wire.http.server.refusal import Refused

# The headers that decide how the server reads the message.
FRAMING: Final = frozenset(
    {b"host", b"expect", b"transfer-encoding", b"content-length", b"connection", b"upgrade"}
)
CODING_FAULT: Final = "`Transfer-Encoding`"  # found in the parser's error for an unknown coding
WEBSOCKET_VERSION: Final = b"13"
WEBSOCKET_KEY_BYTES: Final = 16


class Head(Struct, frozen=True):
    expects_go_ahead: bool  # the client waits for `100 Continue` before it sends its body
    body_bytes: int | None  # None: the body comes in chunks


def checked(framing: Sequence[Header], *, is_http_1_0: bool) -> Head:
    """Check the headers named in FRAMING against one another.

    Raises:
        Refused: they contradict each other, or ask for a coding this server does not know.

    The parser has already refused a length that is no number, two lengths, and a length beside a
    transfer coding.
    """
    host_count, body_bytes, expects_go_ahead = 0, 0, False
    coding: bytes | None = None
    for name, value in framing:
        if name == b"host":
            host_count += 1
        elif name == b"content-length":
            body_bytes = int(value)
        elif name == b"transfer-encoding":
            coding = value if coding is None else coding + b"," + value
        elif name == b"expect":
            expects_go_ahead = value.lower() == b"100-continue" and not is_http_1_0
    if host_count > 1 or (host_count == 0 and not is_http_1_0):
        raise Refused(refusals.malformed("A request has exactly one Host header"))
    if coding is None:
        return Head(expects_go_ahead, body_bytes)
    if is_http_1_0:
        # A proxy that knows no codings in HTTP/1.0 saw this message end at another place.
        raise Refused(refusals.malformed("HTTP/1.0 has no Transfer-Encoding"))
    check_coding(framing)
    return Head(expects_go_ahead, None)


def check_coding(framing: Sequence[Header]) -> None:
    """Raises Refused for a transfer coding other than chunked."""
    for name, value in framing:
        if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise Refused(refusals.unknown_coding())


def wants_websocket(framing: Sequence[Header]) -> bool:
    """Whether an upgrade asks for WebSocket. Of headers given twice the last one counts."""
    connection, upgrade = b"", b""
    for name, value in framing:
        if name == b"connection":
            connection = value
        elif name == b"upgrade":
            upgrade = value
    options = [each.strip().lower() for each in connection.split(b",")]
    return b"upgrade" in options and upgrade.strip().lower() == b"websocket"


def websocket_accept(method: str, head: Head, headers: Sequence[Header]) -> bytes:
    """The value of `Sec-WebSocket-Accept` that answers a handshake.

    Raises:
        Refused: the handshake is not valid. RFC 6455, section 4.2.1.
    """
    key, version = _only(headers, b"sec-websocket-key"), _only(headers, b"sec-websocket-version")
    is_whole = method == "GET" and head.body_bytes == 0
    if not is_whole or version != WEBSOCKET_VERSION or not _is_key(key):
        raise Refused(refusals.malformed("The WebSocket handshake is not valid"))
    return accept_key(key.decode("ascii")).encode("ascii")


def _only(headers: Sequence[Header], name: bytes) -> bytes:
    """The value of a header that is given exactly once, else empty."""
    values = [value for each, value in headers if each == name]
    return values[0] if len(values) == 1 else b""


def _is_key(key: bytes) -> bool:
    try:
        return len(b64decode(key, validate=True)) == WEBSOCKET_KEY_BYTES
    except ValueError:
        return False
