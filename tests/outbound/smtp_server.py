"""A mail server for tests: takes every message, and does what it is told to do wrong."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

CERTIFICATE: Final = Path(__file__).parent / "localhost.pem"


class MailServer:
    """`messages` are whole, as (recipient, text); `said` is every command."""

    def __init__(
        self, *, offers_tls: bool = False, is_silent: bool = False, refuses: bytes = b""
    ) -> None:
        self.messages: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.said: list[str] = []
        self.signed_in: list[str] = []
        self.port = 0
        self.came, self.left = asyncio.Event(), asyncio.Event()  # a client
        self._offers_tls = offers_tls
        self._is_silent = is_silent
        self._refuses = refuses

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came.set()
        try:
            if not self._is_silent:
                writer.write(b"220 localhost\r\n")
            await self._talk(reader, writer)
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self.left.set()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipient = ""
        while line := (await reader.readline()).decode():
            command = line.split()[0].upper()
            self.said.append(command)
            if self._is_silent:
                continue
            if self._refuses and command.encode() == self._refuses:
                writer.write(b"550 no\r\n")
            elif command == "EHLO":
                more = b"250-STARTTLS\r\n" if self._offers_tls else b""
                writer.write(b"250-localhost\r\n" + more + b"250 AUTH PLAIN\r\n")
            elif command == "STARTTLS":
                writer.write(b"220 go on\r\n")
                await writer.start_tls(server_context())
            elif command == "AUTH":
                self.signed_in.append(base64.b64decode(line.split()[2]).decode())
                writer.write(b"235 hello\r\n")
            elif command == "RCPT":
                recipient = line.partition("<")[2].partition(">")[0]
                writer.write(b"250 ok\r\n")
            elif command == "DATA":
                writer.write(b"354 go on\r\n")
                text = (await reader.readuntil(b"\r\n.\r\n")).decode()
                writer.write(b"250 taken\r\n")
                self.messages.put_nowait((recipient, text))
            elif command == "QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250 ok\r\n")
            await writer.drain()


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def trusting() -> ssl.SSLContext:
    """What a client has that knows the certificate of the test."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))


@asynccontextmanager
async def mail_server(
    *,
    has_tls: bool = False,
    offers_tls: bool = False,
    is_silent: bool = False,
    refuses: bytes = b"",
) -> AsyncIterator[MailServer]:
    it = MailServer(offers_tls=offers_tls, is_silent=is_silent, refuses=refuses)
    context = server_context() if has_tls else None
    listener = await asyncio.start_server(it.serve, "127.0.0.1", 0, ssl=context)
    it.port = listener.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        listener.close()
