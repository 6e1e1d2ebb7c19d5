"""Sockets of a service manager: taken over by name, refused by name, and kept from children."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.cli.cautions import cautions
from spooled_lite.config import Settings
from spooled_lite.wire.activation import (
    DESCRIPTORS_MAX,
    VARIABLES,
    CannotUseSocket,
    activated,
    addresses_of,
)


@pytest.fixture
def descriptor() -> Iterator[int]:
    """Of a socket that listens, as it is after an exec: open, and inherited by children."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        descriptor = os.dup(listener.fileno())
        os.set_inheritable(descriptor, True)
        opened = os.fstat(descriptor)
        yield descriptor
    with contextlib.suppress(OSError):  # the code under test may have closed it
        if os.path.samestat(os.fstat(descriptor), opened):
            os.close(descriptor)


def handed(count: str = "1", names: str | None = "http", pid: int | None = None) -> dict[str, str]:
    given = {"LISTEN_FDS": count, "LISTEN_PID": str(pid or os.getpid()), "HOME": "/"}
    return given if names is None else {**given, "LISTEN_FDNAMES": names}


@pytest.mark.parametrize("names", ["http", None])
def test_a_socket_is_taken_over_and_closed_in_children(descriptor: int, names: str | None) -> None:
    environ = handed(names=names)

    with activated(environ, first_descriptor=descriptor) as [listener]:
        host, port = listener.getsockname()
        assert addresses_of([listener]) == [f"{host}:{port}"]
        assert not listener.get_inheritable()
        assert not listener.getblocking()
        assert environ == {"HOME": "/"}
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_what_is_meant_for_another_process_is_left_alone(descriptor: int) -> None:
    environ = handed(pid=os.getpid() + 1)

    with activated(environ, first_descriptor=descriptor) as sockets:
        assert sockets == []
    assert environ == {"HOME": "/"}
    os.fstat(descriptor)


def test_without_a_service_manager_there_are_none() -> None:
    with activated({}) as sockets:
        assert sockets == []


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        (handed(count="one"), "LISTEN_FDS must be a whole number, not 'one'"),
        (handed(count="-1"), "LISTEN_FDS must be a whole number, not '-1'"),
        (handed(count="٣"), "LISTEN_FDS must be a whole number"),
        (handed(count="9" * 30), f"at most {DESCRIPTORS_MAX} are served"),
        (handed(names="http:http"), "LISTEN_FDNAMES has 2 names for 1 descriptors"),
        (handed(names="grpc"), r"'grpc'\) cannot be served.*FileDescriptorName=http"),
        (handed(names="spooled-lite.socket"), r"'spooled-lite.socket'\) cannot be served"),
    ],
)
def test_variables_that_are_wrong_are_refused_by_name(
    descriptor: int, environ: dict[str, str], words: str
) -> None:
    with (
        pytest.raises(CannotUseSocket, match=words),
        activated(environ, first_descriptor=descriptor),
    ):
        pass
    assert set(environ).isdisjoint(VARIABLES)
    os.fstat(descriptor)


def test_a_descriptor_that_is_not_open_is_named() -> None:
    with (
        pytest.raises(CannotUseSocket, match=r"descriptor 64000 \('http'\) cannot be used: Bad"),
        activated(handed(), first_descriptor=64_000),
    ):
        pass


def test_a_file_is_no_socket(tmp_path: Path) -> None:
    with (
        open(tmp_path / "file", "wb") as file,
        pytest.raises(
            CannotUseSocket, match=rf"descriptor {file.fileno()} \('http'\) is no socket"
        ),
        activated(handed(), first_descriptor=file.fileno()),
    ):
        pass


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        (socket.AF_INET, socket.SOCK_DGRAM),
        (socket.AF_UNIX, socket.SOCK_STREAM),
    ],
)
def test_other_kinds_of_sockets_are_refused(
    family: socket.AddressFamily, kind: socket.SocketKind
) -> None:
    with (
        socket.socket(family, kind) as other,
        pytest.raises(CannotUseSocket, match="is no socket of TCP"),
        activated(handed(), first_descriptor=other.fileno()),
    ):
        pass


def test_a_connection_is_refused_as_one() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as connection,
        pytest.raises(CannotUseSocket, match=r"is a connection \(Accept=no is meant\)"),
        activated(handed(), first_descriptor=connection.fileno()),
    ):
        pass


@pytest.mark.parametrize(("host", "is_told"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_warnings_are_of_the_sockets_and_not_of_the_settings(host: str, is_told: bool) -> None:
    other = "127.0.0.1" if is_told else "0.0.0.0"
    settings = Settings(
        database=":memory:",
        host=other,
        port=9,
        grpc_port="off",
        given={"host": "variable SPOOLED_HOST"},
    )
    with socket.create_server((host, 0)) as listener:
        told = cautions(settings, [listener])
        [address] = addresses_of([listener])

    assert told[0] == (
        f"variable SPOOLED_HOST: no effect on HTTP, which is served at {address}, as the service"
        " manager says"
    )
    assert [each.startswith(f"listening on {host} without TLS") for each in told[1:]] == (
        [True] if is_told else []
    )


@pytest.mark.parametrize(
    ("settings", "is_told"),
    [
        ({}, True),
        ({"grpc_tls_enabled": True}, False),
        ({"grpc_port": "off"}, False),
        ({"grpc_port": "off", "metrics_port": 9100}, True),
    ],
)
def test_what_the_server_opens_itself_is_warned_of_beside_a_socket(
    settings: dict[str, Any], is_told: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told = cautions(Settings(database=":memory:", host="0.0.0.0", **settings), [listener])

    assert [each.startswith("listening on 0.0.0.0 without TLS") for each in told] == (
        [True] if is_told else []
    )
