"""Listening sockets, the limit of open files, and the addresses at which clients reach us.

All addresses of a host are bound before the first connection is served.
"""

import asyncio
import errno
import ipaddress
import resource
import socket
from typing import Final

# The unsent bytes that the system buffers for a client that does not read. By default it buffers
# some megabytes, and copying them takes time from all other clients.
UNSENT_BYTES_MAX: Final = 128 * 1024
BACKLOG: Final = 2048  # connections not yet accepted; the system may have a lower bound
FREE_PORT_ATTEMPTS: Final = 10


_LOOPBACK_OF: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


class CannotListen(Exception):
    """The address cannot be listened on. The message names host, port and reason."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"Cannot listen on {host}, port {port}: {reason}")
        self.host = host
        self.port = port


class PortInUse(CannotListen):
    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port, "the port is in use")


def file_limit() -> int:
    """How many files the process may have open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def raise_file_limit() -> int:
    """Raise the limit of open files to its hard bound. Returns the limit that then applies."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        return soft  # some systems report a hard bound and do not grant it
    return hard


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach this host. False for names other than localhost."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def reached_at(host: str, port: int) -> str:
    """The `host:port` at which a client on this machine reaches a server that listens on `host`."""
    return authority(_LOOPBACK_OF.get(host, host), port)


def authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def listen(host: str, port: int) -> list[socket.socket]:
    """Listen on every address of the host. Port 0 finds one port that is free on all of them.

    Raises:
        PortInUse: another program listens there.
        CannotListen: the host is unknown, the address is not this machine's, or the port needs
            more rights.
    """
    attempts = 1 if port else FREE_PORT_ATTEMPTS
    for attempt in range(1, attempts + 1):
        try:
            return _bind_all(await _addresses(host, port), port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise CannotListen(host, port, error.strerror or str(error)) from error
            if attempt == attempts:
                raise PortInUse(host, port) from error
    raise AssertionError("the last attempt returns or raises")


async def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _bind_all(addresses: list[tuple[socket.AddressFamily, str]], port: int) -> list[socket.socket]:
    bound: list[socket.socket] = []
    try:
        for family, address in addresses:
            bound.append(_bind(family, address, port))
            port = bound[0].getsockname()[1]
    except OSError:
        for each in bound:
            each.close()
        raise
    return bound


def _bind(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    # Named TCP, because asyncio's own loop sets TCP_NODELAY only then. Without it an answer may
    # be delayed by 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # Lets a restart bind while old connections linger. Never SO_REUSEPORT: with it two
        # servers would share the port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # accepted connections inherit it
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES_MAX)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)  # only this finds a second server that has bound and listens
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
