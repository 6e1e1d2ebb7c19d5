"""Which headers pass through a recorder, and which of them it keeps."""

from collections.abc import Iterable
from typing import Final

from starlette.types import Scope

from spooled_lite.wire.header import Header

# Of one connection, not of the message (RFC 9110, section 7.6.1). The length is counted anew, and
# answers are asked for as they are: an encoded one could not be read, nor masked.
OF_THE_CONNECTION: Final = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te",
        b"trailer", b"transfer-encoding", b"upgrade", b"proxy-connection",
    }
)  # fmt: skip
NOT_PASSED_ON: Final = OF_THE_CONNECTION | {
    b"host",
    b"content-length",
    b"accept-encoding",
    b"expect",
}
NOT_KEPT: Final = frozenset({"host", "content-length", "accept-encoding", "connection"})


def path_of(scope: Scope) -> str:
    """The path as it was sent, with its query. It has ASCII only: the server refuses others."""
    raw: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    return (raw + (b"?" + query if query else b"")).decode("ascii", "replace")


def passed_on(headers: Iterable[Header], without: frozenset[bytes]) -> list[Header]:
    return [(name, value) for name, value in headers if name.lower() not in without]


def kept(headers: Iterable[Header]) -> dict[str, str]:
    """Headers for the recording; those with one name stand in one, as RFC 9110 permits."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name not in NOT_KEPT:
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found
