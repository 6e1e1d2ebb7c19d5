"""What the server adds to ASGI: names, and the scope of a WebSocket.

The first four names stand in `scope["extensions"]`: functions, of which only HOLD has an argument.
DATED stands in the message that begins an answer or accepts a WebSocket, REFUSED in the scope.
"""

from typing import Any, Final

IS_GONE: Final = "spooled.is_gone"  # whether the client has left, as far as the loop knows
ABORT: Final = "spooled.abort"  # cuts the connection at once; the unsent part of an answer is lost
CLOSE_CODE: Final = (
    "spooled.close_code"  # of a WebSocket: with which code it was closed; 1006: none
)
HOLD: Final = "spooled.hold"  # of a WebSocket: holds back what is said to the peer, or lets it go
DATED: Final = "spooled.dated"  # the headers have a date of their own
# The status with which the server itself has answered a request that the application had begun.
REFUSED: Final = "spooled.refused"


def websocket_scope(scope: Any) -> dict[str, Any]:
    """The scope for a request that asks for a WebSocket, from that of the request."""
    offered = [value for name, value in scope["headers"] if name == b"sec-websocket-protocol"]
    names = b",".join(offered).decode("latin-1").split(",")
    return {
        **{name: value for name, value in scope.items() if name != "method"},
        "type": "websocket",
        "scheme": "wss" if scope["scheme"] == "https" else "ws",
        "subprotocols": [name.strip() for name in names if name.strip()],
        "extensions": {"websocket.http.response": {}},
    }
