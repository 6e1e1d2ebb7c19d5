"""One real server for the tests of the official client; each works on a queue of its own."""

import uuid
from collections.abc import Iterator
from typing import Final

import pytest
from spooled.client import SpooledClient

from tests.sdk.driven import a_client
from tests.server_process import ServerProcess

ADMIN_KEY: Final = "admin-key-0123456789abcdef"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("sdk"), admin_key=ADMIN_KEY) as process:
        process.start()
        yield process
        assert process.stop() == 0, process.log


@pytest.fixture(scope="session")
def grpc_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One that serves gRPC beside HTTP."""
    folder = tmp_path_factory.mktemp("grpc")
    with ServerProcess(folder, grpc_port="auto", admin_key=ADMIN_KEY) as process:
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
def admin(server: ServerProcess, kind: str) -> Iterator[SpooledClient]:
    """Shows the admin key and no other."""
    with a_client(kind, server.url, None, admin_key=ADMIN_KEY) as it:
        yield it


@pytest.fixture
def queue() -> str:
    return f"queue-{uuid.uuid4()}"
