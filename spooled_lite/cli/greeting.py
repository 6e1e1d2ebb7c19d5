"""The greeting of `serve` once it accepts connections: addresses, the API key, what is open."""

import logging
import os
import sys
from typing import Any, Final

import click
from msgspec import Struct

import spooled_lite
from spooled_lite.config import Settings
from spooled_lite.output import output_of
from spooled_lite.wire.listen import is_loopback
from spooled_lite.wire.sign_in_link import LINK_MS, SIGN_IN

logger = logging.getLogger(__name__)

STDOUT: Final = 1
_MAY_REGISTER: Final = {
    "open": "anyone",
    "closed": "the admin key",
    "invite": "no one",
}


class Started(Struct, frozen=True, kw_only=True):
    """A server that accepts connections."""

    settings: Settings
    hosts: list[str]  # that it listens on
    url: str
    grpc_address: str | None
    metrics_url: str | None
    database: str
    key: str | None  # the API key, when it may be shown or the settings give it
    key_file: str | None = None  # that has the first key
    sign_in_code: str | None = None  # for the sign-in link, where one is offered

    @property
    def is_first(self) -> bool:
        """Whether this start created the key, and shows it once."""
        return self.key is not None and self.settings.bootstrap_api_key is None

    @property
    def is_open_to_others(self) -> bool:
        return not all(map(is_loopback, self.hosts))


def may_show_key(settings: Settings, *, is_test: bool) -> bool:
    """Whether the first key is shown: to a terminal, and in test mode, where it opens nothing.

    The JSON log never has it.
    """
    # `sys.stdout` is None when it was closed before the start.
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return not settings.json_logs and (is_terminal or is_test)


def greet(started: Started) -> None:
    """Print the greeting on the standard output, or log it as one line of the JSON log."""
    if started.settings.json_logs:
        _log_start(started)
    else:
        _print("\n".join(greeting(started)))


def greeting(started: Started) -> list[str]:
    """The lines of the printed greeting."""
    about = {
        "Dashboard": _about_dashboard(started),
        "API": f"{started.url}/api/v1",
        "Docs": f"{started.url}/docs",
        "gRPC": started.grpc_address,
        "Metrics": None if started.metrics_url is None else f"{started.metrics_url}/metrics",
        "Database": started.database,
        "API key": _about_key(started),
    }
    lines = [f"Spooled Lite {spooled_lite.__version__}"]
    lines += [f"  {name:<9} {value}" for name, value in about.items() if value is not None]
    doors = [f"  {door}: {taker}" for door, taker in what_is_open(started).items()]
    hosts = ", ".join(started.hosts)
    if started.is_open_to_others:
        lines += [f"Listens on {hosts}, so other machines can reach it. Open, and to whom:", *doors]
    elif started.settings.environment == "production":
        lines += ["Open in production, and to whom:", *doors]
    return lines


def what_is_open(started: Started) -> dict[str, str]:
    """Every way into the server, with the credential that it takes."""
    settings, url = started.settings, started.url
    token = "anyone" if settings.metrics_token is None else "a token"
    doors = {
        f"API at {url}": "a key",
        "registration": _MAY_REGISTER[settings.registration_mode],
        "admin calls": "closed" if settings.admin_key is None else "the admin key",
        f"metrics at {url}/metrics": token,
    }
    if started.grpc_address is not None:
        doors[f"gRPC on {started.grpc_address}"] = "a key"
    if started.metrics_url is not None:
        doors[f"metrics at {started.metrics_url}/metrics"] = token
    return doors


def _about_dashboard(started: Started) -> str:
    if started.sign_in_code is None:
        return f"{started.url}/"
    minutes = LINK_MS // 60_000
    link = f"{started.url}/{SIGN_IN}{started.sign_in_code}"
    return f"{link}\n{'':12}(signs you in, once, within {minutes} minutes)"


def _about_key(started: Started) -> str:
    if started.is_first:
        return f"{started.key}  (shown only this once; the file keeps only a hash)"
    if started.key_file is not None:
        return f"in {started.key_file}"
    if started.key is not None:
        place = started.settings.given.get("bootstrap_api_key", "SPOOLED_BOOTSTRAP_API_KEY")
        return f"the one in {place.removeprefix('variable ')}"
    return (
        "created at an earlier start and never shown again. For another one:\n"
        f"{'':12}POST /api/v1/api-keys with a key you have or, while no server is running,\n"
        f"{'':12}spooled-lite keys create --database {started.database}"
    )


def _log_start(started: Started) -> None:
    about: dict[str, Any] = {
        "version": spooled_lite.__version__,
        "pid": os.getpid(),
        "url": started.url,
        "grpc_address": started.grpc_address,
        "metrics_url": started.metrics_url,
        "database": started.database,
        "open": what_is_open(started),
    }
    if started.key_file is not None:
        about["api_key_file"] = started.key_file
    logger.info("started", extra={"fields": about})


def _print(text: str) -> None:
    # When standard output is closed, the server runs all the same.
    output = output_of(sys.stdout, STDOUT)
    if output is None:
        click.echo(text)
    else:
        output.write(f"{text}\n")
