"""One real server for the tests of the official client; each works on a queue of its own."""

import uuid
from collections.abc import Iterator

import pytest
from spooled.client import SpooledClient

from tests.sdk.driven import a_client
from tests.server_process import ServerProcess


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("sdk")) as process:
        process.start()
        yield process
        assert process.stop() == 0, process.log


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """For what concerns the whole organization."""
    with ServerProcess(tmp_path_factory.mktemp("own")) as process:
        process.start()
        yield process


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    which: str = request.param
    return which


@pytest.fixture
def client(server: ServerProcess, kind: str) -> Iterator[SpooledClient]:
    with a_client(kind, server.url) as it:
        yield it


@pytest.fixture
def queue() -> str:
    return f"queue-{uuid.uuid4()}"
