"""What the service manager is told: readiness, status, the stop, and that nothing hangs."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest

from spooled_lite.app import running
from spooled_lite.cli import notify
from spooled_lite.cli.notify import service_manager, status
from spooled_lite.config import Settings
from spooled_lite.core.overview.hours import HOUR_MS
from tests.server_process import ServerProcess

HEAR_SECONDS_MAX: Final = 20.0
UNIT: Final = Path(__file__).parents[2] / "contrib" / "systemd" / "spooled-lite.service"
SOCKET_UNIT: Final = UNIT.with_suffix(".socket")


class Ear:
    """A service manager that keeps what it was told, line by line."""

    def __init__(self, listener: socket.socket, address: str) -> None:
        self._listener = listener
        self.address = address
        self.heard: list[str] = []

    def hear(self, line: str) -> None:
        """Wait until a line that begins so has been told."""
        self._listener.settimeout(HEAR_SECONDS_MAX)
        while not any(each.startswith(line) for each in self.heard):
            self.heard += self._listener.recv(4096).decode().split("\n")

    def read(self) -> list[str]:
        """All that was told up to now and not read yet."""
        self._listener.setblocking(False)
        told: list[str] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                told += self._listener.recv(4096).decode().split("\n")
        return told


@contextlib.contextmanager
def an_ear(address: str) -> Iterator[Ear]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + address[1:] if address.startswith("@") else address)
        yield Ear(listener, address)


@pytest.fixture(params=["path", "abstract"])
def ear(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ear]:
    abstract = f"@spooled-test-{uuid.uuid4().hex}"
    with an_ear(abstract if request.param == "abstract" else str(tmp_path / "notify")) as ear:
        yield ear


async def turns() -> None:
    """Let the tasks that were started run until each of them waits."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_the_first_word_of_the_watchdog_comes_before_the_file_is_open(ear: Ear) -> None:
    async def work() -> None:
        environ = {"NOTIFY_SOCKET": ear.address, "WATCHDOG_USEC": "30000000"}
        async with service_manager(asyncio.Event(), environ):
            await turns()

    asyncio.run(work())
    assert ear.read() == ["WATCHDOG=1"]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"},
    ],
    ids=["none", "zero", "no number", "of another process"],
)
def test_a_watchdog_that_is_not_ours_is_not_fed(ear: Ear, environ: dict[str, str]) -> None:
    async def work() -> None:
        async with service_manager(asyncio.Event(), {**environ, "NOTIFY_SOCKET": ear.address}):
            await turns()

    asyncio.run(work())
    assert ear.read() == []


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all", "@nobody-listens-here"])
def test_without_a_manager_nothing_is_run_and_nothing_fails(address: str) -> None:
    async def work() -> int:
        async with service_manager(
            asyncio.Event(), {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000000"}
        ) as manager:
            manager.say("READY=1")
            return len(asyncio.all_tasks())

    assert asyncio.run(work()) == 1


@pytest.mark.parametrize(
    ("state", "busy_seconds", "is_fed"),
    [
        ("ok", 0.0, True),
        ("stalled", 19.0, True),
        ("stalled", 21.0, False),
        ("failed", 3600.0, True),  # a restart would not help, and reads still work
    ],
)
def test_only_a_writing_thread_that_hangs_lets_the_watchdog_bite(
    ear: Ear,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    busy_seconds: float,
    is_fed: bool,
) -> None:
    async def work() -> list[str]:
        settings = Settings(database=str(tmp_path / "s.db"))
        environ = {"NOTIFY_SOCKET": ear.address, "WATCHDOG_USEC": "10000"}
        async with running(settings) as app, service_manager(asyncio.Event(), environ) as manager:
            writer = type(app.services.db.writer)
            with monkeypatch.context() as patch:
                patch.setattr(writer, "state", state)
                patch.setattr(writer, "busy_seconds", busy_seconds)
                manager.ready(lambda: app, "http://here")
                await turns()
                ear.read()
                await asyncio.sleep(0.05)  # ten times as long as between two words
                return ear.read()

    assert ("WATCHDOG=1" in asyncio.run(work())) is is_fed


def test_the_status_says_what_waits_and_who_works(
    ear: Ear, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "STATUS_SECONDS", 0.001)

    async def work() -> None:
        settings = Settings(database=str(tmp_path / "s.db"))
        environ = {"NOTIFY_SOCKET": ear.address}
        async with running(settings) as app, service_manager(asyncio.Event(), environ) as manager:
            manager.ready(lambda: app, "http://here")
            line = "STATUS=0 waiting, 0 running, 0 workers at http://here"
            await asyncio.to_thread(ear.hear, line)

    asyncio.run(work())


@pytest.mark.parametrize(
    ("age_ms", "words"),
    [(None, "no backup"), (5 * HOUR_MS + 1000, "backup 5 h old"), (-1000, "backup 0 h old")],
)
def test_the_status_says_how_old_the_newest_backup_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age_ms: int | None, words: str
) -> None:
    async def work() -> str:
        folder = tmp_path / "to"
        folder.mkdir()
        settings = Settings(database=str(tmp_path / "s.db"), backup_to=str(folder))
        async with running(settings, supervise=no_loops) as app:
            backups = app.services.state.backups
            assert backups is not None
            if age_ms is not None:
                at_ms = app.services.clock.now_ms() - age_ms
                monkeypatch.setattr(backups, "newest", SimpleNamespace(made_at_ms=at_ms))
            return await status(app)

    assert asyncio.run(work()) == f"0 waiting, 0 running, 0 workers, {words}"


async def no_loops(*_: object) -> None:
    """Nothing happens by itself, no backup either."""


@pytest.mark.slow
def test_a_server_tells_that_it_is_ready_and_that_it_stops(tmp_path: Path) -> None:
    with an_ear(str(tmp_path / "notify")) as ear, ServerProcess(tmp_path) as server:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NOTIFY_SOCKET", ear.address)
            patch.setenv("WATCHDOG_USEC", "30000000")
            server.start()
        ear.hear(f"STATUS=ready at {server.url}")
        assert ear.heard[:2] == ["WATCHDOG=1", "READY=1"]

        server.terminate()

        ear.hear("STOPPING=1")
        assert server.wait() == 0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_unit_is_one_that_systemd_understands_and_finds_safe(tmp_path: Path) -> None:
    command = tmp_path / "spooled-lite"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/spooled-lite/bin/spooled-lite", str(command)))
    listening = tmp_path / SOCKET_UNIT.name
    listening.write_text(SOCKET_UNIT.read_text())

    verified = _analyze("verify", str(unit), str(listening))
    safe = _analyze("security", "--offline=yes", "--threshold=15", str(unit))

    assert (verified.returncode, verified.stderr) == (0, "")
    assert safe.returncode == 0, safe.stdout


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=HEAR_SECONDS_MAX,
        env={**os.environ, "SYSTEMD_COLORS": "0"},
    )
