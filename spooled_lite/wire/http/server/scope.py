"""What the server adds to the scope of a request: names in `scope["extensions"]`.

Both are functions without arguments.
"""

from typing import Final

IS_GONE: Final = "spooled.is_gone"  # returns at once whether the client has left
ABORT: Final = "spooled.abort"  # cuts the connection at once, whatever of an answer is unsent
