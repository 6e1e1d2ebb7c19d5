"""A large file: how quickly it goes out and in, in how much memory, and whom that holds up."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import httpx
import pytest
from msgspec import Struct

from tests.exports.stage import a_file, lines_of
from tests.server_process import API_KEY, ServerProcess

JOBS: Final = 100_000
ADMIN_KEY: Final = "an admin key of the tests"
MIB: Final = 2**20
CALLERS: Final = 4
PAUSE_SECONDS: Final = 0.02  # of a caller between two calls
LOAD_SECONDS: Final = 10.0
# A busy machine is several times slower; what these bound is a second copy in memory, and an
# export that holds up everybody.
MEMORY_MAX: Final = 160 * MIB
SERVER_GROWS_MAX: Final = 48 * MIB
OUT_PER_SECOND_MIN: Final = 10_000  # jobs with their history, of processor time
IN_PER_SECOND_MIN: Final = 3_000
SLOWER_MAX: Final = 4.0
P99_SECONDS_MAX: Final = 0.25  # below this nobody is held up, however quick it was before

pytestmark = [pytest.mark.long, pytest.mark.alone]


class Cost(Struct, frozen=True):
    seconds: float  # of the processor
    memory_bytes: int


# What the system says of a child counts what its parent had when it was begun.
MEASURED: Final = """
import re, sys, time
from pathlib import Path
from spooled_lite.cli.main import main
main(sys.argv[1:], standalone_mode=False)
memory = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
print(time.process_time(), memory[1])
"""


def cost_of(*arguments: object) -> Cost:
    command = [sys.executable, "-c", MEASURED, *map(str, arguments)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    seconds, kibibytes = printed.splitlines()[-1].split()
    return Cost(float(seconds), int(kibibytes) * 1024)


def test_a_hundred_thousand_jobs_go_out_and_in_with_little_memory(tmp_path: Path) -> None:
    file = a_file(tmp_path / "spooled.db", JOBS)
    first, again = tmp_path / "first.ndjson", tmp_path / "again.ndjson"

    out = cost_of("export", "--database", file, "--out", first)
    back = cost_of("import", first, "--database", tmp_path / "new.db")
    cost_of("export", "--database", tmp_path / "new.db", "--out", again)

    assert lines_of(again)[1:] == lines_of(first)[1:]
    assert max(out.memory_bytes, back.memory_bytes) < MEMORY_MAX
    assert out.seconds < JOBS / OUT_PER_SECOND_MIN
    assert back.seconds < JOBS / IN_PER_SECOND_MIN


def test_callers_go_on_while_a_server_is_exported(tmp_path: Path) -> None:
    a_file(tmp_path / "spooled.db", JOBS)
    with ServerProcess(tmp_path, admin_key=ADMIN_KEY) as server:
        server.start()
        alone = p99(server.url, exports=False)
        before = server.resident_bytes
        beside = p99(server.url, exports=True)

        assert server.resident_bytes - before < SERVER_GROWS_MAX
        assert beside < max(SLOWER_MAX * alone, P99_SECONDS_MAX)


def p99(url: str, *, exports: bool) -> float:
    """How long the slowest hundredth of calls takes, at least."""
    times: list[float] = []

    async def call(client: httpx.AsyncClient, until: float) -> None:
        body = {"queue_name": "load", "payload": {}}
        while (began := time.monotonic()) < until:
            answer = await client.post("/api/v1/jobs", json=body)
            assert answer.status_code == 201
            times.append(time.monotonic() - began)
            await asyncio.sleep(PAUSE_SECONDS)

    async def export(client: httpx.AsyncClient, until: float) -> None:
        while exports and time.monotonic() < until:
            headers = {"X-Admin-Key": ADMIN_KEY}
            async with client.stream("GET", "/api/v1/admin/export", headers=headers) as answer:
                async for _ in answer.aiter_raw():
                    if time.monotonic() > until:
                        return

    async def main() -> None:
        until = time.monotonic() + LOAD_SECONDS
        key = {"Authorization": f"Bearer {API_KEY}"}
        async with (
            httpx.AsyncClient(base_url=url, headers=key) as client,
            httpx.AsyncClient(base_url=url, timeout=60.0) as other,
        ):
            await asyncio.gather(
                *(call(client, until) for _ in range(CALLERS)), export(other, until)
            )

    asyncio.run(main())
    return sorted(times)[len(times) * 99 // 100]
