"""A command that does one job: its input, its output up to a bound, and its end."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from typing import IO, Final

from msgspec import Struct

OUTPUT_BYTES_MAX: Final = 1_048_576  # of the standard output; a server keeps no longer result
COMPLAINT_BYTES_MAX: Final = 16_384  # of the end of the standard error
READ_BYTES: Final = 65_536
STOP_SECONDS: Final = 10.0  # between SIGTERM and SIGKILL
LEFT_SECONDS: Final = 1.0  # for output that a process in the background still holds open


class Ended(Struct, frozen=True):
    """How a command ended. `status` is negative when a signal ended it, as in `subprocess`."""

    status: int
    output: bytes
    is_cut: bool
    complaint: bytes


class CannotStart(Exception):
    """The command cannot be run at all. The message says why."""


class Child:
    """A command of the shell, in a group of processes of its own.

    Signals for this process do not reach it; `stop` does, and all that it has started.
    """

    def __init__(
        self,
        command: str,
        given: bytes,
        environment: Mapping[str, str],
        *,
        on_complaint: Callable[[bytes], None],
    ) -> None:
        """Start it. `on_complaint` is called with what it writes to its standard error.

        Raises:
            CannotStart: as it says.
        """
        try:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **environment},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise CannotStart(str(error)) from None
        self._output, self._complaint = bytearray(), bytearray()
        self._is_cut = self._has_ended = False
        self._lock = threading.Lock()
        self._on_complaint = on_complaint
        self._kill: threading.Timer | None = None
        process = self._process
        assert process.stdin is not None, "it is a pipe"
        assert process.stdout is not None, "it is a pipe"
        assert process.stderr is not None, "it is a pipe"
        self._readers = [
            _started(self._read, process.stdout, self._keep_output),
            _started(self._read, process.stderr, self._keep_complaint),
        ]
        _started(self._feed, process.stdin, given)

    def wait(self) -> Ended:
        """Return when the command has ended, however long its own children go on."""
        self._process.wait()
        with self._lock:
            self._has_ended = True
            if self._kill is not None:
                self._kill.cancel()
                self._signal(signal.SIGKILL)  # what it has left behind: it was to stop
        until = time.monotonic() + LEFT_SECONDS
        for reader in self._readers:
            reader.join(max(0, until - time.monotonic()))
        return Ended(
            self._process.returncode, bytes(self._output), self._is_cut, bytes(self._complaint)
        )

    def stop(self) -> None:
        """Send SIGTERM to the command and all that it has started, and SIGKILL a while later."""
        with self._lock:
            if self._has_ended or self._kill is not None:
                return
            self._kill = threading.Timer(STOP_SECONDS, self._kill_now)
            self._kill.daemon = True
            self._kill.start()
            self._signal(signal.SIGTERM)

    def _kill_now(self) -> None:
        with self._lock:
            if not self._has_ended:
                self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _feed(self, pipe: IO[bytes], given: bytes) -> None:
        with contextlib.suppress(OSError):  # it need not read it
            pipe.write(given)
        with contextlib.suppress(OSError):
            pipe.close()

    def _read(self, pipe: IO[bytes], keep: Callable[[bytes], None]) -> None:
        with contextlib.suppress(OSError):
            while chunk := os.read(pipe.fileno(), READ_BYTES):
                keep(chunk)
        pipe.close()

    def _keep_output(self, chunk: bytes) -> None:
        room = OUTPUT_BYTES_MAX - len(self._output)
        self._output += chunk[:room]
        self._is_cut = self._is_cut or len(chunk) > room

    def _keep_complaint(self, chunk: bytes) -> None:
        self._complaint += chunk
        del self._complaint[:-COMPLAINT_BYTES_MAX]
        self._on_complaint(chunk)


def _started(function: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread
