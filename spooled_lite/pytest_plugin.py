"""The pytest plugin: a server for the session, and a world of its own for each test.

It is loaded in every run of everybody who has this package, so it imports pytest and nothing else
until one of its fixtures is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from spooled.client import SpooledClient
    from spooled.worker.worker import SpooledWorker

    from spooled_lite.testing import Clock, Server, World

MARK: Final = "spooled"
MARK_ARGUMENTS: Final = ("at", "settings")
URL_VARIABLE: Final = "SPOOLED_TEST_URL"
KEY_VARIABLE: Final = "SPOOLED_TEST_KEY"
NAME_CHARS_MAX: Final = 400  # of a world: the end of the name of a test tells it from others


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


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{MARK}(at=None, settings=None): where the clock of the world of this test begins, and"
        " settings of a server of its own",
    )


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
        yield stack.enter_context(world)


@pytest.fixture
def spooled_clock(spooled: World) -> Clock:
    """The clock of the world of this test."""
    return spooled.clock


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
            known = " and ".join(f"`{name}`" for name in MARK_ARGUMENTS)
            pytest.fail(
                f"the marker `{MARK}` does not know {what}; it takes {known}", pytrace=False
            )
        wanted = {**mark.kwargs, **wanted}
    return wanted


def _name_of(node_id: str) -> str:
    printable = "".join(each if each.isprintable() else "?" for each in node_id)
    return printable[-NAME_CHARS_MAX:].strip()
