"""A stop amid WebSockets that are opened, refused, talked to and left ends in order, quietly."""

import os
import socket
import struct
import threading
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from tests.server_process import API_KEY, ServerProcess

CLIENT_COUNT: Final = 12
HANDSHAKES_MIN: Final = 200  # before the stop, so that it falls into the middle of them

UPGRADE: Final = (
    "GET /api/v1/ws?token={token} HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\n"
    "Upgrade: websocket\r\nSec-WebSocket-Version: {version}\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
CLOSE: Final = b"\x88\x82\0\0\0\0\x03\xe8"


class Callers:
    """Threads that shake hands without end, each in its own way, and leave in another."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        assert address.hostname is not None
        assert address.port is not None
        self._address = (address.hostname, address.port)
        self._count = 0
        self._enough = threading.Event()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._call, args=(n,)) for n in range(CLIENT_COUNT)
        ]

    def start(self) -> None:
        for each in self._threads:
            each.start()
        assert self._enough.wait(60), "too few handshakes"

    def end(self) -> None:
        self._over.set()
        for each in self._threads:
            each.join(60)

    def _call(self, number: int) -> None:
        token = API_KEY if number % 3 else "sk_test_none"
        version = "13" if number % 4 else "13\xff"
        upgrade = UPGRADE.format(token=token, version=version).encode("latin-1")
        while not self._over.is_set():
            try:
                with socket.create_connection(self._address, timeout=30) as client:
                    client.sendall(upgrade)
                    client.recv(1000 if number % 2 else 1)
                    self._count += 1
                    if self._count >= HANDSHAKES_MIN:
                        self._enough.set()
                    if number % 5 == 0:  # a reset
                        client.setsockopt(
                            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                        )
                    elif number % 5 == 1:
                        client.sendall(CLOSE)
                        client.recv(1000)
            except OSError:
                continue


@pytest.mark.slow
@pytest.mark.parametrize("round_number", range(3))
def test_a_stop_amid_handshakes_exits_0_without_a_traceback(
    round_number: int, tmp_path: Path
) -> None:
    with ServerProcess(tmp_path, shutdown_grace_seconds="5") as server:
        server.start()
        callers = Callers(server.url)
        try:
            callers.start()
            code = server.stop()
        finally:
            callers.end()

        assert code == os.EX_OK, server.log[-3000:]
        assert "Traceback" not in server.log, server.log
