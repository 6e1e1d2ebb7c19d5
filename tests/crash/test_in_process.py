"""A program with the server inside that is killed: what its workers held is not waited for."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from spooled_lite.in_process import in_process
from tests.patience import looks

SECONDS_MAX: Final = 60.0
# Claims the job for an hour, and is killed while it has it.
PROGRAM: Final = """
import asyncio, os, signal, sys
import httpx
from spooled_lite.in_process import in_process

async def main() -> None:
    async with in_process(sys.argv[1]) as server:
        api = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=server.application),
            base_url="http://in-process/api/v1",
            headers={"Authorization": f"Bearer {server.key}"},
        )
        await api.post("/jobs", json={"queue_name": "emails", "payload": {}, "max_retries": 1})
        claim = {"queue_name": "emails", "worker_id": "w-1", "lease_duration_secs": 3600}
        assert (await api.post("/jobs/claim", json=claim)).json()["jobs"]
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.slow
def test_a_killed_program_leaves_no_lease_to_wait_for(tmp_path: Path) -> None:
    file = str(tmp_path / "app.db")
    killed = subprocess.run(
        [sys.executable, "-c", PROGRAM, file], timeout=SECONDS_MAX, capture_output=True, check=False
    )
    assert killed.returncode == -9, killed.stderr.decode()

    job = asyncio.run(pending_job(file))

    assert (job["retry_count"], job["last_error"]) == (1, "Lease expired (worker timeout)")


async def pending_job(file: str) -> dict[str, Any]:
    async with (
        asyncio.timeout(SECONDS_MAX),
        in_process(file) as server,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=server.application),
            base_url="http://in-process/api/v1",
            headers={"Authorization": f"Bearer {server.key}"},
        ) as api,
    ):
        [listed] = (await api.get("jobs")).json()
        for _ in looks():
            job: dict[str, Any] = (await api.get(f"jobs/{listed['id']}")).json()
            if job["status"] == "pending":
                return job
            await asyncio.sleep(0)
        raise AssertionError(f"it is {job['status']}")
