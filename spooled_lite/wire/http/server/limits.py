"""Every limit of the HTTP server. Body size and handler time are limited by the application."""

import resource
from typing import Final

from msgspec import Struct

FILES_RESERVED: Final = (
    256  # for the database, listeners, webhook deliveries, answers to refused connections
)
CONNECTION_COUNT_MIN: Final = 16  # still served when the file limit is absurdly low


class HttpLimits(Struct, frozen=True, kw_only=True):
    header_block_bytes_max: int = (
        64 * 1024
    )  # request line included; also trailers and chunk extensions
    header_count_max: int = 100
    url_bytes_max: int = 16 * 1024
    header_seconds_max: float = 10.0  # from the first byte; without one, from the connection
    body_seconds_max: float = (
        30.0  # for the whole body; time the application keeps it waiting is not counted
    )
    keep_alive_seconds: float = (
        75.0  # longer than clients keep theirs, so that the client closes first
    )
    send_seconds_max: float = 30.0  # how long a client may take no byte of its answer
    linger_seconds_max: float = (
        1.0  # how long a refused client may go on sending before the connection is cut
    )
    linger_bytes_max: int = 1024 * 1024
    connection_count_max: int = 10_000
    connections_per_address_max: int = 0  # 0: as many as there may be in all
    # Answered and not taken, over all connections. Nobody needs more: a page is a few megabytes.
    unread_bytes_max: int = 64 * 1024 * 1024
    websocket_message_bytes_max: int = 64 * 1024  # contract: platform, 1.4
    # What a client may say, pings and refused commands included: one that subscribes to as much as
    # it may says a thousand things in a row, and then little.
    websocket_frames_in_a_row: int = 4_000
    websocket_frames_per_second: int = 100
    # Contract: realtime, section 5.2. Silent for both together, a peer is dropped.
    websocket_ping_seconds: float = 30.0
    websocket_pong_seconds_max: float = 60.0
    websocket_close_seconds_max: float = 10.0  # for the peer to answer a close
    sweep_seconds: float = 1.0  # how late a time limit may be noticed


DEFAULTS: Final = HttpLimits()


def connection_count_max(limits: HttpLimits, *, file_count_max: int) -> int:
    """The connection cap, kept so far below the file limit that the rest can open its files."""
    if file_count_max == resource.RLIM_INFINITY:
        return limits.connection_count_max
    return max(
        CONNECTION_COUNT_MIN, min(limits.connection_count_max, file_count_max - FILES_RESERVED)
    )
