"""A server in a process of its own, which ends with this one."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from spooled_lite.config import load
from spooled_lite.testing.public.choice import (
    VARIABLE_PREFIX,
    ReadyServer,
    ServerChoice,
    without_settings,
)

START_SECONDS_MAX: Final = 60.0
LOOK_SECONDS: Final = 0.01  # between two looks for the ready file
STOP_SECONDS_MAX: Final = 10.0  # then it is killed
TOLD_CHARS_MAX: Final = 2_000  # of what it has written before it ended


class ProcessServer:
    def __init__(self, choice: ServerChoice) -> None:
        """Raises ConfigError: there is no such setting. As a variable it would be overlooked."""
        load(flags=choice.texts(), environ={})
        self._choice = choice
        self._folder = tempfile.TemporaryDirectory(prefix="spooled-lite-test-")
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = os.getpid()

    def start(self) -> ReadyServer:
        """Raises:
        ConfigError: a setting that there is not, which as a variable would be overlooked.
        RuntimeError: it has not started; says what it wrote.
        """
        load(flags=self._choice.texts(), environ={})
        folder = Path(self._folder.name)
        ready, written = folder / "ready.json", folder / "log"
        with written.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "spooled_lite", "serve", *self._flags(ready)],
                env=without_settings(os.environ) | self._environ(),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        until = time.monotonic() + START_SECONDS_MAX
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > until:
                told = written.read_text(errors="replace")[-TOLD_CHARS_MAX:]
                self.close()
                raise RuntimeError(f"the server has not started: {told}")
            time.sleep(LOOK_SECONDS)
        about = json.loads(ready.read_bytes())
        return ReadyServer(
            about["url"],
            about["grpc_address"],
            about["organization_id"],
            about["api_key"],
            about.get("keys", {}),
        )

    def close(self) -> None:
        """End it. A child of `os.fork` leaves it alone: it is its parent's."""
        process, self._process = self._process, None
        if process is None or self._pid != os.getpid():
            return
        assert process.stdin is not None, "it has a pipe"
        process.stdin.close()
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._folder.cleanup()

    def _flags(self, ready: Path) -> list[str]:
        flags = ["--test", "--exit-with-parent", "--ready-file", str(ready)]
        if self._choice.seed is not None:
            flags += ["--seed", str(self._choice.seed)]
        if self._choice.at is not None:
            flags += ["--at", self._choice.at]
        if self._choice.seed_file is not None:
            flags += ["--seed-file", self._choice.seed_file]
        return flags

    def _environ(self) -> dict[str, str]:
        return {
            f"{VARIABLE_PREFIX}{name.upper()}": value
            for name, value in self._choice.texts().items()
        }
