"""A disk that is slow, up to the point of hanging: who waits for it, and who does not."""

import asyncio
from typing import Final

import pytest

from tests.crash.connection import Connection
from tests.power.recording import Recording
from tests.server_process import ServerProcess

SECONDS_MAX: Final = 20.0
JOB: Final = {"queue_name": "mail", "payload": {}}


@pytest.mark.slow
def test_who_writes_waits_for_a_disk_that_hangs_and_who_reads_does_not(
    recording: Recording,
) -> None:
    async def main(url: str) -> None:
        writer, reader = [await Connection.open(url) for _ in range(2)]
        first = await writer.request("POST", "/jobs", JOB)
        path = f"/jobs/{first.body['id']}"
        assert (await reader.request("GET", path)).status == 200

        with recording.hanging():
            second = asyncio.create_task(writer.request("POST", "/jobs", JOB))
            for _ in range(20):
                assert (await reader.request("GET", path)).status == 200
                assert (await reader.request("GET", "/queues")).status == 200
            assert not second.done()
            # What is not on the disk yet is shown to nobody.
            assert len((await reader.request("GET", "/jobs")).body) == 1

        assert (await second).status == 201
        assert len((await reader.request("GET", "/jobs")).body) == 2
        for each in (writer, reader):
            each.close()

    with ServerProcess(recording.folder.parent) as server, recording.of_children():
        server.database = str(recording.folder / "spooled.db")
        server.start()
        asyncio.run(asyncio.wait_for(main(server.url), SECONDS_MAX))
        assert server.stop() == 0, server.log
