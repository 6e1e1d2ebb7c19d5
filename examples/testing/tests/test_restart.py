"""The server stops in the middle; what it has acknowledged is there when it is back."""

from pathlib import Path

from shop.charges import QUEUE, check_out
from spooled_lite.testing import Server


def test_an_order_survives_a_restart_and_is_charged_once(tmp_path: Path) -> None:
    file = str(tmp_path / "shop.db")
    with Server(seed=1, database=file) as server, server.client() as client:
        key = server.api_key
        check_out(client, 1)
        server.clock.advance("1h")
        claimed = client.jobs.claim({"queue_name": QUEUE, "worker_id": "a", "limit": 1}).jobs
        stopped = server.clock.now

    with Server(seed=1, database=file, at=stopped) as server:
        job = {"worker_id": "a", "lease_id": claimed[0].lease_id, "result": {"order": 1}}
        server.call("POST", f"/jobs/{claimed[0].id}/complete", job)
        server.clock.advance("1h")
        server.expect({"queue": QUEUE, "status": "completed", "retry_count": 0, "count": 1})
        assert server.api_key == key
