"""One server for all tests of commands that ask one; each test has a world of it."""

import itertools
from collections.abc import Iterator

import pytest

from spooled_lite.testing import Server
from tests.cli.asking import Asking

_worlds = itertools.count(1)


@pytest.fixture(scope="session")
def asked_server() -> Iterator[Server]:
    with Server(seed=7) as server:
        yield server


@pytest.fixture
def ask(asked_server: Server) -> Iterator[Asking]:
    with asked_server.fork(f"asked-{next(_worlds)}") as world:
        yield Asking(world)
