"""The names of what the server adds to ASGI.

The first three stand in `scope["extensions"]`: functions, the first two without arguments. The last
one stands in the message that begins an answer or accepts a WebSocket.
"""

from typing import Final

IS_GONE: Final = "spooled.is_gone"  # whether the client has left, as far as the loop knows
ABORT: Final = "spooled.abort"  # cuts the connection at once; the unsent part of an answer is lost
HOLD: Final = "spooled.hold"  # of a WebSocket: holds back what is said to the peer, or lets it go
DATED: Final = "spooled.dated"  # the headers have a date of their own
