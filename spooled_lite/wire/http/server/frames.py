"""The frames of one WebSocket, from and to bytes; knows no connection."""

import logging
from collections.abc import Callable

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

logger = logging.getLogger(__name__)


class Frames(ServerProtocol):
    """The library's parser after the handshake, which is ours: see head.py."""

    def __init__(self, *, message_bytes_max: int, has_room: Callable[[], bool]) -> None:
        """`has_room`: whether the peer takes what is written to it."""
        super().__init__(state=OPEN, max_size=message_bytes_max, logger=logger)
        self.debug = False  # its lines would show what is said
        self._owed_pong: Frame | None = None
        self._has_room = has_room

    @property
    def is_open(self) -> bool:
        """Whether no side has said that it closes."""
        return self.state is OPEN

    def send_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG and not self._has_room():
            self._owed_pong = frame  # the newest ping alone has to be answered
            return
        super().send_frame(frame)

    def pay_pong(self) -> None:
        """Answer the ping that could not be answered while the peer took nothing."""
        owed, self._owed_pong = self._owed_pong, None
        if owed is not None and self.is_open:
            self.send_frame(owed)

    def close(self, code: int, reason: str = "") -> None:
        if self.is_open:
            self.send_close(code, reason)

    def take_output(self) -> bytes:
        return b"".join(self.data_to_send())

    @property
    def last_code(self) -> int:
        """What the connection was closed with: by the peer, else by us, else by nobody."""
        if self.close_rcvd is not None:
            return self.close_rcvd.code
        if self.close_sent is not None:
            return self.close_sent.code
        return CloseCode.ABNORMAL_CLOSURE
