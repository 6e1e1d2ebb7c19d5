"""The frames of one WebSocket, read from bytes and made into bytes; knows no connection."""

import logging
from collections.abc import Callable

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

logger = logging.getLogger(__name__)


class Frames(ServerProtocol):
    """The library's protocol for frames. The handshake before them is our own: see head.py."""

    def __init__(self, *, message_bytes_max: int, has_room: Callable[[], bool]) -> None:
        """`has_room` says whether the peer keeps up with what is written to it."""
        super().__init__(state=OPEN, max_size=message_bytes_max, logger=logger)
        self.debug = False  # its log lines would show the contents of messages
        self._owed_pong: Frame | None = None
        self._has_room = has_room

    @property
    def is_open(self) -> bool:
        """Whether neither side has sent a close frame."""
        return self.state is OPEN

    def send_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG and not self._has_room():
            self._owed_pong = frame  # only the newest ping has to be answered
            return
        super().send_frame(frame)

    def pay_pong(self) -> None:
        """Answer the newest ping that came while the peer did not keep up."""
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
        """The close code the peer sent, else the one we sent, else 1006 (no close frame)."""
        if self.close_rcvd is not None:
            return self.close_rcvd.code
        if self.close_sent is not None:
            return self.close_sent.code
        return CloseCode.ABNORMAL_CLOSURE
