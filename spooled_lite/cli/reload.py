"""SIGHUP: reads the settings again, and applies the few that may change while the server runs.

All of it or nothing: half of what somebody has changed would be a state that nobody has set.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct

from spooled_lite.app import Running
from spooled_lite.config import TYPES, ConfigError, Settings
from spooled_lite.logs import change_logging
from spooled_lite.serving import Serving
from spooled_lite.wire.grpc.tls import CannotUseCertificate, key_and_certificate

logger = logging.getLogger(__name__)

RELOADABLE: Final = frozenset({"log_level", "json_logs", "metrics_token"})
CERTIFICATE: Final = "the certificate of gRPC"  # its content; another path needs a restart
_NOTHING: Final = "SIGHUP: nothing is applied: %s"

# The settings as they are now, and warnings about them.
ReadSettings = Callable[[], tuple[Settings, list[str]]]


class NeedsRestart(Exception):
    """Settings have changed that are only read at a start. The message names them."""


class Reloaded(Struct, frozen=True):
    """What is applied, all of it checked."""

    names: list[str]
    settings: Settings
    certificate: tuple[bytes, bytes] | None  # the key and the certificate; None: no TLS


def changes(old: Settings, new: Settings, certificate: tuple[bytes, bytes] | None) -> Reloaded:
    """Compare the settings, and the certificate in use with what its files hold now.

    Raises:
        NeedsRestart: more than RELOADABLE has changed.
        CannotUseCertificate: one of its files cannot be used.
    """
    names = [name for name in (*TYPES, "plan_values") if getattr(old, name) != getattr(new, name)]
    if fixed := [name for name in names if name not in RELOADABLE]:
        raise NeedsRestart(f"needs a restart: {', '.join(fixed)}")
    newer = None if certificate is None else key_and_certificate(new)
    if newer != certificate:
        names.append(CERTIFICATE)
    return Reloaded(names, new, newer)


@asynccontextmanager
async def reloading(
    asked: asyncio.Event, read: ReadSettings, server: Serving, log: logging.Handler
) -> AsyncIterator[None]:
    """Read the settings again whenever the event is set."""

    async def run() -> None:
        while True:
            await asked.wait()
            asked.clear()
            try:
                await reload(read, server, log)
            except Exception:
                logger.exception(_NOTHING, "reading the settings failed")

    task = asyncio.create_task(run(), name="reload")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def reload(read: ReadSettings, server: Serving, log: logging.Handler) -> None:
    """Read and apply; on any trouble the log says why, and everything stays as it was."""
    app, grpc = server.app, server.grpc
    if app.services.state.is_test:
        logger.warning(_NOTHING, "in test mode settings are read at the start only")
        return
    certificate = None if grpc is None else grpc.certificate
    try:
        # Beside the loop: the files may be on a disk that does not answer.
        new, warnings = await asyncio.to_thread(read)
        old = app.services.settings
        found = await asyncio.to_thread(changes, old, new, certificate)
    except (ConfigError, NeedsRestart, CannotUseCertificate) as error:
        logger.error(_NOTHING, error)
        return
    for warning in warnings:
        logger.warning("%s", warning)
    if grpc is not None and found.certificate is not None:
        grpc.use_certificate(found.certificate)
    _apply(app, found, log)


def _apply(app: Running, found: Reloaded, log: logging.Handler) -> None:
    told = ", ".join(found.names) or "nothing"
    app.services.state.settings = found.settings
    # Said at the more talkative of both levels, and in the new form.
    before = logging.getLogger().level
    change_logging(log, found.settings)
    after = logging.getLogger().level
    logging.getLogger().setLevel(min(before, after))
    logger.info("SIGHUP: the settings were read again; changed: %s", told)
    logging.getLogger().setLevel(after)
