"""Which server a command asks, and with which key: the options that all of them share."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, Final

import click
from click.core import ParameterSource
from msgspec import Struct

from spooled_lite.cli.client import Client
from spooled_lite.config_secrets import BadSecretFile, read_secret

URL: Final = "http://127.0.0.1:8080"

Asks = Callable[Concatenate[Client, ...], None]


class KeyKind(Struct, frozen=True):
    """A kind of key: what it is called, its option, and how a request carries it."""

    name: str
    option: str
    header: str
    prefix: str = ""
    parameter: str = "credential"  # of the command; that of its file is `{parameter}_file`
    may_have_blanks: bool = False  # within; servers take such a one
    environ: str | None = None  # the variable, where it is not named as the option

    @property
    def variable(self) -> str:
        named = "SPOOLED_" + self.option.removeprefix("--").replace("-", "_").upper()
        return self.environ or named


API_KEY_KIND: Final = KeyKind("API key", "--api-key", "Authorization", "Bearer ")
ADMIN_KEY_KIND: Final = KeyKind("admin key", "--admin-key", "X-Admin-Key", may_have_blanks=True)

as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the answer as it is; of a list, a thing a line."
)

limit_option = click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="At most this many. Without it: the first 50 in a table, all with --json.",
)


url_option = click.option(
    "--url",
    envvar="SPOOLED_URL",
    default=URL,
    metavar="URL",
    help=f"Address of the server.  [variable: SPOOLED_URL; default: {URL}]",
)


def asks_server(function: Asks) -> Callable[..., None]:
    """Give a command a client, and the options `--url`, `--api-key` and `--api-key-file`."""
    return _asks(API_KEY_KIND, function)


def asks_as_admin(function: Asks) -> Callable[..., None]:
    """The same with the server's admin key."""
    return _asks(ADMIN_KEY_KIND, function)


def server_options(kind: KeyKind) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command what `client_of` takes: `url`, `credential` and `credential_file`."""
    return lambda function: url_option(key_options(kind)(function))


def key_options(kind: KeyKind) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the key alone: what `client_of` takes beside the address."""
    options = (
        click.option(
            kind.option,
            kind.parameter,
            envvar=kind.variable,
            metavar="KEY",
            help=f"The {kind.name}; others may see it among the processes.  [variable:"
            f" {kind.variable}]",
        ),
        click.option(
            f"{kind.option}-file",
            f"{kind.parameter}_file",
            envvar=f"{kind.variable}_FILE",
            metavar="PATH",
            help=f"A file with the {kind.name}.  [variable: {kind.variable}_FILE]",
        ),
    )

    def give(function: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            function = option(function)
        return function

    return give


def client_of(
    kind: KeyKind, url: str, credential: str | None, credential_file: str | None
) -> Client:
    """Raises click.UsageError: there is no key, or no good address."""
    return Client(url, {kind.header: kind.prefix + _chosen(kind, credential, credential_file)})


def _asks(kind: KeyKind, function: Asks) -> Callable[..., None]:
    @functools.wraps(function)
    def run(url: str, credential: str | None, credential_file: str | None, **named: Any) -> None:
        with client_of(kind, url, credential, credential_file) as client:
            function(client, **named)

    return server_options(kind)(run)


def _chosen(kind: KeyKind, credential: str | None, credential_file: str | None) -> str:
    """The key itself. What the command line says counts before the environment."""
    said = click.get_current_context().get_parameter_source
    if credential and (
        said(kind.parameter) is ParameterSource.COMMANDLINE
        or said(f"{kind.parameter}_file") is not ParameterSource.COMMANDLINE
    ):
        return checked_key(kind, credential, kind.option)
    option = f"{kind.option}-file"
    if credential_file:
        try:
            return checked_key(kind, read_secret(credential_file), option)
        except BadSecretFile as error:
            raise click.BadParameter(f"{credential_file} {error}", param_hint=option) from None
    raise click.UsageError(
        f"there is no {kind.name}: set {kind.variable} or {kind.variable}_FILE, or give"
        f" {kind.option} or {option}"
    )


def checked_key(kind: KeyKind, key: str, hint: str) -> str:
    """A key that can stand in a header. What is refused is not shown: it may be nearly right.

    Raises click.BadParameter: it cannot.
    """
    key = key.strip()
    has_blanks = " " in key and not kind.may_have_blanks
    if not key or not key.isascii() or not key.isprintable() or has_blanks:
        raise click.BadParameter(
            f"it holds no {kind.name}, but blanks or other characters that no key has",
            param_hint=hint,
        )
    return key
