"""One request to one address, and its answer."""

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

from spooled_lite.outbound.addresses import Address
from spooled_lite.outbound.response import BadResponse, RawAnswer, ResponseReader
from spooled_lite.outbound.targets import Target

# Not encoded in a path or a query: everything printable but quotes, braces and `<>`.
_AS_IT_IS: Final = "/?:@!$&'()*+,;=%[]|^\\"
_LONE_PERCENT: Final = re.compile("%(?![0-9A-Fa-f]{2})")


class NotConnected(ConnectionError):
    """There is no connection, or its certificate is not good. Nothing was sent."""


async def exchange(
    target: Target,
    address: Address,
    body: bytes,
    headers: Mapping[str, str],
    *,
    context: ssl.SSLContext,
    connect_seconds: float,
    on_connected: Callable[[], None],
) -> RawAnswer:
    """Post to the target at this address, whatever address its name has by now.

    The connection is new and ends with the answer, because one that is kept could be used for
    another name at the same address. No redirect is followed, no cookie is kept, no proxy is used.
    Only connecting has a time limit here; the caller limits the whole.

    Raises:
        NotConnected: another address may be tried.
        ConnectionError: the connection broke, or the answer is not HTTP.
    """
    is_secret = target.scheme == "https"
    try:
        async with asyncio.timeout(connect_seconds):
            transport, answer = await asyncio.get_running_loop().create_connection(
                _Answer,
                str(address),
                target.port,
                ssl=context if is_secret else None,
                # The certificate must be good for the name, not for the address.
                server_hostname=target.host if is_secret else None,
            )
    except OSError as error:  # a time-out and a bad certificate are OSErrors as well
        raise NotConnected from error
    try:
        on_connected()
        transport.write(_head(target, len(body), headers))
        transport.write(body)
        return await answer.received
    finally:
        transport.abort()


class _Answer(asyncio.Protocol):
    """What comes back on a connection."""

    def __init__(self) -> None:
        self.received: asyncio.Future[RawAnswer] = asyncio.get_running_loop().create_future()
        self._reader = ResponseReader()

    def data_received(self, data: bytes) -> None:
        if self.received.done():
            return
        try:
            if self._reader.feed(data):
                self.received.set_result(self._reader.received())
        except BadResponse as error:
            self.received.set_exception(error)

    def connection_lost(self, error: Exception | None) -> None:
        if self.received.done():
            return
        if error is not None:
            self.received.set_exception(ConnectionResetError("the connection broke"))
            return
        try:
            self._reader.end()
            self.received.set_result(self._reader.received())
        except BadResponse as bad:
            self.received.set_exception(bad)


def _head(target: Target, body_bytes: int, headers: Mapping[str, str]) -> bytes:
    lines = {
        "Host": target.authority,
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
        **headers,
        "Content-Length": str(body_bytes),
    }
    assert all(each.isascii() and each.isprintable() for each in lines.values())
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {_spelled(target.path)} HTTP/1.1\r\n{text}\r\n".encode("ascii")


def _spelled(path: str) -> str:
    """The path and query in ASCII. What is percent-encoded already stays as it is."""
    if not path.startswith("/"):
        path = f"/{path}"
    return quote(_LONE_PERCENT.sub("%25", path), safe=_AS_IT_IS)
