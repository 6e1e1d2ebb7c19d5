"""A server whose standard streams are closed, full, gone or read by nobody serves and stops."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.server_process import API_KEY

pytestmark = pytest.mark.slow

SECONDS_MAX: Final = 20.0
DEVNULL: Final = subprocess.DEVNULL
FULL: Final = Path("/dev/full")


@contextlib.contextmanager
def serving(folder: Path, closed: str, out: int, err: int) -> Iterator[tuple[str, int]]:
    """Its URL and process id. `closed`: how a shell says which streams are closed."""
    ready = folder / "ready.json"
    command = (
        f'exec "{sys.executable}" -m spooled_lite serve --port 0 --grpc-port off'
        f' --database "{folder}/spooled.db" --ready-file "{ready}" {closed}'
    )
    environ = {"SPOOLED_BOOTSTRAP_API_KEY": API_KEY, "SPOOLED_LOG_LEVEL": "debug"}
    process = subprocess.Popen(
        ["sh", "-c", command],
        env={**os.environ, **environ},
        stdin=DEVNULL,
        stdout=out,
        stderr=err,
    )
    try:
        until = time.monotonic() + SECONDS_MAX
        while not ready.exists():  # its output, which would say so, is what is broken here
            assert process.poll() is None, "it ended"
            assert time.monotonic() < until, "it hangs"
            time.sleep(0.01)
        yield json.loads(ready.read_bytes())["url"], process.pid
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(SECONDS_MAX) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def create(url: str, key: str = API_KEY) -> int:
    request = urllib.request.Request(
        url + "/api/v1/jobs",
        method="POST",
        data=b'{"queue_name": "emails", "payload": 1}',
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as refused:
        return refused.code


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_not_matter(tmp_path: Path, closed: str) -> None:
    with serving(tmp_path, closed, DEVNULL, DEVNULL) as (url, pid):
        standard = {os.readlink(f"/proc/{pid}/fd/{each}") for each in range(3)}
        assert standard == {os.devnull}  # and nothing that was opened later
        assert create(url) == 201


@pytest.mark.skipif(not FULL.exists(), reason="needs a disk that is always full")
def test_output_on_a_full_disk_is_lost_and_counted(tmp_path: Path) -> None:
    with FULL.open("wb") as full, serving(tmp_path, "", full.fileno(), full.fileno()) as (url, _):
        assert create(url) == 201
        assert create(url, "sk_test_nobody") == 401

        assert dropped(url) > 0


def test_output_that_nobody_reads_holds_up_nobody(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    fill(writing)
    try:
        with serving(tmp_path, "", writing, writing) as (url, _):
            for number in range(50):
                assert create(url) == 201
                assert create(url, f"sk_test_nobody{number}") == 401  # a line of the log
    finally:
        os.close(reading)
        os.close(writing)


def fill(pipe: int) -> None:
    os.set_blocking(pipe, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(pipe, b"x" * 4_096)
    os.set_blocking(pipe, True)


def dropped(url: str) -> float:
    with urllib.request.urlopen(url + "/metrics", timeout=SECONDS_MAX) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("spooled_log_lines_dropped_total "):
                return float(line.split()[1])
    raise AssertionError("it is a metric")
