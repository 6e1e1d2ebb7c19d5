"""`spooled-lite keys`: API keys in a database file."""

import json
from typing import Any, Final

import click

from spooled_lite.cli.offline import write_offline
from spooled_lite.cli.suggesting import SuggestingGroup
from spooled_lite.core.keys.columns import KeyRow
from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.records import IssuedKey, NewKey, Scope, queues_of, shown_permissions
from spooled_lite.core.keys.revoke import list_keys, revoke
from spooled_lite.core.keys.words import EVERYTHING, word_problem
from spooled_lite.core.orgs.create import find_by_name, find_first
from spooled_lite.errors import NotFound, WrongShape
from spooled_lite.storage.transaction import Tx
from spooled_lite.times import format_ms, format_optional_ms, parse_ms

ON_A_SERVER: Final = (
    "use the running server: /api/v1/api-keys with a key that may manage keys, or"
    " /api/v1/admin/organizations/{id}/api-keys with the admin key (docs/api.md)"
)

database_option = click.option(
    "--database",
    required=True,
    envvar="SPOOLED_DATABASE",
    metavar="PATH",
    help="The database file. No server may be using it.",
)
org_option = click.option(
    "--org", metavar="ID", help="The organization, by id or slug. Default: the oldest one."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
COLUMNS = ("ID", "BEGINS WITH", "STATE", "QUEUES", "PERMISSIONS", "EXPIRES", "LAST USED", "NAME")


@click.group(cls=SuggestingGroup)
def keys() -> None:
    """Create, list and revoke API keys in a database file."""


@keys.command()
@database_option
@org_option
@json_option
@click.option("--name", default="Key of the command line", show_default=True, help="Its name.")
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
    "--expires-at", metavar="TIME", help="When the key expires, such as 2027-01-01T00:00:00Z."
)
@click.option("--live/--test", default=False, help="Begin the key with sk_live_ or sk_test_.")
def create(
    database: str,
    org: str | None,
    as_json: bool,
    name: str,
    queues: tuple[str, ...],
    words: tuple[str, ...],
    rate_limit: int | None,
    expires_at: str | None,
    live: bool,
) -> None:
    """Create a key and print it. It cannot be shown again."""
    for word in words:
        if (wrong := word_problem(word)) is not None:
            raise click.BadParameter(wrong, param_hint="--permission")
    key = NewKey(
        name=name,
        queues=queues,
        permissions=words or None,
        rate_limit=rate_limit,
        expires_at_ms=None if expires_at is None else _time(expires_at),
    )

    def run(tx: Tx) -> tuple[IssuedKey, int]:
        return issue(tx, _org(tx, org), key, is_live=live), tx.now_ms

    issued, now_ms = write_offline(database, run, instead=ON_A_SERVER)
    if as_json:
        _print_json({"key": issued.secret, **_shown(issued.row, now_ms)})
    else:
        click.echo(issued.secret)


@keys.command("list")
@database_option
@org_option
@json_option
def list_(database: str, org: str | None, as_json: bool) -> None:
    """List the newest 100 keys, including revoked ones, without their secrets."""

    def run(tx: Tx) -> list[dict[str, Any]]:
        return [_shown(row, tx.now_ms) for row in list_keys(tx, _org(tx, org))]

    found = write_offline(database, run, instead=ON_A_SERVER)
    if as_json:
        _print_json(found)
        return
    for line in aligned([COLUMNS, *(_cells(key) for key in found)]):
        click.echo(line)


@keys.command("revoke")
@database_option
@org_option
@json_option
@click.argument("key_id")
def revoke_(database: str, org: str | None, as_json: bool, key_id: str) -> None:
    """Revoke the key with this id. Revoking it again changes nothing."""

    def run(tx: Tx) -> None:
        revoke(tx, _org(tx, org), key_id)

    write_offline(database, run, instead=ON_A_SERVER)
    if as_json:
        _print_json({"id": key_id, "is_active": False})
    else:
        click.echo(f"{key_id} is revoked")


def _org(tx: Tx, named: str | None) -> int:
    row = find_first(tx) if named is None else find_by_name(tx, named)
    if row is None:
        raise NotFound.thing("Organization")
    return row["seq"]


def aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows as lines, each column as wide as its widest cell."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _cells(key: dict[str, Any]) -> tuple[str, ...]:
    """A key as a row below COLUMNS."""
    return (
        key["id"],
        f"{key['key_prefix']}…",
        key["state"],
        "all" if Scope(key["queues"]).is_unrestricted else ",".join(key["queues"]),
        "all" if EVERYTHING in key["permissions"] else ",".join(key["permissions"]),
        key["expires_at"] or "never",
        key["last_used"] or "never",
        key["name"],
    )


def _state(row: KeyRow, now_ms: int) -> str:
    if not row["is_active"]:
        return "revoked"
    ends_at_ms = row["expires_at_ms"]
    return "expired" if ends_at_ms is not None and ends_at_ms <= now_ms else "active"


def _shown(row: KeyRow, now_ms: int) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "key_prefix": row["key_prefix"],
        "queues": queues_of(row["queues"]),
        "permissions": shown_permissions(row["permissions"]),
        "rate_limit": row["rate_limit"],
        "is_active": bool(row["is_active"]),
        "state": _state(row, now_ms),
        "created_at": format_ms(row["created_at_ms"]),
        "last_used": format_optional_ms(row["last_used_ms"]),
        "expires_at": format_optional_ms(row["expires_at_ms"]),
    }


def _time(text: str) -> int:
    try:
        return parse_ms(text, "--expires-at")
    except WrongShape as error:
        raise click.BadParameter(str(error), param_hint="--expires-at") from error


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))
