"""Two servers of a move: two worlds of one, and the mover between them."""

import itertools
from collections.abc import Iterator

import pytest

from spooled_lite.testing import Server
from tests.cli.moving.stage import Stage

_moves = itertools.count(1)


@pytest.fixture
def stage(asked_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    number = next(_moves)
    with (
        asked_server.fork(f"here-{number}") as here,
        asked_server.fork(f"there-{number}") as there,
    ):
        yield Stage(here, there, tmp_path_factory.mktemp("move") / "ledger.ndjson")
