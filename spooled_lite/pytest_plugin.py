"""The pytest plugin: a server for the session, and a world of its own for each test.

It is loaded in every run of everybody who has this package, so it imports pytest and nothing else
until one of its fixtures is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from spooled.client import SpooledClient
    from spooled.worker.worker import SpooledWorker

    from spooled_lite.testing import Clock, Faults, Server, World

MARK: Final = "spooled"
MARK_ARGUMENTS: Final = ("at", "faults", "seed_file", "settings")
URL_VARIABLE: Final = "SPOOLED_TEST_URL"
KEY_VARIABLE: Final = "SPOOLED_TEST_KEY"
NAME_CHARS_MAX: Final = 400  # of a world: the end of the name of a test tells it from others
REPORTED_LINES: Final = 50  # of the journal, where a test fails
FILE_CHARS_MAX: Final = 150  # of the name of a journal, before what makes it unique

WORLD: Final = pytest.StashKey["World"]()  # of a test that runs


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("spooled", "Spooled Lite in test mode")
    group.addoption(
        "--spooled-seed", type=int, default=1, metavar="N",
        help="seed of the server: ids and secrets are the same in every run (default: 1)",
    )  # fmt: skip
    group.addoption(
        "--spooled-url", default=None, metavar="URL",
        help=f"use this server in test mode, with the key in {KEY_VARIABLE}, instead of starting"
        f" one (also: {URL_VARIABLE})",
    )  # fmt: skip
    group.addoption(
        "--spooled-journal", default=None, metavar="DIR",
        help="write the whole journal of the world of each test that fails to this folder",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{MARK}(at=None, faults=None, seed_file=None, settings=None): where the clock of the world"
        " of this test begins, what goes wrong in it, what is in it, and settings of a server of"
        " its own",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell of a test that fails what happened in its world."""
    report = yield
    if report.failed and report.when != "teardown":
        world = item.stash.get(WORLD, None)
        if world is not None and (told := _told(item, world)):
            report.sections.append(("what happened in the world", told))
    return report


@pytest.fixture(scope="session")
def spooled_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server for the session: with pytest-xdist one for each of its workers."""
    from spooled_lite.testing import Server

    url = request.config.getoption("--spooled-url") or os.environ.get(URL_VARIABLE)
    if url:
        key = os.environ.get(KEY_VARIABLE)
        if not key:
            pytest.fail(f"the URL of a server needs a key, in {KEY_VARIABLE}", pytrace=False)
        yield Server.at(url, key)
        return
    with Server(seed=request.config.getoption("--spooled-seed")) as server:
        yield server


@pytest.fixture
def spooled(request: pytest.FixtureRequest) -> Iterator[World]:
    """A world for this test: a fork named like it. What it needs is said with the marker."""
    from spooled_lite.testing import RefusedCall, Server

    wanted = _wanted(request.node)
    name = _name_of(request.node.nodeid)
    with ExitStack() as stack:
        if wanted.get("settings") is None:
            server: World = request.getfixturevalue("spooled_server")
        else:
            seed = request.config.getoption("--spooled-seed")
            server = stack.enter_context(Server(seed=seed, settings=wanted["settings"]))
        at = wanted.get("at")
        try:
            world = server.fork(name, at=at)
        except RefusedCall as refused:
            if refused.reason != "name_taken":
                raise
            # A run that was killed has left it on a server that outlives the run.
            server.call("DELETE", f"/test/forks/{quote(name, safe='')}")
            world = server.fork(name, at=at)
        request.node.stash[WORLD] = stack.enter_context(world)
        stack.callback(request.node.stash.__delitem__, WORLD)
        if (seed_file := wanted.get("seed_file")) is not None:
            world.seed(request.node.path.parent / seed_file)
            world.baseline()
        for rule in wanted.get("faults") or ():
            world.faults.add(**rule)
        yield world


@pytest.fixture
def spooled_clock(spooled: World) -> Clock:
    """The clock of the world of this test."""
    return spooled.clock


@pytest.fixture
def spooled_faults(spooled: World) -> Faults:
    """What goes wrong in the world of this test: `spooled_faults.add(on=..., do=...)`."""
    return spooled.faults


@pytest.fixture
def spooled_client(spooled: World) -> Iterator[SpooledClient]:
    """A client of the official SDK for the world of this test."""
    client = spooled.client()
    try:
        yield client
    finally:
        client.close()


@pytest.fixture
def spooled_worker(
    spooled: World,
) -> Callable[..., AbstractContextManager[SpooledWorker]]:
    """Starts a worker of the official SDK: `with spooled_worker("emails", handle): ...`."""
    return spooled.worker


def _wanted(node: pytest.Item) -> dict[str, Any]:
    """What the markers of a test say: the nearest one wins."""
    wanted: dict[str, Any] = {}
    for mark in node.iter_markers(MARK):
        unknown = [name for name in mark.kwargs if name not in MARK_ARGUMENTS]
        if mark.args or unknown:
            what = f"`{unknown[0]}`" if unknown else "arguments without a name"
            known = ", ".join(f"`{name}`" for name in MARK_ARGUMENTS)
            pytest.fail(
                f"the marker `{MARK}` does not know {what}; it takes {known}", pytrace=False
            )
        wanted = {**mark.kwargs, **wanted}
    return wanted


def _told(item: pytest.Item, world: World) -> str:
    """The end of its journal. All of it is written to a file, where that is asked for."""
    folder = item.config.getoption("--spooled-journal")
    try:
        told = world.journal.tail(REPORTED_LINES)
        if folder is None:
            return told
        # Where pytest was started: the test may be somewhere else.
        file = item.config.invocation_params.dir / folder / _file_of(item.nodeid)
        file.parent.mkdir(parents=True, exist_ok=True)
        world.journal.save(file)
        return f"{told}\n\nthe whole journal: {file}"
    except Exception as error:  # the test has failed already, perhaps because nothing answers
        return f"the journal could not be read: {error!r}"


def _file_of(node_id: str) -> str:
    """A name that every file system takes, for each test another one."""
    import hashlib

    safe = "".join(each if each.isascii() and each.isalnum() else "_" for each in node_id)
    unique = hashlib.sha256(node_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe[-FILE_CHARS_MAX:]}-{unique}.ndjson"


def _name_of(node_id: str) -> str:
    printable = "".join(each if each.isprintable() else "?" for each in node_id)
    return printable[-NAME_CHARS_MAX:].strip()
