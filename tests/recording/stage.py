"""A recorder in a thread of its own, calls through it, and replays of what it wrote."""

import asyncio
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from spooled_lite.recording.exchanges import Exchange
from spooled_lite.recording.learned import Credentials
from spooled_lite.recording.masking import MaskRules
from spooled_lite.recording.recorder import recorder
from spooled_lite.recording.replay import ReplayOutcome, replayed
from spooled_lite.recording.rules import DiffRules
from spooled_lite.recording.server_address import ServerAddress
from spooled_lite.recording.tape import read

SECONDS_MAX: Final = 60.0


@contextmanager
def in_a_thread(
    main: Callable[[Callable[[str], None], asyncio.Event], Coroutine[Any, Any, None]],
) -> Iterator[str]:
    """Run `main` on a loop of its own. It tells its address, and ends when the event is set."""
    there, found = threading.Event(), list[str]()
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def tell(url: str) -> None:
        found.append(url)
        there.set()

    async def run() -> None:
        ended = asyncio.Event()
        stop.append((asyncio.get_running_loop(), ended))
        await main(tell, ended)

    def thread_main() -> None:
        try:
            asyncio.run(run())
        finally:
            there.set()

    thread = threading.Thread(target=thread_main, name="stage", daemon=True)
    thread.start()
    assert there.wait(SECONDS_MAX)
    assert found, "it has not started"
    try:
        yield found[0]
    finally:
        loop, ended = stop[0]
        loop.call_soon_threadsafe(ended.set)
        thread.join(SECONDS_MAX)
        assert not thread.is_alive()


@contextmanager
def recording(target: str, path: Path, rules: MaskRules | None = None) -> Iterator[str]:
    """The address of a recorder; the file is whole when it has ended."""

    async def main(tell: Callable[[str], None], ended: asyncio.Event) -> None:
        async with recorder(
            ServerAddress.of(target),
            str(path),
            host="127.0.0.1",
            port=0,
            rules=rules or MaskRules(),
            on_failure=lambda error: None,
        ) as (server, _):
            tell(server.url)
            await ended.wait()
            await server.stop()

    with in_a_thread(main) as url:
        yield url


def call(
    url: str,
    method: str,
    path: str,
    body: Any = None,
    *,
    key: str | None = None,
    headers: Mapping[str, str] = {},
) -> tuple[int, Any]:
    request = urllib.request.Request(
        url + path,
        None if body is None else json.dumps(body).encode(),
        {
            "Content-Type": "application/json",
            **({} if key is None else {"Authorization": f"Bearer {key}"}),
            **headers,
        },
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:
            return answer.status, _read(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, _read(error.read())


def _read(data: bytes) -> Any:
    try:
        return json.loads(data or b"null")
    except ValueError:
        return data.decode()


def exchanges(path: Path) -> list[Exchange]:
    return read(str(path)).exchanges


def replay_against(
    path: Path, url: str, key: str, *, rules: DiffRules | None = None, seconds: float = SECONDS_MAX
) -> ReplayOutcome:
    return asyncio.run(
        replayed(
            read(str(path)),
            ServerAddress.of(url),
            Credentials(key),
            rules or DiffRules([]),
            answer_seconds=seconds,
        )
    )


def told(outcome: ReplayOutcome) -> list[tuple[int, str, Any, Any]]:
    return [
        (each.n, found.place, found.recorded, found.replayed)
        for each in outcome.exchanges
        for found in each.differences
    ]
