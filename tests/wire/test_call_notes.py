"""A log line that is written while a call is served says which one."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.call_notes import NOTES
from spooled_lite.config import Settings
from spooled_lite.logs import set_up_logging
from spooled_lite.wire.grpc import queue_service
from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.call import Call, Reply
from tests.wire.grpc.stage import Stage, play
from tests.wire.http.served import Api


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    set_up_logging(Settings(json_logs=True), stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


async def fail(call: Call) -> Reply:
    await asyncio.sleep(0)
    raise ZeroDivisionError


def line_of(stream: io.StringIO, message: str) -> dict[str, Any]:
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    [found] = [line for line in lines if message in line["message"]]
    return dict(found)


@pytest.mark.parametrize("path", ["/api/v1/things/{id}", "/things/{id}"])
def test_over_http_with_the_template_of_the_route(
    path: str, stream: io.StringIO, tmp_path: Path
) -> None:
    rows = [("GET", path, fail, Access.KEY, "-")]
    with Api(str(tmp_path / "spooled.db"), Settings(), rows) as api:
        shown = path.replace("{id}", "7")

        answer = api.get(shown, headers={"x-request-id": "r-1"})

        line = line_of(stream, "request r-1 failed")
        assert answer.status_code == 500
        assert (line["request_id"], line["route"], line["org"]) == (
            "r-1", path, api.served.org_id,
        )  # fmt: skip
        assert "ZeroDivisionError" in line["exception"]


def test_over_grpc_with_the_name_of_the_method(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*arguments: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(queue_service, "_get_job", broken)

    async def script(stage: Stage) -> None:
        client = stage.client_with(**{"x-api-key": stage.key, "x-request-id": "r-2"})
        with pytest.raises(Exception, match="INTERNAL"):
            await client.call("GetJob", pb.GetJobRequest(job_id="x"))
        line = line_of(stream, "GetJob failed")
        assert (line["request_id"], line["route"], line["org"]) == (
            "r-2", "spooled.v1.QueueService/GetJob", stage.it.organization_id,
        )  # fmt: skip

    play(script)


def test_no_call_is_served_outside_of_one() -> None:
    assert NOTES.get() is None
