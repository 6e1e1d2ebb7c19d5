"""The names of what the server adds to `scope["extensions"]`: two functions without arguments."""

from typing import Final

IS_GONE: Final = "spooled.is_gone"  # whether the client has left, as far as the loop knows
ABORT: Final = "spooled.abort"  # cuts the connection at once; the unsent part of an answer is lost
