"""A whole server inside another program: no listener, and a key that only this process knows.

    async with in_process("app.db") as server:
        ...  # call `server.application`, with `server.key`

See docs/in-process.md. Contract: amendments, G16.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec import Struct

from spooled_lite.app import running
from spooled_lite.clock import Clock
from spooled_lite.config import load
from spooled_lite.storage.database import IN_MEMORY
from spooled_lite.wire.http.application import Application


class InProcess(Struct, frozen=True):
    """A server that runs on the event loop of its caller."""

    application: Application  # the API and the dashboard, to be called here or to be mounted
    key: str  # for calls of this process: all permissions, in memory only
    organization_id: str


@asynccontextmanager
async def in_process(
    database: str = IN_MEMORY, *, clock: Clock | None = None, **settings: object
) -> AsyncIterator[InProcess]:
    """Run a server until the block is left; then streams end and waiting calls are answered.

    `settings` are those of the configuration file, by name. The environment is not read.

    Raises:
        ConfigError: a setting is unknown or wrong.
        CannotUseFile: another process has the file open, or it is none of ours.
    """
    chosen, _ = load(flags={"database": database, **settings}, environ={})
    async with running(chosen, clock=clock) as it:
        try:
            yield InProcess(it.application, it.in_process_key, it.organization_id)
        finally:
            it.begin_stop()
