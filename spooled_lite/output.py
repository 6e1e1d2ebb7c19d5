"""Writing to standard output and error, whoever reads there: bounded, and nobody waits for it."""

import os
import select
import threading
from collections import deque
from typing import Final, TextIO

WAITING_BYTES_MAX: Final = 4 * 1024 * 1024  # what waits for a slow reader; more is dropped
# A pipe that is ready takes this much at once (PIPE_BUF of Linux); more might have to wait.
AT_ONCE_BYTES_MAX: Final = 4_096
READY_SECONDS: Final = 1.0  # between two looks at a descriptor that does not block and is full


def fill_closed_streams() -> None:
    """Have descriptors 0 to 2 lead nowhere if whoever started this process has closed them.

    Otherwise the next files that are opened get these numbers: the loop ends the process when its
    own stand there, and what is meant for people would be written into the database.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            found = os.open(os.devnull, os.O_RDWR)
            assert found == descriptor, "a new descriptor has the lowest number that is free"
            os.set_inheritable(found, True)


def output_of(stream: TextIO | None, descriptor: int) -> "Output | None":
    """Where a standard stream leads; None for one without a descriptor, as tests have them.

    Without a stream, which is how Python says that it was closed, it is the descriptor itself.
    """
    try:
        return Output(descriptor if stream is None else stream.fileno())
    except (OSError, ValueError):
        return None


class Output:
    """A descriptor that takes text without anybody waiting for it.

    What it can take at once is written at once, in order; the rest waits for a thread, up to a
    bound. What is beyond it, or cannot be written, is dropped and counted.
    """

    def __init__(self, descriptor: int) -> None:
        self.dropped_count = 0
        self._descriptor = descriptor
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0  # with what the thread has in hand
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self._ready = select.poll()
        self._ready.register(descriptor, select.POLLOUT)

    def write(self, text: str) -> bool:
        """Write it now or later; False when it was dropped. From any thread."""
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
        """Wait until everything is written, and no longer than this."""
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
        """Blocks as long as nobody reads. False when it was not written, or not to its end."""
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # somebody made it so: it is shared with other programs
                self._ready.poll(READY_SECONDS * 1000)
            except OSError:  # no room, nobody there
                return False
        return True
