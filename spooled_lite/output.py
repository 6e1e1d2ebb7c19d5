"""Writes to standard output and error without ever blocking, with a bound on what waits."""

import os
import select
import threading
from collections import deque
from typing import Final, TextIO

WAITING_BYTES_MAX: Final = 4 * 1024 * 1024  # that wait for a slow reader; any more is dropped
# A pipe that is ready accepts this much without blocking (PIPE_BUF of Linux); more may block.
AT_ONCE_BYTES_MAX: Final = 4_096
READY_SECONDS: Final = 1.0  # the longest wait for a full, non-blocking descriptor before a new try


def fill_closed_streams() -> None:
    """Open descriptors 0 to 2 on the null device if they were closed before the start.

    Otherwise the next opened files get these numbers: the event loop ends the process when its own
    descriptors are among them, and printed text could be written into the database.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            found = os.open(os.devnull, os.O_RDWR)
            assert found == descriptor, "a new descriptor gets the lowest free number"
            os.set_inheritable(found, True)


def output_of(stream: TextIO | None, descriptor: int) -> "Output | None":
    """The output of a standard stream; None for a stream without a descriptor, as in tests.

    `stream` is None when it was closed before the start; then `descriptor` is used.
    """
    try:
        return Output(descriptor if stream is None else stream.fileno())
    except (OSError, ValueError):
        return None


class Output:
    """Writes text to a descriptor without blocking the caller.

    Text that the descriptor can take is written at once, in order; the rest waits for a thread, up
    to a bound. Text beyond the bound, or that cannot be written, is dropped and counted.
    """

    def __init__(self, descriptor: int) -> None:
        self.dropped_count = 0
        self._descriptor = descriptor
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0  # including what the thread is writing
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self._ready = select.poll()
        self._ready.register(descriptor, select.POLLOUT)

    def write(self, text: str) -> bool:
        """Write text now or later; False when it was dropped. May be called from any thread."""
        data = text.encode("utf-8", "replace")
        with self._changed:
            if not self._waiting_bytes and len(data) <= AT_ONCE_BYTES_MAX and self._ready.poll(0):
                try:
                    data = data[os.write(self._descriptor, data) :]
                except BlockingIOError:
                    pass
                except OSError:
                    self.dropped_count += 1
                    return False
                if not data:
                    return True
            if self._waiting_bytes + len(data) > WAITING_BYTES_MAX:
                self.dropped_count += 1
                return False
            self._waiting.append(data)
            self._waiting_bytes += len(data)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="spooled-output", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()
            return True

    def flush(self, seconds_max: float) -> None:
        """Wait until everything is written, at most `seconds_max`."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting_bytes, seconds_max)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                data = self._waiting.popleft()
            is_written = self._put_out(data)
            with self._changed:
                self.dropped_count += not is_written
                self._waiting_bytes -= len(data)
                self._changed.notify_all()

    def _put_out(self, data: bytes) -> bool:
        """Write on the thread, blocking while nobody reads. False when not all was written."""
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # another program that shares it made it non-blocking
                self._ready.poll(READY_SECONDS * 1000)
            except OSError:  # the disk is full, or the reader has gone
                return False
        return True
