"""The names of what the server adds to ASGI.

The first two stand in `scope["extensions"]`: functions without arguments. The last one stands in
the message that begins an answer or accepts a WebSocket.
"""

from typing import Final

IS_GONE: Final = "spooled.is_gone"  # whether the client has left, as far as the loop knows
ABORT: Final = "spooled.abort"  # cuts the connection at once; the unsent part of an answer is lost
DATED: Final = "spooled.dated"  # the headers have a date of their own
