"""Over gRPC: who has a stream of jobs open is a live worker, registered or not."""

import json
import threading
import time
import urllib.error
from queue import SimpleQueue
from typing import Any

import grpc
import pytest
from spooled.grpc.stubs import spooled_pb2 as pb
from spooled.grpc.stubs.spooled_pb2_grpc import QueueServiceStub

from spooled_lite.testing import live_workers
from tests.testing.served import HOUR, Served, served
from tests.testing.stage import START_MS

SECONDS_MAX = 30.0


def refused(server: Served, body: dict[str, Any]) -> dict[str, Any]:
    with pytest.raises(urllib.error.HTTPError) as error:
        server.call("POST", "test/clock/advance", body)
    found: dict[str, Any] = json.loads(error.value.read())
    error.value.close()
    return found


def test_time_waits_for_who_holds_a_job_on_an_open_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_workers, "LIVE_SECONDS", 0.0)  # heard of long ago
    with (
        served(grpc_port="auto") as server,
        grpc.insecure_channel(server.grpc_address or "") as channel,
    ):
        stub: Any = QueueServiceStub(channel)  # type: ignore[no-untyped-call]
        shown = (("x-api-key", server.key),)
        asked = pb.StreamJobsRequest(
            queue_name="emails", worker_id="streamer", lease_duration_secs=30
        )
        stream = stub.StreamJobs(asked, metadata=shown, timeout=SECONDS_MAX)
        server.call("POST", "jobs", {"queue_name": "emails", "payload": {}})
        job = next(stream)

        body = {"by": "1d", "wait_ms": 100}
        details = refused(server, body)["details"]
        assert details["reason"] == "worker_busy"
        assert details["jobs"] == [{"id": job.id, "queue_name": "emails", "worker_id": "streamer"}]
        done = pb.CompleteRequest(job_id=job.id, worker_id="streamer")
        stub.Complete(done, metadata=shown, timeout=SECONDS_MAX)
        assert server.call("POST", "test/clock/advance", body)["now"] == "2030-01-02T00:00:00.000Z"

        server.call("POST", "jobs", {"queue_name": "emails", "payload": {}})
        next(stream)
        stream.cancel()
        with pytest.raises(grpc.RpcError):
            next(stream)
        moved = server.call("POST", "test/clock/advance", {"by": "1d"})  # nobody works any more
        assert "job.retrying" in [each["what"] for each in moved["happened"]]


@pytest.mark.parametrize("asks", ["at once", "when the job is due"])
def test_a_worker_on_a_stream_of_both_ways_meets_the_hours_of_two_weeks_of_retries(
    asks: str,
) -> None:
    attempts: list[float] = []
    with (
        served(grpc_port="auto") as server,
        grpc.insecure_channel(server.grpc_address or "") as channel,
    ):
        backoff = {
            "backoff_base_seconds": 3600, "backoff_multiplier": 4, "backoff_max_seconds": 400_000,
        }  # fmt: skip
        server.call("PUT", "queues/charges/config", backoff)
        server.call("POST", "jobs", {"queue_name": "charges", "payload": {}, "max_retries": 5})
        said = SimpleQueue[pb.ProcessRequest | None]()
        stub: Any = QueueServiceStub(channel)  # type: ignore[no-untyped-call]
        stream = stub.ProcessJobs(
            iter(said.get, None), metadata=(("x-api-key", server.key),), timeout=SECONDS_MAX
        )
        dequeue = pb.DequeueRequest(queue_name="charges", worker_id="w", lease_duration_secs=30)
        has_begun = threading.Event()

        def work() -> None:
            said.put(pb.ProcessRequest(dequeue=dequeue))
            for answer in stream:
                if answer.WhichOneof("response") != "job":
                    continue
                attempts.append((server.world.clock.now_ms() - START_MS) / HOUR)
                has_begun.set()
                fail = pb.FailRequest(job_id=answer.job.id, worker_id="w", error="declined")
                said.put(pb.ProcessRequest(fail=fail))
                if asks == "when the job is due":
                    until_moved_from(server, attempts[-1], seconds=0.5)
                said.put(pb.ProcessRequest(dequeue=dequeue))

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        assert has_begun.wait(SECONDS_MAX)

        moved = server.call("POST", "test/clock/advance", {"by": "14d"})

        said.put(None)
        thread.join(SECONDS_MAX)
        assert moved["now"] == "2030-01-15T00:00:00.000Z"
        [dead] = server.call("GET", "jobs")
        assert (dead["status"], dead["retry_count"]) == ("deadletter", 5)
    assert attempts == pytest.approx([0, 1, 5, 21, 85, 85 + 400_000 / 3600], abs=0.001)


def until_moved_from(server: Served, hour: float, seconds: float) -> None:
    """Until the clock shows a later hour; after the last attempt it stays for want of work."""
    ends_at = time.monotonic() + seconds
    while (server.world.clock.now_ms() - START_MS) / HOUR <= hour:
        if time.monotonic() > ends_at:
            return
        time.sleep(0.002)
