"""A body of the largest size is read beside the loop, and a bad one is refused at first sight."""

import asyncio
import http.client
import threading
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from spooled_lite.config import Settings
from spooled_lite.wire.http.body import BODY_BYTES_MAX
from tests.bystander import Bystander
from tests.server_process import API_KEY, ServerProcess
from tests.wire.http.served import serving

pytestmark = pytest.mark.alone

BODIES_SENT: Final = 6
LOOP_SECONDS_MAX: Final = 0.05  # 0.02 is what it may be; machines differ
WAIT_MS_MAX: Final = 1_000  # 20 to 60 on a machine that has nothing else to do
SECRET: Final = "a secret of GitHub for the tests"


def filled(start: bytes, unit: bytes, end: bytes) -> bytes:
    """As large as a body may be."""
    return start + unit * ((BODY_BYTES_MAX - len(start) - len(end)) // len(unit)) + end


LARGE: Final = {
    "brackets": ("auth/login", 400, filled(b"", b"[", b"")),
    "levels": ("auth/login", 422, filled(b'{"x":[', b"{},", b"1]}")),
    "numbers": ("organizations", 422, filled(b'{"x":[', b"1e300,", b"1]}")),
    "a webhook": ("webhooks/{org}/github", 401, filled(b"[", b"[],", b"1]")),
    "a time": (
        "jobs", 422,
        filled(b'{"queue_name":"a","payload":1,"scheduled_at":{"date":[', b"[],", b"1]}}"),
    ),
    "items": ("jobs/bulk", 400, filled(b'{"queue_name":"a","jobs":[', b"{},", b"{}]}")),
    "steps": ("workflows", 400, filled(b'{"name":"a","jobs":[', b'{"payload":1},', b"{}]}")),
    "parents": (
        "workflows", 400,
        filled(b'{"name":"a","jobs":[{"key":"a","payload":1,"depends_on":[', b'"aa",', b'""]}]}'),
    ),
    "ids": ("jobs/dlq/retry", 400, filled(b'{"job_ids":[', b'"aa",', b'""]}')),
    "current jobs": ("workers/w/heartbeat", 400, filled(b'{"current_jobs":[', b"[],", b"1]}")),
    "a payload": (
        "jobs", 413, filled(b'{"queue_name":"a","payload":[', b'{"a":1},', b"1]}")
    ),
}  # fmt: skip


def send(url: str, path: str, body: bytes) -> int:
    address = urlsplit(url)
    assert address.hostname is not None, "an address of this machine"
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    headers = {"Authorization": f"Bearer {API_KEY}", "X-Hub-Signature-256": "sha256=" + "0" * 64}
    try:
        connection.request("POST", f"/api/v1/{path}", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(("path", "status", "body"), LARGE.values(), ids=LARGE)
def test_a_large_bad_body_costs_the_loop_next_to_nothing(
    path: str, status: int, body: bytes
) -> None:
    headers = {"X-Hub-Signature-256": "sha256=" + "0" * 64}

    async def script() -> None:
        async with serving(":memory:", Settings(github_webhook_secret=SECRET)) as it:
            url = f"/api/v1/{path.replace('{org}', it.org_id)}"
            costs = []
            for _ in range(3):  # what is loaded at the first use counts for nothing
                began = time.thread_time()
                answer = await it.client.post(url, content=body, headers=headers)
                costs.append(time.thread_time() - began)
                assert answer.status_code == status

            # The processor's time of this thread alone: a busy machine changes little of that.
            assert min(costs) < LOOP_SECONDS_MAX

    asyncio.run(script())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["brackets", "items"])
def test_large_bad_bodies_hold_up_nobody_else(tmp_path: Path, name: str) -> None:
    path, status, body = LARGE[name]
    with ServerProcess(tmp_path) as server:
        server.start()
        found: list[int] = []

        def sender() -> None:
            found.extend(send(server.url, path, body) for _ in range(BODIES_SENT))

        with Bystander(server.url, API_KEY) as bystander:
            senders = [threading.Thread(target=sender) for _ in range(2)]
            for each in senders:
                each.start()
            for each in senders:
                each.join()

        assert found == [status] * (2 * BODIES_SENT)
        assert bystander.waits.longest_ms < WAIT_MS_MAX, bystander.waits
