"""`spooled-lite serve`: runs the server until a signal stops it."""

import asyncio
import gc
import logging
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import click
import uvloop
from msgspec import Struct

from spooled_lite.app import Running, running
from spooled_lite.cli import first_key
from spooled_lite.cli.cautions import cautions
from spooled_lite.cli.greeting import Started, greet, may_show_key
from spooled_lite.cli.logged_command import LoggedCommand, log_from_the_first_line
from spooled_lite.cli.notify import service_manager
from spooled_lite.cli.parent import when_input_ends
from spooled_lite.cli.reload import ReadSettings, reloading
from spooled_lite.cli.traces import tracing
from spooled_lite.config import NO_FILE, ConfigError, ConfigFile, Settings, load, read_file
from spooled_lite.errors import Unavailable, WrongShape
from spooled_lite.logs import dropped_lines, set_up_logging
from spooled_lite.memory import Memory, map_large_buffers
from spooled_lite.ready_file import (
    CannotUseReadyFile,
    CannotWriteReadyFile,
    ReadyFile,
    ready_file_at,
)
from spooled_lite.serving import serving
from spooled_lite.spans import Tracer
from spooled_lite.storage.file_guard import CannotUseFile
from spooled_lite.times import parse_ms
from spooled_lite.wire.activation import CannotUseSocket, activated
from spooled_lite.wire.grpc.start import NotInstalled
from spooled_lite.wire.grpc.tls import CannotUseCertificate
from spooled_lite.wire.listen import CannotListen
from spooled_lite.wire.sign_in_link import CODE_BYTES
from spooled_lite.wire.signals import StopSignals, stop_on_signal

if TYPE_CHECKING:
    from spooled_lite.testing.worlds import Worlds

logger = logging.getLogger(__name__)

# Objects of a request are freed by reference counts. The default, a search for cycles every 700
# objects, costs a sixth of the time. Objects that exist at the start are frozen, never searched.
GC_THRESHOLDS: Final = (20_000, 20, 20)
# How long a computing thread keeps the interpreter when another thread wants it. The writing
# thread wants it after every call of SQLite: with the default of 5 ms a busy event loop makes a
# single enqueue wait for a second. Shorter turns cost a few percent when all threads are busy.
SWITCH_SECONDS: Final = 0.000_5


@click.command(cls=LoggedCommand)
@click.option(
    "--config", "config_file", type=click.Path(), help="A TOML file like config.example.toml."
)
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", help="HTTP port; 0 picks a free one.  [default: 8080]")
@click.option("--grpc-port", help="gRPC port, `auto` or `off`.  [default: 50051]")
@click.option("--database", help="Database file, or `:memory:`.  [default: spooled.db]")
@click.option(
    "--ready-file",
    type=click.Path(),
    help="JSON file to write once the server accepts connections.",
)
@click.option("--exit-with-parent", is_flag=True, help="Stop when the standard input closes.")
@click.option(
    "--test",
    "is_test",
    is_flag=True,
    help="Test mode: the clock stands until a test moves it. For development only.",
)
@click.option("--seed", type=int, help="Test mode: the same ids and secrets in every run.")
@click.option("--at", help="Test mode: where the clock stands first.  [default: now]")
@click.option(
    "--seed-file",
    type=click.Path(),
    help="Test mode: a JSON, TOML or YAML file with what the server begins with.",
)
def serve(
    config_file: str | None,
    ready_file: str | None,
    exit_with_parent: bool,
    is_test: bool,
    seed: int | None,
    at: str | None,
    seed_file: str | None,
    **flags: str | None,
) -> None:
    """Start the server. Every setting also has a SPOOLED_ variable and a key in the config file."""
    test = _test_mode(is_test, seed, at, seed_file)
    read = partial(_read, config_file, flags)
    try:
        settings, warnings = read(log_from_the_first_line)
    except ConfigError as error:
        raise WrongSetting(str(error)) from error
    if test is not None and settings.environment != "development":
        raise WrongSetting(
            "--test moves the clock, so it is for development; the environment is"
            f" {settings.environment}"
        )
    _start(settings, warnings, read, ready_file, test, exit_with_parent=exit_with_parent)


def _read(
    config_file: str | None,
    flags: dict[str, str | None],
    on_file: Callable[[ConfigFile], None] = lambda file: None,
) -> tuple[Settings, list[str]]:
    """Raises ConfigError."""
    file = NO_FILE if config_file is None else read_file(config_file)
    on_file(file)
    return load(flags=flags, file=file)


