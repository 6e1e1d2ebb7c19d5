"""Writes the access log of the gRPC server. Calls of unknown methods never reach it: the library
answers them."""

from collections.abc import Callable

from spooled_lite.call_notes import NOTES
from spooled_lite.config import Settings
from spooled_lite.wire.access_log import AccessLine, AccessLog
from spooled_lite.wire.grpc.call import headers_of, peer_of
from spooled_lite.wire.grpc.errors import Context
from spooled_lite.wire.grpc.watched import CallEnd, Watch
from spooled_lite.wire.rates.rate_limit import client_address


def logging_watch(log: AccessLog, settings: Settings) -> Watch:
    def begin(method: str, context: Context) -> Callable[[CallEnd], None]:
        def end(call: CallEnd) -> None:
            log.write(
                AccessLine(
                    protocol="grpc",
                    method="POST",
                    path=f"/{method}",
                    status=call.status,
                    seconds=call.seconds,
                    bytes_in=call.bytes_in,
                    bytes_out=call.bytes_out,
                    peer=_peer(context, settings),
                ),
                NOTES.get(),
            )

        return end

    return begin


class _Asked:
    """What `client_address` looks at."""

    def __init__(self, context: Context, settings: Settings) -> None:
        self.settings = settings
        self.peer = peer_of(context)
        self.headers = headers_of(context) if settings.trust_proxy else {}


def _peer(context: Context, settings: Settings) -> str:
    return client_address(_Asked(context, settings))
