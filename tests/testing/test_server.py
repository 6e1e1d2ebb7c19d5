"""The server that tests in Python hold: in a thread or a process, with its clock and its forks."""

import asyncio
import gc
import json
import logging
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from spooled_lite.testing import AsyncServer, ClockStopped, NotStarted, RefusedCall, Server, World

START = datetime(2030, 1, 1, tzinfo=UTC)
SECRET = "abcdefghijklmnopqrstuvwxyz0123456789ABCD"
JOB = {"queue_name": "emails", "payload": {"to": "ada"}}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(seed=1) as it:
        yield it


@pytest.fixture
def world(server: Server, request: pytest.FixtureRequest) -> Iterator[World]:
    with server.fork(request.node.nodeid) as it:
        yield it


def test_a_file_that_lasts_is_started_again_with_its_key_and_with_new_ids(tmp_path: Path) -> None:
    file = str(tmp_path / "a.db")
    made, keys = list[str](), set[str]()

    for _ in range(3):
        with Server(seed=1, database=file) as server:
            made += [server.call("POST", "/jobs", JOB)["id"] for _ in range(10)]
            keys.add(server.api_key)

    assert len(set(made)) == 30
    assert len(keys) == 1


def test_a_file_whose_key_nobody_knows_says_how_to_start_one(tmp_path: Path) -> None:
    file = str(tmp_path / "a.db")
    with Server(database=file):
        pass

    with pytest.raises(NotStarted, match="`bootstrap_api_key` in the settings"):
        Server(database=file).start()


def test_a_client_of_the_sdk_repeats_soon(world: World) -> None:
    pytest.importorskip("spooled")
    world.faults.add(
        on={"route": "GET /api/v1/queues"}, do={"error": {"as": "overloaded"}}, times=3
    )

    with world.client() as client:
        assert client.queues.list() == []
        assert client.get_config().retry.max_delay < 1
    with world.client(retry={"max_delay": 7}) as client:
        assert client.get_config().retry.max_delay == 7


def test_a_job_is_due_when_the_clock_gets_there(world: World) -> None:
    made = world.call("POST", "/jobs", {**JOB, "delay_seconds": 3600})
    told: list[datetime] = []
    world.clock.on_move(told.append)

    moved = world.clock.advance(timedelta(hours=1))

    assert (moved.start, moved.now, moved.steps) == (START, START + timedelta(hours=1), 1)
    assert [each["what"] for each in moved.happened] == ["job.promoted"]
    assert world.call("GET", f"/jobs/{made['id']}")["status"] == "pending"
    assert world.clock.now == moved.now == told[0]
    world.clock.advance(to=START + timedelta(days=1))
    world.clock.outage("1h")
    world.clock.idle("1d")
    world.clock.next()
    world.clock.settle()
    assert len(told) == 6
    with pytest.raises(ValueError, match="time zone"):
        world.clock.advance(to=datetime(2031, 1, 1))  # noqa: DTZ001
    with pytest.raises(TypeError, match="'90s', or a timedelta, and not 3600"):
        world.clock.advance(3_600)  # type: ignore[arg-type]


def test_what_is_refused_says_why(server: Server, world: World) -> None:
    with pytest.raises(RefusedCall) as taken:
        server.fork(world.name)
    assert (taken.value.status, taken.value.reason) == (409, "name_taken")

    with pytest.raises(ClockStopped) as stopped:
        world.clock.advance(to="2000-01-01T00:00:00Z")
    assert (stopped.value.status, stopped.value.reason) == (400, "backwards")
    assert "does not go back" in str(stopped.value)

    with pytest.raises(NotStarted):
        _ = Server().url
    closed = server.fork("closed")
    closed.close()
    closed.close()
    with pytest.raises(NotStarted):
        closed.call("GET", "/jobs")


def test_forks_have_their_own_time_and_rows_and_can_be_reset(world: World) -> None:
    world.call("POST", "/jobs", JOB)
    with world.fork(keys=[{"name": "web", "queues": ["a"]}], at="2030-02-01T00:00:00Z") as fork:
        fork.call("POST", "/jobs", JOB)
        assert len(fork.call("GET", "/jobs")) == 2
        assert fork.clock.now == datetime(2030, 2, 1, tzinfo=UTC)
        assert fork.keys["web"].startswith("sk_test_")
        assert fork.organization_id != world.organization_id
        fork.reset()
        assert len(fork.call("GET", "/jobs")) == 1
    assert len(world.call("GET", "/jobs")) == 1


def test_a_fork_makes_the_calls_that_are_under_way_in_its_parent(world: World) -> None:
    webhook = {"name": "shop", "url": "https://inbox.test/shop", "events": ["job.created"]}
    world.call("POST", "/outgoing-webhooks", webhook)
    # Really waited for, until the world ends. A `receiver` this slow fails at once, with no wait.
    world.faults.add(on={"delivery": {}}, do={"latency_ms": 60_000})
    world.call("POST", "/jobs", JOB)

    with world.fork("meanwhile") as fork:
        [call] = fork.webhooks["shop"]

    assert (call.event, call.attempt) == ("job.created", 1)


