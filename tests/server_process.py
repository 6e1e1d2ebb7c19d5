"""The real server as a process of its own: start, wait until ready, stop, kill, start again."""

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

API_KEY: Final = "sk_test_0123456789abcdef0123456789abcdef"
READY_SECONDS_MAX: Final = 20.0  # a server that takes longer has failed; the machine may be busy
LOOK_SECONDS: Final = 0.1  # between two looks for the ready file
STOP_SECONDS_MAX: Final = 30.0


# As a service manager does: the socket has the number 3, and the variables name this process.
HAND_OVER: Final = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "http", "LISTEN_PID": str(os.getpid())}
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


class NotReady(Exception):
    """The process ended, or said nothing, before it accepted connections."""


class ServerProcess:
    """One server on one database file. `settings` are SPOOLED_ variables, named without prefix.
    Without `grpc_port` among them it serves no gRPC. A `listener` that is set is handed over to it,
    as a service manager does.

    Leaving the context kills what still runs.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.listener: socket.socket | None = None
        self.arguments: tuple[str, ...] = ()  # more of the command, at the next start
        self.database = str(folder / "spooled.db")
        self.url = ""
        self.ready_file = folder / "ready.json"
        self._log_file = folder / "server.log"
        self._grpc_port = settings.pop("grpc_port", "off")
        self._settings = {"bootstrap_api_key": API_KEY, **settings}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    @property
    def log(self) -> str:
        return self._log_file.read_text() if self._log_file.exists() else ""

    @property
    def resident_bytes(self) -> int:
        """The memory that it has now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [line] = [each for each in status.splitlines() if each.startswith("VmRSS")]
        return int(line.split()[1]) * 1024

    @property
    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def spawn(self) -> None:
        """Start the process without waiting for it."""
        assert self._process is None or self._process.poll() is not None, "one process at a time"
        self.ready_file.unlink(missing_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SPOOLED")}
        given = {f"SPOOLED_{name.upper()}": value for name, value in self._settings.items()}
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, *self._hand_over()),
                    *("-m", "spooled_lite", "serve", "--port", "0"),
                    *("--grpc-port", self._grpc_port, "--database", self.database),
                    *("--ready-file", str(self.ready_file), *self.arguments),
                ],
                env=kept | given,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=() if self.listener is None else (self.listener.fileno(),),
            )

    def _hand_over(self) -> list[str]:
        if self.listener is None:
            return []
        return ["-c", HAND_OVER, str(self.listener.fileno())]

    def start(self) -> float:
        """Start, and wait until connections are accepted. Seconds that took.

        Raises:
            NotReady: with what the server logged.
        """
        began = time.monotonic()
        self.spawn()
        if not self._becomes_ready():
            self.kill()
            raise NotReady(self.log)
        seconds = time.monotonic() - began
        self.url = self.ready["url"]
        return seconds

    def _becomes_ready(self) -> bool:
        """Wait for the greeting, which is printed once the ready file is there.

        With JSON logs nothing is printed, so the file is looked for as well. The end of a failed
        process closes the pipe and ends the wait.
        """
        assert self.process.stdout is not None, "a pipe was asked for"
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline:
            if _readable(self.process.stdout, LOOK_SECONDS) or self.ready_file.exists():
                return self.ready_file.exists()
        return False

    @property
    def ready(self) -> dict[str, Any]:
        """What the ready file says."""
        about: dict[str, Any] = json.loads(self.ready_file.read_bytes())
        return about

    def kill(self) -> None:
        """SIGKILL: nothing of the process runs after this, not even its exit handlers."""
        self.process.kill()
        self.wait()

    def terminate(self) -> None:
        """SIGTERM, without waiting."""
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = STOP_SECONDS_MAX) -> int:
        """The exit code, negative for a signal. Raises subprocess.TimeoutExpired."""
        code = self.process.wait(seconds)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def printed_at_stop(self) -> str:
        """Stop it, and what it wrote to its standard output."""
        assert self.process.stdout is not None, "a pipe was asked for"
        self.terminate()
        with self.process.stdout as pipe:
            said = pipe.read().decode()
        self.wait()
        return said

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.terminate()
        return self.wait()


def _readable(pipe: IO[bytes], seconds: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        return bool(selector.select(seconds))
