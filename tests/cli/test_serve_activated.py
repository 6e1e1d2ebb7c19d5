"""A server on a socket that a service manager holds: connections wait while it is started again."""

import http.client
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.server_process import ServerProcess

ANSWER_SECONDS_MAX: Final = 60.0  # of one call, a start included


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as it:
        yield it


class Caller:
    """Opens a connection for each call, one after the other, until the end of the context."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._is_over = threading.Event()
        self._changed = threading.Condition()
        self.answered = 0
        self.failures: list[str] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Caller":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join(ANSWER_SECONDS_MAX)

    def wait_for(self, more: int) -> None:
        """Until so many more calls were answered."""
        wanted = self.answered + more
        with self._changed:
            assert self._changed.wait_for(lambda: self.answered >= wanted, ANSWER_SECONDS_MAX)

    def _run(self) -> None:
        while not self._is_over.is_set():
            connection = http.client.HTTPConnection(
                "127.0.0.1", self._port, timeout=ANSWER_SECONDS_MAX
            )
            try:
                connection.request("GET", "/health/live", headers={"Connection": "close"})
                assert connection.getresponse().status == 200
            except Exception as error:
                self.failures.append(repr(error))
            finally:
                connection.close()
            with self._changed:
                self.answered += 1
                self._changed.notify_all()


@pytest.mark.slow  # starts two servers, one after the other
def test_nobody_is_refused_while_the_server_is_started_again(
    tmp_path: Path, listener: socket.socket
) -> None:
    port = listener.getsockname()[1]
    with ServerProcess(tmp_path) as server, Caller(port) as caller:
        server.listener = listener
        server.start()
        assert server.url == f"http://127.0.0.1:{port}"
        caller.wait_for(20)

        assert server.stop() == 0
        server.start()
        caller.wait_for(20)

        log = server.log

    assert caller.failures == []
    assert f"flag --port: no effect on HTTP, which is served at 127.0.0.1:{port}" in log
