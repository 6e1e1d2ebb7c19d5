"""The frames of streams that are recorded: the first thousand of each."""

from collections.abc import Callable
from typing import Final

from spooled_lite.recording.exchanges import KeptFrame

FRAMES_MAX: Final = 1_000
FRAME_BYTES_MAX: Final = 64 * 1024  # a larger one is passed on whole, and not kept
TOTAL_BYTES_MAX: Final = 8 * 1024 * 1024  # of all frames of a stream


class KeptFrames:
    """The first frames of one stream. `now_ms` is the time since the recording began."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.kept: list[KeptFrame] = []
        self.left_out_count = 0
        self._now_ms = now_ms
        self._bytes = 0

    def add(self, sender: str, data: str | bytes) -> None:
        size = len(data)
        if len(self.kept) >= FRAMES_MAX or self._bytes + size > TOTAL_BYTES_MAX:
            self.left_out_count += 1
            return
        frame = KeptFrame(at_ms=self._now_ms(), sender=sender)
        if isinstance(data, bytes):
            frame.omitted = f"{size} bytes, which are no text"
        elif size > FRAME_BYTES_MAX:
            frame.omitted = f"{size} characters, which is more than {FRAME_BYTES_MAX}"
        else:
            frame.text = data
            self._bytes += size
        self.kept.append(frame)


class EventLines:
    """Cuts a stream of Server-Sent Events at its empty lines."""

    def __init__(self, frames: KeptFrames) -> None:
        self._frames = frames
        self._unfinished = bytearray()

    def add(self, data: bytes) -> None:
        if self._frames.left_out_count:
            self._frames.left_out_count += data.count(b"\n\n")
            return
        self._unfinished += data.replace(b"\r\n", b"\n")
        *whole, rest = self._unfinished.split(b"\n\n")
        self._unfinished = rest
        for event in whole:
            self._frames.add("server", event.decode("utf-8", "replace"))
        if len(rest) > FRAME_BYTES_MAX:
            # Without an end so far. What is left of it then counts as an event of its own.
            self._frames.left_out_count += 1
            self._unfinished.clear()
