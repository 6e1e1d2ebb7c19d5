"""A client that knows one thing well: whether an answer arrived whole."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Self

from msgspec import Struct

from tests.server_process import API_KEY

ANSWER_SECONDS_MAX = 20.0


class NoAnswer(Exception):
    """The connection broke before the answer was complete: nobody knows what was done."""


class Answer(Struct, frozen=True):
    status: int
    body: Any

    @property
    def is_refusal(self) -> bool:
        """The server said that nothing was done."""
        reason = (self.body.get("details") or {}).get("reason") if self.body else None
        return self.status >= 400 and reason != "storage_error" and self.status != 500


class Connection:
    """One connection to a server that may be killed at any byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, url: str) -> Self:
        """Raises NoAnswer when the server is gone."""
        host, _, port = url.removeprefix("http://").partition(":")
        try:
            return cls(*await asyncio.open_connection(host, int(port)))
        except OSError as error:
            raise NoAnswer from error

    async def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        """Raises NoAnswer."""
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} /api/v1{path} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {API_KEY}\r\n"
            f"Content-Length: {len(content)}\r\n{more}\r\n"
        )
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                self._writer.write(head.encode() + content)
                return await self._answer()
        except (OSError, asyncio.IncompleteReadError) as error:
            raise NoAnswer from error

    async def _answer(self) -> Answer:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head.split(" ", 2)[1])
        _, found, length = head.partition("content-length: ")
        content = await self._reader.readexactly(int(length.split("\r\n")[0]) if found else 0)
        return Answer(status, json.loads(content) if content else None)

    def close(self) -> None:
        self._writer.close()
