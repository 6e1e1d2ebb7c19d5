"""Many webhooks that ask for many jobs of one call hold up nobody else."""

from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.bystander import Bystander
from tests.server_process import API_KEY, ServerProcess

pytestmark = pytest.mark.alone

WEBHOOKS: Final = 400
JOBS: Final = 100
NOBODY: Final = "http://127.0.0.1:1/hook"
# Of a machine that has other things to do; a second and more, while all were written at once.
WAIT_MS_MAX: Final = 250.0


@pytest.mark.slow
def test_a_bulk_into_new_queues_with_many_webhooks_holds_up_nobody(tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    jobs = [{"queue_name": f"new-{number}", "payload": {}} for number in range(JOBS)]
    with ServerProcess(tmp_path) as server:
        server.start()
        other = httpx.post(
            f"{server.url}/api/v1/organizations", json={"name": "Other", "slug": "other"}
        ).json()["api_key"]["key"]
        with httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, timeout=60) as api:
            for number in range(WEBHOOKS):
                hook = {"name": f"n{number}", "url": NOBODY, "events": ["job.created"]}
                assert api.post("/outgoing-webhooks", json=hook).status_code == 201
            with Bystander(server.url, other) as bystander:
                answer = api.post("/jobs/bulk", json={"queue_name": "new", "jobs": jobs})
            queues = len(api.get("/queues").json())

    assert answer.status_code == 200
    assert answer.json()["created"] == JOBS
    assert queues == JOBS
    assert bystander.waits.longest_ms < WAIT_MS_MAX
    assert bystander.waits.refused == 0
