"""`spooled-lite keys`: API keys of a server, or in a database file that no server is using."""

from typing import Any, Final

import click
import msgspec
from click.core import ParameterSource

from spooled_lite.cli.client import path_of
from spooled_lite.cli.connect import API_KEY_KIND, as_json_option, client_of, server_options
from spooled_lite.cli.escaped import message_of
from spooled_lite.cli.given import future
from spooled_lite.cli.suggesting import SuggestingGroup
from spooled_lite.cli.things import Column, Thing, print_answer, print_list, print_table, text
from spooled_lite.core.keys.words import EVERYTHING, word_problem

NAME: Final = "Key of the command line"
NO_KEYS: Final = "No keys."
KEYS_MAX: Final = 100  # that a server lists
_SERVER: Final = ("url", "credential", "credential_file")


def _state(thing: Thing) -> str:
    if not thing.value("is_active"):
        return "revoked"
    ends_at_ms = thing.ms("expires_at")
    return "expired" if ends_at_ms is not None and ends_at_ms <= thing.now_ms else "active"


def _queues(thing: Thing) -> str:
    return "all" if thing.value("queues") in ([], [EVERYTHING], None) else _list(thing, "queues")


def _permissions(thing: Thing) -> str:
    words = thing.value("permissions")
    has_all = not isinstance(words, list) or EVERYTHING in words
    return "all" if has_all else _list(thing, "permissions")


def _list(thing: Thing, name: str) -> str:
    return thing.text(name).replace(", ", ",")


def _expires(thing: Thing) -> str:
    return "never" if thing.value("expires_at") is None else thing.text("expires_at")


def _used(thing: Thing) -> str:
    return "never" if thing.value("last_used") is None else thing.ago("last_used")


COLUMNS: Final = (
    text("ID", whole=True),
    Column("BEGINS WITH", lambda thing: f"{thing.text('key_prefix')}…", whole=True),
    Column("STATE", _state, whole=True),
    Column("QUEUES", _queues),
    Column("PERMISSIONS", _permissions),
    Column("EXPIRES", _expires, whole=True),
    Column("LAST USED", _used, whole=True),
    text("NAME"),
)

database_option = click.option(
    "--database",
    envvar="SPOOLED_DATABASE",
    metavar="PATH",
    help="A database file instead of a server. No server may be using it.",
)
org_option = click.option(
    "--org",
    metavar="ID",
    help="With --database: the organization, by id or slug. Default: the oldest one.",
)


@click.group(cls=SuggestingGroup)
def keys() -> None:
    """Create, list and revoke API keys, of a server or in a database file."""


@keys.command()
@database_option
@org_option
@click.option("--name", default=NAME, show_default=True, help="Its name.")
@click.option(
    "--queue",
    "queues",
    multiple=True,
    help="A queue the key may use; repeatable. Default: all queues.",
)
@click.option(
    "--permission",
    "words",
    multiple=True,
    help="A permission of the key; repeatable. Default: all permissions.",
)
@click.option("--rate-limit", type=int, metavar="N", help="Requests per minute. Default: no limit.")
@click.option(
    "--expires-at",
    type=future,
    metavar="TIME",
    help="When the key expires: a time such as 2027-01-01T00:00:00Z, or in how long, such as 90d.",
)
@click.option(
    "--live/--test",
    default=False,
    help="With --database: begin the key with sk_live_ or sk_test_.",
)
@as_json_option
@server_options(API_KEY_KIND)
def create(
    database: str | None, org: str | None, name: str, queues: tuple[str, ...],
    words: tuple[str, ...], rate_limit: int | None, expires_at: str | None, live: bool,
    as_json: bool, **server: Any,
) -> None:  # fmt: skip
    """Create a key and print it. It cannot be shown again."""
    for word in words:
        if (wrong := word_problem(word)) is not None:
            raise click.BadParameter(wrong, param_hint="--permission")
    if (file := _file(database)) is not None:
        from spooled_lite.cli import keys_offline

        made = keys_offline.create(
            file, org, name=name, queues=queues, words=words, rate_limit=rate_limit,
            expires_at=expires_at, is_live=live,
        )  # fmt: skip
        _print_json(made) if as_json else click.echo(made["key"])
        return
    _only_offline(org=org, live=live)
    body = {"name": name, "queues": queues or None, "permissions": words or None,
            "rate_limit": rate_limit, "expires_at": expires_at}  # fmt: skip
    with client_of(API_KEY_KIND, **server) as client:
        said = {field: value for field, value in body.items() if value is not None}
        answer = client.post("/api-keys", said)
        if as_json:
            print_answer(answer)
        else:
            click.echo(Thing(answer.body, client.now_ms).text("key"))


@keys.command("list")
@database_option
@org_option
@as_json_option
@server_options(API_KEY_KIND)
def list_(database: str | None, org: str | None, as_json: bool, **server: Any) -> None:
    """List the newest 100 keys, including revoked ones, without their secrets."""
    if (file := _file(database)) is None:
        _only_offline(org=org)
        with client_of(API_KEY_KIND, **server) as client:
            path = "/api-keys"
            print_list(client, path, COLUMNS, limit=KEYS_MAX, as_json=as_json, none=NO_KEYS)
        return
    from spooled_lite.cli import keys_offline

    found, now_ms = keys_offline.listed(file, org)
    if as_json:
        _print_json(found)
    else:
        print_table([Thing(msgspec.json.encode(each), now_ms) for each in found], COLUMNS)


@keys.command()
@database_option
@org_option
@as_json_option
@server_options(API_KEY_KIND)
@click.argument("key_id", metavar="ID")
def revoke(
    database: str | None, org: str | None, as_json: bool, key_id: str, **server: Any
) -> None:
    """Revoke the key with this id. Revoking it again changes nothing."""
    if (file := _file(database)) is not None:
        from spooled_lite.cli import keys_offline

        keys_offline.revoke_key(file, org, key_id)
    else:
        _only_offline(org=org)
        with client_of(API_KEY_KIND, **server) as client:
            client.delete(path_of("api-keys", key_id))
    if as_json:
        _print_json({"id": key_id, "is_active": False})
    else:
        click.echo(f"{message_of(key_id)} is revoked")


def _file(database: str | None) -> str | None:
    """The database file that is meant; None when a server is.

    What the command line says counts before the environment, where both may be set.
    """
    source = click.get_current_context().get_parameter_source
    said = {each for each in ("database", *_SERVER) if source(each) is ParameterSource.COMMANDLINE}
    if "database" in said and len(said) > 1:
        raise click.UsageError("a key is in a --database or on a server, not both")
    if database and not said - {"database"}:
        return database
    if all(source(each) is ParameterSource.DEFAULT for each in _SERVER):
        raise click.UsageError(
            "say where: --database FILE, or a server with --url and --api-key-file"
        )
    return None


def _only_offline(*, org: str | None, live: bool = False) -> None:
    if org is not None:
        raise click.UsageError("--org needs --database: on a server, the key's own is meant")
    if live:
        raise click.UsageError("--live needs --database: a server decides itself")


def _print_json(value: Any) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))
