"""Slow reads of one organization beside the quick ones of another, on a real server."""

import asyncio
import sqlite3
import time
from pathlib import Path
from statistics import median

import httpx
import pytest

from tests.server_process import API_KEY, ServerProcess

JOBS = 200_000
CONNECTIONS = 16
SECONDS = 4.0

# Copies of the one job there is, by SQL: over HTTP they would take minutes.
MANY = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
INSERT INTO jobs (id, status, claimable, {others})
SELECT printf('%08x-0000-4000-8000-000000000000', i), 'cancelled', 0, {others}
  FROM n, (SELECT * FROM jobs LIMIT 1)
"""


def add_many(path: Path, count: int) -> None:
    connection = sqlite3.connect(path)
    try:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(jobs)")]
        others = [c for c in columns if c not in ("seq", "id", "status", "claimable")]
        connection.execute(MANY.format(count=count, others=", ".join(others)))
        connection.commit()
    finally:
        connection.close()


async def waits(client: httpx.AsyncClient, path: str, nap: float) -> list[float]:
    """Seconds that each answer took, one after the other."""
    found: list[float] = []
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        began = time.monotonic()
        await client.get(path)
        found.append(time.monotonic() - began)
        await asyncio.sleep(nap)
    return found


@pytest.mark.slow
def test_slow_reads_of_one_organization_do_not_hold_up_the_reads_of_another(
    tmp_path: Path,
) -> None:
    async def main(url: str, other_key: str) -> tuple[list[float], list[float]]:
        base, timeout = url + "/api/v1", httpx.Timeout(30.0)
        keys = ({"Authorization": f"Bearer {key}"} for key in (API_KEY, other_key))
        one, other = (
            httpx.AsyncClient(base_url=base, headers=key, timeout=timeout) for key in keys
        )
        async with one, other:
            flood = [waits(one, "/jobs?tag=nowhere", 0.0) for _ in range(CONNECTIONS)]
            *slow, quick = await asyncio.gather(*flood, waits(other, "/jobs/stats", 0.02))
        return [each for few in slow for each in few], quick

    with ServerProcess(tmp_path) as server:
        server.start()
        with httpx.Client(base_url=server.url + "/api/v1") as client:
            job = {"queue_name": "emails", "payload": {}}
            client.post("/jobs", json=job, headers={"Authorization": f"Bearer {API_KEY}"})
            made = client.post("/organizations", json={"name": "Other", "slug": "other"}).json()
        server.stop()
        add_many(tmp_path / "spooled.db", JOBS)
        server.start()

        slow, quick = asyncio.run(main(server.url, made["api_key"]["key"]))

    # In one line for all of them both would wait alike, whatever the machine is worth.
    assert median(quick) < median(slow) / 5
