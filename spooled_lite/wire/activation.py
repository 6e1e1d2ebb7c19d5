"""Listening sockets that a service manager such as systemd has opened for this process.

It keeps them while the server is started again, so connections wait for the new process and none is
refused.
"""

import contextlib
import os
import socket
import stat
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Final

from spooled_lite.wire.listen import UNSENT_BYTES_MAX, authority

FIRST_DESCRIPTOR: Final = 3  # after standard input, output and error
DESCRIPTORS_MAX: Final = 64  # one for each address; more are a mistake
HTTP_NAME: Final = "http"
# A process that this one starts must not take the descriptors for its own.
VARIABLES: Final = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID")


class CannotUseSocket(Exception):
    """A descriptor that was handed over cannot be served. The message names it and says why."""


@contextmanager
def activated(
    environ: MutableMapping[str, str] = os.environ,
    *,
    first_descriptor: int = FIRST_DESCRIPTOR,
) -> Iterator[list[socket.socket]]:
    """The sockets to serve HTTP on; none when nobody has opened any for this process.

    Removes the variables from the environment. Sockets that are still open on the way out are
    closed here; the service manager keeps its own.

    Raises:
        CannotUseSocket: the variables are wrong, or a descriptor is no socket for HTTP.
    """
    given = {name: environ.pop(name, "") for name in VARIABLES}
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(_socket(descriptor, name))
            for descriptor, name in _descriptors(given, first_descriptor)
        ]


def addresses_of(sockets: Sequence[socket.socket]) -> list[str]:
    """Where they listen, such as `127.0.0.1:8080`."""
    return [authority(*each.getsockname()[:2]) for each in sockets]


def _descriptors(given: dict[str, str], first: int) -> list[tuple[int, str]]:
    """The descriptors with their names."""
    if given["LISTEN_PID"] != str(os.getpid()):  # meant for the process that started this one
        return []
    count_text, names_text = given["LISTEN_FDS"], given["LISTEN_FDNAMES"]
    if not count_text.isascii() or not count_text.isdigit():
        raise CannotUseSocket(f"LISTEN_FDS must be a whole number, not {count_text[:20]!a}")
    count = int(count_text[:9])
    if count > DESCRIPTORS_MAX:
        raise CannotUseSocket(f"LISTEN_FDS is {count}; at most {DESCRIPTORS_MAX} are served")
    names = names_text.split(":") if names_text else [HTTP_NAME] * count
    if len(names) != count:
        raise CannotUseSocket(f"LISTEN_FDNAMES has {len(names)} names for {count} descriptors")
    return list(zip(range(first, first + count), names, strict=True))


def _socket(descriptor: int, name: str) -> socket.socket:
    """The socket of a descriptor, ready for the event loop and closed in processes we start."""
    told = f"descriptor {descriptor} ({name[:60]!a})"
    if name != HTTP_NAME:
        raise CannotUseSocket(
            f"{told} cannot be served: the only sockets that are taken over are those named"
            f" {HTTP_NAME} (FileDescriptorName={HTTP_NAME}); the library for gRPC opens its own"
        )
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            raise CannotUseSocket(f"{told} is no socket")
        listener = socket.socket(fileno=descriptor)
    except OSError as error:
        raise CannotUseSocket(f"{told} cannot be used: {error.strerror}") from error
    try:
        if listener.family not in (socket.AF_INET, socket.AF_INET6):
            raise CannotUseSocket(f"{told} is no socket of TCP")
        if listener.type != socket.SOCK_STREAM:
            raise CannotUseSocket(f"{told} is no socket of TCP")
        if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise CannotUseSocket(
                f"{told} does not listen: it is a connection (Accept=no is meant)"
            )
        listener.set_inheritable(False)
        listener.setblocking(False)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # accepted connections inherit it
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES_MAX)
    except BaseException:
        listener.detach()  # it is not ours to close
        raise
    return listener