def _start(
    settings: Settings,
    warnings: list[str],
    read: ReadSettings,
    ready_file: str | None,
    test: "TestMode | None",
    *,
    exit_with_parent: bool,
) -> None:
    log = set_up_logging(settings)
    map_large_buffers()
    for warning in warnings:
        logger.warning("%s", warning)
    try:
        with (
            activated() as sockets,
            ready_file_at(ready_file) as ready,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            for caution in cautions(settings, sockets):
                logger.warning("%s", caution)
            runner.run(
                _serve(settings, read, ready, log, test, sockets, exit_with_parent=exit_with_parent)
            )
    except ConfigError as error:
        raise WrongSetting(str(error)) from error
    except CannotUseReadyFile as error:
        raise click.BadParameter(str(error), param_hint="--ready-file") from error
    except (
        CannotListen,
        CannotUseCertificate,
        CannotUseFile,
        CannotUseSocket,
        CannotWriteReadyFile,
        NotInstalled,
    ) as error:
        raise click.ClickException(str(error)) from error
    except (sqlite3.Error, OSError, Unavailable) as error:
        raise click.ClickException(f"{settings.database}: {error}") from error


class WrongSetting(click.ClickException):
    """A flag, a variable or the config file is wrong. The server has not started anything."""

    exit_code = 2


class TestMode(Struct, frozen=True):
    """What was asked for with --test."""

    seed: int | None
    at_ms: int | None
    seed_file: str | None


def _test_mode(
    is_test: bool, seed: int | None, at: str | None, seed_file: str | None
) -> TestMode | None:
    if not is_test:
        for name, value in (("--seed", seed), ("--at", at), ("--seed-file", seed_file)):
            if value is not None:
                raise click.BadParameter("only with --test", param_hint=name)
        return None
    try:
        return TestMode(seed, None if at is None else parse_ms(at, "--at"), seed_file)
    except WrongShape as error:
        raise click.BadParameter(error.message, param_hint="--at") from error


@asynccontextmanager
async def _application(
    settings: Settings, test: TestMode | None, at_once: asyncio.Event, tracer: Tracer | None
) -> AsyncIterator[tuple[Running, "Worlds | None"]]:
    """The application, and in test mode what stands before it."""
    if test is None:
        async with running(settings, at_once=at_once, tracer=tracer) as app:
            yield app, None
        return
    # Here: a server for people imports nothing of what moves a clock.
    from spooled_lite.cli.test_mode import started_for_tests

    async with started_for_tests(
        settings, seed=test.seed, at_ms=test.at_ms, seed_file=test.seed_file, at_once=at_once
    ) as worlds:
        yield worlds.front, worlds


def _sign_in_code(app: Running) -> str | None:
    """The code of the sign-in link in the greeting; it is never written to a log."""
    services = app.services
    if services.settings.json_logs or not services.sign_in_link.is_offered:
        return None
    secret = services.ids.secret(CODE_BYTES)
    return services.sign_in_link.make(app.organization_id, secret, services.clock.now_ms())


def _key_to_show(app: Running, *, is_test: bool) -> str | None:
    """The API key for the greeting. One that this start made and may not show goes into a file."""
    settings = app.services.settings
    is_first = app.key is not None and settings.bootstrap_api_key is None
    if not is_first or may_show_key(settings, is_test=is_test):
        return app.key
    assert app.key is not None, "it is the first"
    first_key.keep(app.key, app.services.db.path)
    return None


async def _serve(
    settings: Settings,
    read: ReadSettings,
    ready_file: ReadyFile | None,
    log: logging.Handler,
    test: TestMode | None,
    sockets: list[socket.socket],
    *,
    exit_with_parent: bool,
) -> None:
    with StopSignals() as signals:
        if exit_with_parent:
            when_input_ends(signals.stopping.set)
        async with (
            service_manager(signals.stopping) as manager,
            # Left last: the end of everything else is told as well.
            tracing(settings.shutdown_grace_seconds, is_test=test is not None) as tracer,
            _application(settings, test, signals.at_once, tracer) as (app, worlds),
        ):
            app.services.metrics.watch(
                "spooled_log_lines_dropped_total", lambda: dropped_lines(log)
            )
            key = _key_to_show(app, is_test=test is not None)
            async with serving(
                app,
                asgi=None if worlds is None else worlds.router,
                find=None if worlds is None else worlds.router.find,
                current=None if worlds is None else worlds.current,
                ready_file=ready_file,
                sockets=sockets,
                on_sweep=Memory().tick,
                tracer=tracer,
            ) as server:
                greet(
                    Started(
                        settings=app.services.settings,
                        hosts=server.http.hosts,
                        url=server.url,
                        grpc_address=server.grpc_address,
                        metrics_url=server.metrics_url,
                        database=app.services.db.path,
                        key=key,
                        key_file=first_key.found(app.services.db.path),
                        sign_in_code=_sign_in_code(app),
                    )
                )
                gc.freeze()
                gc.set_threshold(*GC_THRESHOLDS)
                sys.setswitchinterval(SWITCH_SECONDS)
                manager.ready((lambda: app) if worlds is None else worlds.current, server.url)
                async with reloading(signals.reload, read, server, log):
                    await stop_on_signal(server, signals)
            logger.info("stopping: finishing the work in progress")
    logger.info("stopped; everything acknowledged is stored")
