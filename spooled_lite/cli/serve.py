"""`spooled-lite serve`: run the server until a signal stops it."""

import asyncio
import gc
import logging
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any, Final

import click
import msgspec
import uvloop

from spooled_lite.app import Running, running
from spooled_lite.config import NO_FILE, ConfigError, Settings, load, read_file
from spooled_lite.logs import set_up_logging
from spooled_lite.storage.file_guard import FileInUse
from spooled_lite.storage.migrate import NewerSchema
from spooled_lite.wire.http.listen import CannotListen
from spooled_lite.wire.http.middleware.security_headers import security_headers
from spooled_lite.wire.http.server import HttpServer
from spooled_lite.wire.http.signals import StopSignals, stop_on_signal

logger = logging.getLogger(__name__)

# What a request allocates is freed by reference counts. Looking for cycles every 700 objects, as is
# the default, costs a sixth of the time; what exists at the start is never looked at again.
GC_THRESHOLDS: Final = (20_000, 20, 20)


@click.command()
@click.option("--config", "config_file", type=click.Path(), help="A file like config.example.toml.")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", help="REST port; 0 picks a free one.  [default: 8080]")
@click.option("--grpc-port", help="gRPC port, `auto` or `off`.  [default: 50051]")
@click.option("--database", help="The file, or `:memory:`.  [default: spooled.db]")
@click.option("--ready-file", type=click.Path(), help="Written when connections are accepted.")
def serve(config_file: str | None, ready_file: str | None, **flags: str | None) -> None:
    """Start the server. Every setting also has a SPOOLED_ variable and a key in the file."""
    try:
        file = NO_FILE if config_file is None else read_file(config_file)
        settings, warnings = load(flags=flags, file=file)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    set_up_logging(settings)
    for warning in warnings:
        logger.warning("%s", warning)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, ready_file))
    except (CannotListen, FileInUse, NewerSchema) as error:
        raise click.ClickException(str(error)) from error
    except (sqlite3.Error, OSError) as error:
        raise click.ClickException(f"{settings.database}: {error}") from error


async def _serve(settings: Settings, ready_file: str | None) -> None:
    with StopSignals() as signals:
        async with running(settings) as app:
            server = HttpServer(
                app.application,
                host=settings.host,
                port=settings.port,
                grace_seconds=settings.shutdown_grace_seconds,
                on_stopping=app.begin_stop,
                always=security_headers(enable_hsts=settings.enable_hsts),
            )
            await server.start()
            app.services.db.lock.describe(url=server.url)
            if ready_file is not None:
                _write_ready_file(ready_file, settings, app, server.url)
            _greet(settings, app, server.url)
            gc.freeze()
            gc.set_threshold(*GC_THRESHOLDS)
            await stop_on_signal(server, signals)
            logger.info("stopping: writing what is in hand")
    logger.info("stopped; nothing acknowledged is lost")


def _greet(settings: Settings, app: Running, url: str) -> None:
    """What a person needs at the first start: the key is shown here once and stored nowhere."""
    lines = [f"Spooled Lite serves {url}  (database: {app.services.db.path})"]
    if settings.bootstrap_api_key is None and app.key is not None:
        lines.append(f"API key, shown this once: {app.key}")
    click.echo("\n".join(lines))
    sys.stdout.flush()
    if settings.environment == "production":
        logger.info("open: REST on %s, registration %s", url, settings.registration_mode)


def _write_ready_file(path: str, settings: Settings, app: Running, url: str) -> None:
    """Written whole or not at all, and readable by its owner only: it holds keys."""
    about: dict[str, Any] = {
        "url": url,
        "grpc_address": None,
        "organization_id": app.organization_id,
        "api_key": app.key,
        "admin_key": settings.admin_key,
        "pid": os.getpid(),
    }
    partial = Path(f"{path}.{os.getpid()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(about) + b"\n")
    partial.replace(path)