def test_a_fork_takes_two_connections_two_commits_and_one_thread(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them would cost a test as much as a request, or more."""
    server.fork("before").close()  # what its parent opens once
    opened, committed, started = [], [], []
    connect, start = sqlite3.connect, threading.Thread.start

    def connect_counted(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **kwargs)
        opened.append(connection)
        connection.set_trace_callback(
            lambda sql: committed.append(sql) if sql == "COMMIT" else None
        )
        return connection

    def start_counted(thread: threading.Thread) -> None:
        if thread.name.startswith("spooled-"):  # others belong to the event loop
            started.append(thread.name)
        start(thread)

    monkeypatch.setattr(sqlite3, "connect", connect_counted)
    monkeypatch.setattr(threading.Thread, "start", start_counted)
    with server.fork("counted"):
        assert started == ["spooled-writer"]
        assert (len(opened), len(committed)) == (2, 2)


def test_the_clock_can_go_by_itself(world: World) -> None:
    world.clock.tick(86_400)
    world.clock.freeze()
    world.clock.run()
    assert world.call("GET", "/test/clock")["mode"] == "real"


def test_a_worker_of_the_official_client_runs_while_time_passes(world: World) -> None:
    pytest.importorskip("spooled")
    attempts: list[datetime] = []

    def handle(job: Any) -> None:
        attempts.append(world.clock.now)
        raise ValueError("declined")

    with world.worker("charges", handle, concurrency=1), world.client() as client:
        client.jobs.create({"queue_name": "charges", "payload": {}, "max_retries": 2})
        world.clock.advance("1d")

    assert len(attempts) == 3
    assert attempts[0] == START


def test_a_stream_of_a_world_that_is_reset_or_deleted_ends_with_1012(server: Server) -> None:
    def closed_by(fork: World, act: Callable[[], None]) -> int:
        with connect(f"{fork.url.replace('http', 'ws')}/api/v1/ws?token={fork.api_key}") as stream:
            act()
            with suppress(ConnectionClosedError):
                for _ in stream:
                    pass  # what it says before its end
        assert stream.close_code is not None
        return stream.close_code

    fork = server.fork("streams")
    assert closed_by(fork, fork.reset) == 1012
    assert closed_by(fork, fork.close) == 1012


def test_somebody_elses_server_is_used_and_left_running(server: Server) -> None:
    with Server.at(server.url, server.api_key) as it, it.fork("guest") as fork:
        assert fork.call("GET", "/test")["world"] == "guest"
        assert it.organization_id == server.organization_id
    assert server.call("GET", "/jobs") == []


def test_as_coroutines() -> None:
    async def script() -> None:
        async with AsyncServer(seed=2) as server, await server.fork("it") as fork:
            await fork.call("POST", "/jobs", {**JOB, "delay_seconds": 60})
            moved = await fork.clock.advance("1m")
            assert len(moved.happened) == 1
            assert await server.clock.now() == START
            await fork.baseline()
            await fork.reset()

    asyncio.run(script())


def test_the_process_stays_as_it_was() -> None:
    def state() -> tuple[Any, ...]:
        root = logging.getLogger()
        return (
            [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)],
            (root.level, list(root.handlers)),
            (gc.get_threshold(), gc.get_freeze_count(), sys.getswitchinterval()),
            resource.getrlimit(resource.RLIMIT_NOFILE),
            {name for name in os.environ if "SPOOLED" in name},
        )

    with Server(seed=1):
        pass  # what is imported once
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1000), hard))
    try:
        before, threads = state(), threading.active_count()
        descriptors = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
        with Server(seed=1) as it, it.fork() as fork:
            fork.call("POST", "/jobs", JOB)
            assert state() == before
        assert state() == before
        assert threading.active_count() <= threads
        if descriptors:
            assert len(os.listdir("/proc/self/fd")) <= descriptors
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_keeps_it_from_starting_is_raised(tmp_path: Path) -> None:
    from spooled_lite.config import ConfigError
    from spooled_lite.testing.world import NotForTests

    for is_process in (False, True):
        with pytest.raises(ConfigError, match="nearest"):
            Server(settings={"admin_kye": "x"}, process=is_process).start()
    with pytest.raises(TypeError, match=r"`clock` .*'frozen', 'real'"):
        Server(clock="frozn")  # type: ignore[arg-type]
    with pytest.raises(NotForTests):
        Server(
            settings={
                "environment": "staging",
                "jwt_secret": SECRET,
            }
        ).start()


def test_freezegun_is_told_to_leave_the_server_alone(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    told: list[list[str]] = []
    fake = SimpleNamespace(configure=lambda extend_ignore_list: told.append(extend_ignore_list))
    monkeypatch.setitem(sys.modules, "freezegun", fake)

    world.call("GET", "/jobs")

    assert "spooled_lite" in told[0]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_of_a_fork_of_the_process_is_refused() -> None:
    code = """
import os
from spooled_lite.testing import Server
with Server(seed=1) as server:
    child = os.fork()
    if not child:
        try:
            server.fork()
        except RuntimeError as error:
            os._exit("process=True" not in str(error))
        os._exit(2)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    server.fork().close()
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=60)


def test_importing_it_loads_no_server() -> None:
    code = (
        "import sys; from spooled_lite.testing import Server, SpooledTestCase;"
        "print({'uvloop', 'starlette', 'msgspec', 'httpx'} & set(sys.modules))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True
    )
    assert told.stdout.strip() == "set()"


@pytest.mark.slow
def test_a_server_in_a_process_of_its_own_gives_the_same_and_ends_with_us() -> None:
    code = """
import json, os, sys
from spooled_lite.testing import Server
settings = {"enforce_key_permissions": True}
with Server(seed=1, process=sys.argv[1] == "process", settings=settings) as server:
    with server.fork("it") as fork:
        made = fork.call("POST", "/jobs", {"queue_name": "q", "payload": {}, "delay_seconds": 60})
        moved = fork.clock.advance("1d")
        print(json.dumps([server.api_key, server.admin_key, fork.api_key, made, moved.happened]))
"""
    told = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", code, how],
                check=True, timeout=60, capture_output=True, text=True,
            ).stdout
        )
        for how in ("process", "thread")
    ]  # fmt: skip

    assert told[0] == told[1]
