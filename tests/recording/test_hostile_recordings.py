"""A recording that somebody else made asks the server that it is replayed against, and no other."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from spooled_lite.recording.exchanges import AT_MS_MAX
from spooled_lite.recording.learned import Credentials
from spooled_lite.recording.replay import CannotReplay, ReplayOutcome, replayed
from spooled_lite.recording.rules import DiffRules
from spooled_lite.recording.server_address import ServerAddress
from spooled_lite.recording.tape import CannotRead, read

ANSWER_SECONDS: Final = 20.0
KEY: Final = "sk_test_nobody_else_may_have_this"
BEGINNING: Final = {"format": "spooled-recording", "version": 1, "target": "", "masked": True}


def an_exchange(path: str = "/api/v1/queues", at_ms: int = 0, **body: Any) -> dict[str, Any]:
    headers = {"x-api-key": "mask:credential:1"}
    return {
        "at_ms": at_ms,
        "request": {"method": "GET", "path": path, "headers": headers},
        "response": {"status": 200, "headers": {}, "ms": 1, **body},
    }


def written(folder: Path, *exchanges: dict[str, Any]) -> str:
    file = folder / "hostile.ndjson"
    file.write_text("".join(json.dumps(each) + "\n" for each in (BEGINNING, *exchanges)))
    return str(file)


class Listener:
    """A server that answers everything alike, and knows what it was asked."""

    def __init__(self, body: bytes = b"{}") -> None:
        self.asked: list[bytes] = []
        self._body = body

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        length = b"content-length: %d\r\nconnection: close\r\n\r\n" % len(self._body)
        writer.write(b"HTTP/1.1 200 OK\r\n" + length + self._body)
        await writer.drain()
        writer.close()


def replay(
    file_for: Callable[[int], str], ours: Listener, other: Listener | None = None
) -> ReplayOutcome:
    """`file_for` makes the recording, and is told the port of the other server."""

    async def main() -> ReplayOutcome:
        async with (
            await asyncio.start_server(ours.answer, "127.0.0.1", 0) as server,
            await asyncio.start_server((other or ours).answer, "127.0.0.1", 0) as second,
        ):
            port, other_port = (it.sockets[0].getsockname()[1] for it in (server, second))
            return await replayed(
                read(file_for(other_port)),
                ServerAddress.of(f"http://127.0.0.1:{port}"),
                Credentials(KEY),
                DiffRules([]),
                answer_seconds=ANSWER_SECONDS,
            )

    return asyncio.run(main())


@pytest.mark.parametrize(
    "path", ["@127.0.0.1:{port}/steal", "http://127.0.0.1:{port}/steal", "//127.0.0.1:{port}/steal"]
)
def test_no_path_leads_the_key_to_another_server(tmp_path: Path, path: str) -> None:
    ours, other = Listener(), Listener()

    with suppress(CannotReplay):  # some are no path at all
        replay(lambda port: written(tmp_path, an_exchange(path.format(port=port))), ours, other)

    assert other.asked == []
    assert len(ours.asked) in (1, 2), "it was asked for its clock, and perhaps for the path"


@pytest.mark.parametrize("at_ms", [-1, AT_MS_MAX + 1, 10**30])
def test_a_time_that_no_recording_has_is_refused_with_its_line(tmp_path: Path, at_ms: int) -> None:
    with pytest.raises(CannotRead, match=r"line 2: .*at_ms"):
        read(written(tmp_path, an_exchange(at_ms=at_ms)))


def test_a_mask_with_a_number_of_thousands_of_digits_is_no_mask(tmp_path: Path) -> None:
    exchange = an_exchange()
    exchange["request"]["headers"] = {"x-note": "mask:code:" + "9" * 5_000}

    assert replay(lambda _: written(tmp_path, exchange), Listener()).sent_count == 1
