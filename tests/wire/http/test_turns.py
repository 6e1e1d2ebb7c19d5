"""What one organization asks for in masses beside the few things another asks, on a real server."""

import asyncio
import contextlib
import sqlite3
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import pytest

from spooled_lite.wire.searches import OF_ORG_MAX as SEARCHES
from tests.server_process import API_KEY, ServerProcess

pytestmark = pytest.mark.alone

JOBS = 200_000
SLOW_READERS = 16
BULKS = 64
SECONDS = 4.0

# Copies of the one job there is, by SQL: over HTTP they would take minutes.
MANY = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
INSERT INTO jobs (id, status, claimable, {others})
SELECT printf('%08x-0000-4000-8000-000000000000', i), 'cancelled', 0, {others}
  FROM n, (SELECT * FROM jobs LIMIT 1)
"""

JOB = {"queue_name": "emails", "payload": {}}
BULK = {"queue_name": "masses", "jobs": [{"payload": {"n": n}} for n in range(100)]}


def add_many(path: Path, count: int) -> None:
    connection = sqlite3.connect(path)
    try:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(jobs)")]
        others = [c for c in columns if c not in ("seq", "id", "status", "claimable")]
        connection.execute(MANY.format(count=count, others=", ".join(others)))
        connection.commit()
    finally:
        connection.close()


def another(url: str) -> str:
    """The key of a second organization."""
    made = httpx.post(url + "/api/v1/organizations", json={"name": "Other", "slug": "other"})
    key: str = made.json()["api_key"]["key"]
    return key


async def waits(
    client: httpx.AsyncClient, nap: float, method: str, path: str, body: Any = None
) -> list[float]:
    """Seconds that each answer took, one after the other."""
    found: list[float] = []
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        began = time.monotonic()
        await client.request(method, path, json=body)
        found.append(time.monotonic() - began)
        await asyncio.sleep(nap)
    return found


def side_by_side(
    url: str, other_key: str, count: int, mass: tuple[Any, ...], few: tuple[Any, ...]
) -> tuple[float, float]:
    """Seconds that an answer took at the median: to one of the mass, to one of the few."""

    async def main() -> tuple[float, float]:
        more: dict[str, Any] = {
            "base_url": url + "/api/v1",
            "timeout": httpx.Timeout(60.0),
            "limits": httpx.Limits(max_connections=count),
        }
        one, other = (
            httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}, **more)
            for key in (API_KEY, other_key)
        )
        async with one, other:
            flood = [waits(one, 0.0, *mass) for _ in range(count)]
            *slow, quick = await asyncio.gather(*flood, waits(other, 0.02, *few))
        return median(each for found in slow for each in found), median(quick)

    return asyncio.run(main())


def searched(url: str, headers: dict[str, str]) -> None:
    """Search until the server is gone."""
    path = f"{url}/api/v1/jobs/search?text=nowhere"
    with contextlib.suppress(httpx.TransportError):
        while httpx.get(path, headers=headers, timeout=60).status_code != 503:
            pass


# In one line for all both would wait alike, whatever the machine is worth.


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "count"),
    [("/jobs?tag=nowhere", SLOW_READERS), ("/jobs/search?text=nowhere", SEARCHES)],
)
def test_slow_reads_of_one_organization_do_not_hold_up_the_reads_of_another(
    tmp_path: Path, path: str, count: int
) -> None:
    with ServerProcess(tmp_path) as server:
        server.start()
        own = {"Authorization": f"Bearer {API_KEY}"}
        httpx.post(server.url + "/api/v1/jobs", json=JOB, headers=own)
        other_key = another(server.url)
        server.stop()
        add_many(tmp_path / "spooled.db", JOBS)
        server.start()

        slow, quick = side_by_side(
            server.url,
            other_key,
            count,
            ("GET", path),
            ("GET", "/jobs/stats"),
        )

    assert quick < slow / 5


@pytest.mark.slow
def test_a_search_whose_client_left_gives_its_place_back_and_a_stop_ends_one(
    tmp_path: Path,
) -> None:
    with ServerProcess(tmp_path) as server:
        server.start()
        own = {"Authorization": f"Bearer {API_KEY}"}
        httpx.post(server.url + "/api/v1/jobs", json=JOB, headers=own)
        server.stop()
        add_many(tmp_path / "spooled.db", JOBS)
        server.start()
        api = httpx.Client(base_url=server.url + "/api/v1", headers=own, timeout=60)

        with api:
            for _ in range(4 * SEARCHES):
                with contextlib.suppress(httpx.ReadTimeout):
                    api.get("/jobs/search?text=nowhere", timeout=httpx.Timeout(60, read=0.02))
            answer = api.get("/jobs/search?text=nowhere")
            while answer.status_code == 429:
                answer = api.get("/jobs/search?text=nowhere")
            left = threading.Thread(target=searched, args=(server.url, own))
            left.start()
            code = server.stop()
            left.join()

        assert answer.json()["scanned"] > 0
        assert code == 0


@pytest.mark.slow
def test_bulks_of_one_organization_do_not_hold_up_a_create_of_another(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        server.start()

        bulk, create = side_by_side(
            server.url,
            another(server.url),
            BULKS,
            ("POST", "/jobs/bulk", BULK),
            ("POST", "/jobs", JOB),
        )

    assert create < bulk / 2  # a third to a quarter of it, by what else the machine does
