"""Every limit of the HTTP server. The application limits body sizes and handler times itself."""

import resource
from typing import Final

from msgspec import Struct

# Files kept for the database, listeners, webhook deliveries and answers to refused connections.
FILES_RESERVED: Final = 256
CONNECTION_COUNT_MIN: Final = 16  # still served when the file limit is absurdly low


class HttpLimits(Struct, frozen=True, kw_only=True):
    # The request line and all headers together; also trailers and chunk extensions.
    header_block_bytes_max: int = 64 * 1024
    header_count_max: int = 100
    url_bytes_max: int = 16 * 1024
    header_seconds_max: float = 10.0  # from the first byte; before one comes, from connecting
    # For the whole body. Time during which the server itself paused reading is not counted.
    body_seconds_max: float = 30.0
    # Longer than most clients keep idle connections, so that the client closes first.
    keep_alive_seconds: float = 75.0
    send_seconds_max: float = 30.0  # how long a client may go without reading any of its answer
    # How long a refused client may go on sending before the connection is cut, and how much.
    linger_seconds_max: float = 1.0
    linger_bytes_max: int = 1024 * 1024
    connection_count_max: int = 10_000
    connections_per_address_max: int = 0  # 0: one address has no bound of its own
    # Written and not yet read by clients, over all connections. A page is a few megabytes.
    unread_bytes_max: int = 64 * 1024 * 1024
    websocket_message_bytes_max: int = 64 * 1024  # contract: platform, 1.4
    # The frames a client may send, pings and refused commands included. A client that makes all
    # subscriptions it may have sends a thousand commands in a row, and few after that.
    websocket_frames_in_a_row: int = 4_000
    websocket_frames_per_second: int = 100
    # Contract: realtime, section 5.2. A peer is pinged after the first, and dropped when it has
    # not answered within the second.
    websocket_ping_seconds: float = 30.0
    websocket_pong_seconds_max: float = 60.0
    websocket_close_seconds_max: float = 10.0  # how long the peer may take to answer a close
    sweep_seconds: float = 1.0  # how often deadlines are checked, and so how late one is noticed


DEFAULTS: Final = HttpLimits()


def connection_count_max(limits: HttpLimits, *, file_count_max: int) -> int:
    """How many connections may be open, FILES_RESERVED below the file limit of the process."""
    if file_count_max == resource.RLIM_INFINITY:
        return limits.connection_count_max
    return max(
        CONNECTION_COUNT_MIN, min(limits.connection_count_max, file_count_max - FILES_RESERVED)
    )
