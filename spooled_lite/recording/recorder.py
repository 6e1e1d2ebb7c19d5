"""A recorder that listens: its file, its proxy and the server in front of it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from spooled_lite.recording.masking import Masking, MaskRules
from spooled_lite.recording.proxy import Proxy
from spooled_lite.recording.server_address import ServerAddress
from spooled_lite.recording.tape import Tape
from spooled_lite.wire.http.server.limits import HttpLimits
from spooled_lite.wire.http.server.server import HttpServer
from spooled_lite.wire.listen import CannotListen

GRACE_SECONDS: Final = 2.0  # for answers under way at the end; a waiting claim is cut off
# Of the recorder's clients: the server behind it has its own, which are the smaller ones.
LIMITS: Final = HttpLimits(
    websocket_message_bytes_max=4 * 1024 * 1024,
    header_block_bytes_max=128 * 1024,
)


@asynccontextmanager
async def recorder(
    target: ServerAddress,
    path: str,
    *,
    host: str,
    port: int,
    rules: MaskRules,
    on_failure: Callable[[OSError], None],
) -> AsyncIterator[tuple[HttpServer, Tape]]:
    """Record what passes until `stop` of the server. `on_failure` hears that the disk is full.

    Raises:
        CannotRecord: the file exists, or cannot be written.
        CannotListen: the port is in use, for example. No file is left then.
    """
    tape = Tape(path, Masking(rules), on_failure=on_failure)
    proxy = Proxy(target, tape)
    server = HttpServer(
        proxy,
        host=host,
        port=port,
        limits=LIMITS,
        grace_seconds=GRACE_SECONDS,
        on_stopping=proxy.stop,
    )
    try:
        tape.begin(target.url)
        try:
            await server.start()
        except CannotListen:
            tape.discard()
            raise
        try:
            yield server, tape
        finally:
            await server.stop(at_once=True)
    finally:
        await proxy.close()
        tape.end()
