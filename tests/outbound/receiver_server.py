"""The program behind `receiver.py`: takes webhooks, and answers them in every wrong way."""

import asyncio
import gzip
import json
import re
import socket
import ssl
import struct
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

HOST: Final = "127.0.0.1"
WAIT_SECONDS_MAX: Final = 30.0
CHUNK: Final = b"x" * 16_384

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter

_ANSWER: Final = re.compile(r"(\d{3})(?: (.*))?")  # a status, and perhaps headers after it


class Requests:
    """What has come, and how each path is to be answered."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.modes: dict[str, list[str]] = {}
        self.connections = 0
        self.changed = asyncio.Condition()

    async def note(self, **row: Any) -> dict[str, Any]:
        async with self.changed:
            self.rows.append(row)
            self.changed.notify_all()
        return row

    async def is_over(self, row: dict[str, Any]) -> None:
        async with self.changed:
            row["is_over"] = True
            self.changed.notify_all()

    def next_mode(self, path: str) -> str:
        """What was set for the path, of several the next one; else what the path itself says."""
        modes = self.modes.get(path)
        if modes is None:
            return unquote(path.strip("/").split("/")[0]) or "ok"
        return modes.pop(0) if len(modes) > 1 else modes[0]

    def found(self, path: str | None, *, over: bool) -> list[dict[str, Any]]:
        return [
            row for row in self.rows if path in (None, row["path"]) and (row["is_over"] or not over)
        ]


# -- answering ------------------------------------------------------------------------------------


async def _answer(writer: Writer, status: int, headers: str, body: bytes) -> None:
    lines = [f"HTTP/1.1 {status} Its Own Words", f"Content-Length: {len(body)}"]
    lines += [line for line in headers.split("; ") if line]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
    await writer.drain()


async def _hangs(reader: Reader, writer: Writer) -> None:
    await reader.read()  # until the caller leaves


async def _resets(reader: Reader, writer: Writer) -> None:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _closes(reader: Reader, writer: Writer) -> None:
    pass


async def _drips(reader: Reader, writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    await _drip(reader, writer)


async def _drips_headers(reader: Reader, writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    await _drip(reader, writer)


async def _drip(reader: Reader, writer: Writer) -> None:
    while not reader.at_eof():
        writer.write(b"x")
        await writer.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await reader.read(1)


async def _endless(reader: Reader, writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"%x\r\n%s\r\n" % (len(CHUNK), CHUNK))
        await writer.drain()


async def _continues(reader: Reader, writer: Writer) -> None:
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()


async def _huge_headers(reader: Reader, writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(100_000):
        writer.write(b"X-%d: %s\r\n" % (number, b"y" * 100))
        await writer.drain()
    writer.write(b"\r\n")


async def _many_headers(reader: Reader, writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(16_000):
        writer.write(b"%x:\r\n" % number)
    writer.write(b"Content-Length: 0\r\n\r\n")
    await writer.drain()


async def _tiny_chunks(reader: Reader, writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1;a=b\r\nx\r\n" * 10_000)
        await writer.drain()


async def _compressed(reader: Reader, writer: Writer) -> None:
    body = gzip.compress(bytes(50_000_000), 1)
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    writer.write(body)
    await writer.drain()


async def _garbage(reader: Reader, writer: Writer) -> None:
    writer.write(b"\x00\xff\x16\x03SSH-2.0-not-http\r\n\r\n" * 10)
    await writer.drain()


async def _truncates(reader: Reader, writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.")
    await writer.drain()


async def _odd_body(reader: Reader, writer: Writer) -> None:
    await _answer(writer, 200, "", b"\x00\x1b[31mred\x07\tand\n\xff\xfe" + "ü".encode() * 600)


async def _sets_cookie(reader: Reader, writer: Writer) -> None:
    await _answer(writer, 200, "Set-Cookie: tracked=1; Path=/", b"ok")


MODES: Final[dict[str, Callable[[Reader, Writer], Awaitable[None]]]] = {
    "hangs": _hangs,
    "resets": _resets,
    "closes": _closes,
    "drips": _drips,
    "drips-headers": _drips_headers,
    "endless": _endless,
    "continues": _continues,
    "huge-headers": _huge_headers,
    "many-headers": _many_headers,
    "tiny-chunks": _tiny_chunks,
    "compressed": _compressed,
    "garbage": _garbage,
    "truncates": _truncates,
    "odd-body": _odd_body,
    "sets-cookie": _sets_cookie,
}


async def _follow(mode: str, reader: Reader, writer: Writer) -> None:
    if mode in MODES:
        await MODES[mode](reader, writer)
        return
    name, _, argument = mode.partition(" ")
    if name == "slow":
        await asyncio.sleep(float(argument))
        mode = "ok"
    found = _ANSWER.fullmatch("200" if mode == "ok" else mode)
    if found is None:
        await _answer(writer, 404, "", b"no such mode")
    else:
        await _answer(writer, int(found[1]), found[2] or "", b"ok" if mode == "ok" else b"{}")


# -- taking ---------------------------------------------------------------------------------------


async def _read_head(reader: Reader) -> tuple[str, str, list[tuple[str, str]]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    pairs = [line.partition(":") for line in lines]
    return method, path, [(name.lower(), value.strip()) for name, _, value in pairs]


async def _read_body(reader: Reader, headers: list[tuple[str, str]]) -> bytes:
    return await reader.readexactly(int(dict(headers).get("content-length", "0")))


def take(requests: Requests) -> Callable[[Reader, Writer], Awaitable[None]]:
    async def serve(reader: Reader, writer: Writer) -> None:
        requests.connections += 1
        row: dict[str, Any] = {}
        try:
            method, path, headers = await _read_head(reader)
            mode = requests.next_mode(path)
            # "unread": the sender is left sitting on a large body.
            body = b"" if mode == "unread" else await _read_body(reader, headers)
            row = await requests.note(
                path=path,
                method=method,
                headers=headers,
                body=body.decode("latin-1"),
                mode=mode,
                at=time.time(),
                is_over=False,
            )
            if mode == "unread":
                await asyncio.sleep(WAIT_SECONDS_MAX)
            else:
                await _follow(mode, reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            writer.close()
            if row:
                await requests.is_over(row)

    return serve


def control(requests: Requests, ports: dict[str, int]) -> Callable[[Reader, Writer], Any]:
    """`GET /requests?path=&count=&over=1`, `PUT /modes` (path to list), `GET /` (the ports).

    With a count the answer waits until there are so many, at most WAIT_SECONDS_MAX.
    """

    async def serve(reader: Reader, writer: Writer) -> None:
        method, given, headers = await _read_head(reader)
        body = await _read_body(reader, headers)
        at = urlsplit(given)
        query = {name: values[0] for name, values in parse_qs(at.query).items()}
        answer: Any = {"connections": requests.connections, **ports}
        if at.path == "/modes":
            requests.modes.update(json.loads(body))
        elif at.path == "/requests" and method == "DELETE":
            requests.rows.clear()
        elif at.path == "/requests":
            path, over = query.get("path"), "over" in query
            count = int(query.get("count", "0"))
            with suppress(TimeoutError):
                async with asyncio.timeout(WAIT_SECONDS_MAX), requests.changed:
                    await requests.changed.wait_for(
                        lambda: len(requests.found(path, over=over)) >= count
                    )
            answer = requests.found(path, over=over)
        await _answer(writer, 200, "Content-Type: application/json", json.dumps(answer).encode())
        writer.close()

    return serve


def _deaf_socket() -> socket.socket:
    """Nobody accepts: the system takes the connection, and nothing is ever read from it."""
    listener = socket.create_server((HOST, 0), backlog=64)
    return listener


def _full_socket() -> tuple[socket.socket, list[socket.socket]]:
    """The line of those to accept is full, so that a connection does not even come about."""
    listener = socket.create_server((HOST, 0), backlog=0)
    waiting = []
    for _ in range(8):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(listener.getsockname())
        waiting.append(one)
    return listener, waiting


async def main(certificate: str | None) -> None:
    requests = Requests()
    deaf = _deaf_socket()
    full, _waiting = _full_socket()
    ports = {"deaf_port": deaf.getsockname()[1], "full_port": full.getsockname()[1]}
    plain = await asyncio.start_server(take(requests), HOST, 0, limit=2**20)
    ports["port"] = plain.sockets[0].getsockname()[1]
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        tls = await asyncio.start_server(take(requests), HOST, 0, ssl=context)
        ports["tls_port"] = tls.sockets[0].getsockname()[1]
    steering = await asyncio.start_server(control(requests, ports), HOST, 0)
    ports["control_port"] = steering.sockets[0].getsockname()[1]
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    # Whoever started it closes this end; then it is over, also when they were killed.
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
