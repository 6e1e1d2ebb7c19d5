"""Starts and stops the servers that are measured, and looks at what they use."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from benchmarks.serving import KEY
from spooled_lite.cli.load.shapes import LoadTarget

START_SECONDS_MAX: Final = 60.0
STOP_SECONDS_MAX: Final = 60.0
LOOK_SECONDS: Final = 0.001  # between two looks for the ready file
ROOT: Final = Path(__file__).parents[1]


class DidNotStart(Exception):
    """A server ended, or did not become ready in time."""


class Server(Struct, frozen=True):
    target: LoadTarget
    pid: int
    grpc_address: str | None
    started_at: float  # on the clock of `time.perf_counter`: when the process was made


class _Ready(Struct):
    url: str
    api_key: str
    pid: int
    grpc_address: str | None = None


@contextmanager
def spooled_lite(folder: Path, database: Path, *, serves_grpc: bool = False) -> Iterator[Server]:
    """The server as it is shipped, with a file of its own and every setting as it comes."""
    ready_file = folder / f"{database.name}.ready"
    command = ["spooled_lite", "serve", "--port", "0"]
    command += ["--grpc-port", "auto" if serves_grpc else "off"]
    files = ["--database", str(database), "--ready-file", str(ready_file)]
    with _started([*command, *files], ready_file) as server:
        yield server


@contextmanager
def baseline(folder: Path, name: str) -> Iterator[Server]:
    """`bare`, `null` or `empty_grpc`."""
    ready_file = folder / f"{name}.ready"
    with _started([f"benchmarks.{name}", str(ready_file)], ready_file) as server:
        yield server


@contextmanager
def _started(arguments: Sequence[str], ready_file: Path) -> Iterator[Server]:
    ready_file.unlink(missing_ok=True)
    log = ready_file.with_suffix(".log")
    started_at = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        ready = _when_ready(process, ready_file, log)
        yield Server(
            LoadTarget(ready.url, ready.api_key), ready.pid, ready.grpc_address, started_at
        )
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def environment() -> dict[str, str]:
    """Ours without what somebody's shell may have: settings, and that Python is to compile all
    modules at every start, which takes as long as the start itself."""
    kept = {name: each for name, each in os.environ.items() if not name.startswith("SPOOLED_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "SPOOLED_BOOTSTRAP_API_KEY": KEY}


def _when_ready(process: subprocess.Popen[bytes], ready_file: Path, log: Path) -> _Ready:
    until = time.monotonic() + START_SECONDS_MAX
    while not ready_file.exists():
        if process.poll() is not None or time.monotonic() > until:
            raise DidNotStart(log.read_text(errors="replace")[-2000:])
        time.sleep(LOOK_SECONDS)
    return msgspec.json.decode(ready_file.read_bytes(), type=_Ready)


def resident_mib(pid: int) -> float:
    """Memory of a process that is in use now, shared libraries included."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("every process has a size")


def cpu_seconds(pid: int) -> float:
    """What the threads of a process have computed since their start."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
