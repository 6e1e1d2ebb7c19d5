"""One request to one address, and its answer. Imported when first needed: httpx is large."""

import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final

import httpx
from msgspec import Struct

from spooled_lite.outbound.addresses import Address
from spooled_lite.outbound.targets import Target

ANSWER_BYTES_MAX: Final = 16 * 1024  # of its body

# What httpcore reports: a connection stands, without TLS as yet; with it, and the request follows.
_OPENED: Final = "connection.connect_tcp.complete"
_CONNECTED: Final = "http11.send_request_headers.started"


class Received(Struct, frozen=True):
    """`body` is as it came, cut to ANSWER_BYTES_MAX."""

    status_code: int
    headers: Mapping[str, str]  # by name in small letters
    body: bytes


class NotConnected(ConnectionError):
    """No connection, or not with whom it should be. Nothing was sent."""


async def exchange(
    target: Target,
    address: Address,
    body: bytes,
    headers: Mapping[str, str],
    *,
    context: ssl.SSLContext,
    connect_seconds: float,
    on_connected: Callable[[], None],
) -> Received:
    """Post to the target at this address, whatever its name may lead to by now.

    The connection is new and ends with the answer: one that is kept could be taken for another
    name at the same address. Only connecting has a limit here; the caller bounds the whole.

    Raises:
        NotConnected: another address may be tried.
        ConnectionError: the connection broke, or the answer is not HTTP.
    """
    opened: list[Any] = []

    async def watch(event: str, facts: Mapping[str, Any]) -> None:
        if event == _OPENED:
            opened.append(facts["return_value"])
        elif event == _CONNECTED:
            on_connected()

    # A transport follows no redirects, keeps no cookies and knows no proxy; a client would.
    async with httpx.AsyncHTTPTransport(
        verify=context,
        trust_env=False,
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=0),
    ) as transport:
        try:
            request = _request(target, address, body, headers)
            request.extensions = {
                "timeout": {"connect": connect_seconds, "read": None, "write": None, "pool": None},
                "trace": watch,
                # Asked for, and the certificate must be good for it, not for the address.
                "sni_hostname": target.host,
            }
            response = await transport.handle_async_request(request)
            async with aclosing(response):
                return Received(
                    status_code=response.status_code,
                    headers=dict(response.headers),
                    body=await _start_of(response),
                )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotConnected from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ConnectionError from error
        finally:
            # httpcore 1.0 leaves the connection open when it is cancelled while TLS begins.
            for stream in opened:
                await stream.aclose()


def _request(
    target: Target, address: Address, body: bytes, headers: Mapping[str, str]
) -> httpx.Request:
    host = f"[{address}]" if address.version == 6 else str(address)
    return httpx.Request(
        "POST",
        f"{target.scheme}://{host}:{target.port}{target.path}",
        headers={
            "Host": target.authority,
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Connection": "close",
            **headers,
        },
        content=body,
    )


async def _start_of(response: httpx.Response) -> bytes:
    collected = bytearray()
    chunks = response.aiter_raw()
    assert isinstance(chunks, AsyncGenerator), "one that can be left half way"
    async with aclosing(chunks):
        async for chunk in chunks:
            collected += chunk
            if len(collected) >= ANSWER_BYTES_MAX:
                break
    return bytes(collected[:ANSWER_BYTES_MAX])
