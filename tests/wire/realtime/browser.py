"""A headless Chromium, spoken to over its debugging protocol; what the system has installed."""

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from websockets.asyncio.client import ClientConnection, connect

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
START_SECONDS_MAX: Final = 30.0
ANSWER_SECONDS_MAX: Final = 30.0
PORT_FILE: Final = "DevToolsActivePort"
LOOK_SECONDS: Final = 0.05


class Page:
    """One page; scripts run in it."""

    def __init__(self, connection: ClientConnection, session: str) -> None:
        self._connection = connection
        self._session = session
        self._number = 100

    async def run(self, script: str) -> Any:
        """The value of a script, or of the promise that it is."""
        self._number += 1
        asked = {"expression": script, "awaitPromise": True, "returnByValue": True}
        answer = await _ask(
            self._connection,
            {"id": self._number, "sessionId": self._session, "method": "Runtime.evaluate"},
            asked,
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")


@contextlib.asynccontextmanager
async def a_page(folder: Path) -> AsyncIterator[Page]:
    """Skips the test where there is no Chromium."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    process = await asyncio.create_subprocess_exec(
        program,
        *("--headless=new", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"),
        # Without it Chromium does not start as root, which tests in containers are.
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
        *("--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(START_SECONDS_MAX):
            port, path = await _address(folder, process)
        url = f"ws://127.0.0.1:{port}{path}"
        async with connect(url, proxy=None, max_size=2**24) as connection:
            yield Page(connection, await _session(connection))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _address(folder: Path, process: asyncio.subprocess.Process) -> tuple[str, str]:
    """Chromium says in a file where it listens."""
    while not (folder / PORT_FILE).exists() or "\n" not in (folder / PORT_FILE).read_text():
        assert process.returncode is None, "Chromium has ended"
        await asyncio.sleep(LOOK_SECONDS)
    port, path = (folder / PORT_FILE).read_text().split("\n")[:2]
    return port, path


async def _session(connection: ClientConnection) -> str:
    made = await _ask(
        connection, {"id": 1, "method": "Target.createTarget"}, {"url": "about:blank"}
    )
    asked = {"targetId": made["targetId"], "flatten": True}
    attached = await _ask(connection, {"id": 2, "method": "Target.attachToTarget"}, asked)
    session: str = attached["sessionId"]
    return session


async def _ask(connection: ClientConnection, message: dict[str, Any], params: Any) -> Any:
    await connection.send(json.dumps({**message, "params": params}))
    async with asyncio.timeout(ANSWER_SECONDS_MAX):
        while True:
            answer = json.loads(await connection.recv())
            if answer.get("id") == message["id"]:
                assert "error" not in answer, answer
                return answer["result"]
