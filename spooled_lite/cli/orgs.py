"""`spooled-lite orgs`: the organizations of a server, with its admin key."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final

import click
import msgspec
from msgspec import Raw, Struct

from spooled_lite.cli.answer import ServerRefused
from spooled_lite.cli.client import THINGS_AT_ONCE, Client, path_of
from spooled_lite.cli.connect import as_json_option, asks_as_admin, limit_option
from spooled_lite.cli.consent import get_consent, yes_option
from spooled_lite.cli.escaped import message_of
from spooled_lite.cli.suggesting import SuggestingGroup
from spooled_lite.cli.things import (
    Column,
    Thing,
    ago,
    number,
    print_answer,
    print_details,
    print_things,
    text,
)
from spooled_lite.config_names import PLAN_FIELDS

PATH: Final = "/admin/organizations"
LIMITS: Final = tuple(PLAN_FIELDS.values())


def _state(thing: Thing) -> str:
    return "active" if thing.value("is_active") else "suspended"


COLUMNS: Final = (
    text("ID", whole=True),
    text("SLUG"),
    text("NAME"),
    text("PLAN", "plan_tier"),
    Column("STATE", _state, whole=True),
    number("JOBS TODAY", "jobs_today"),
    number("ACTIVE JOBS", "active_jobs"),
    ago("CREATED", "created_at"),
)


class _Page(Struct):
    organizations: list[Raw]


class _Slug(Struct):
    id: str
    slug: str = ""


@click.group(cls=SuggestingGroup)
def orgs() -> None:
    """List organizations, create, limit and suspend them. They go by id or by slug."""


@orgs.command("list")
@click.option("--search", metavar="TEXT", help="Only those with this in their name or slug.")
@click.option("--plan", metavar="NAME", help="Only those of this plan.")
@limit_option
@as_json_option
@asks_as_admin
def list_orgs(
    client: Client, search: str | None, plan: str | None, limit: int | None, as_json: bool
) -> None:
    """List organizations, with what they do."""
    query = {"search": search, "plan_tier": plan}
    print_things(
        client,
        lambda count: _organizations(client, query, count),
        COLUMNS,
        limit=limit,
        as_json=as_json,
        none="No organizations.",
    )


@orgs.command()
@click.argument("name")
@click.option("--slug", metavar="TEXT", help="Its name in addresses. Default: made of the name.")
@click.option("--plan", "plan_tier", metavar="NAME")
@click.option("--email", "billing_email", metavar="ADDRESS")
@as_json_option
@asks_as_admin
def create(client: Client, name: str, as_json: bool, **more: str | None) -> None:
    """Create an organization and its first API key.

    The key cannot be shown again.
    """
    said = {field: value for field, value in more.items() if value is not None}
    answer = client.post(PATH, {"name": name, **said})
    if as_json:
        print_answer(answer)
        return
    made = Thing(answer.body, client.now_ms)
    key = made.value("api_key")
    print_details(
        [
            ("id", made.text("id")),
            ("slug", made.text("slug")),
            ("plan", made.text("plan_tier")),
            ("API key", message_of(str(key.get("key"))) if isinstance(key, dict) else "-"),
        ]
    )


@orgs.command()
@click.argument("org", metavar="ID|SLUG")
@click.argument("changes", nargs=-1, metavar="[LIMIT=N]...")
@click.option("--clear", is_flag=True, help="Go back to those of the plan.")
@as_json_option
@asks_as_admin
def limits(client: Client, org: str, changes: tuple[str, ...], clear: bool, as_json: bool) -> None:
    """Show the limits of an organization, or change some.

    Such as max_queues=20.     `none` in place of a number is no limit, `plan` that of its plan.
    """
    wanted = _wanted(changes)
    path = _path(client, org)
    answer = client.get(path)
    if wanted or clear:
        now = Thing(answer.body, client.now_ms).value("custom_limits")
        kept = {} if clear or not isinstance(now, dict) else dict(now)
        for name, value in wanted.items():
            kept.pop(name, None)
            if value != "plan":
                kept[name] = value
        client.put(f"{path}/limits", kept)
        answer = client.get(path)
    if as_json:
        print_answer(answer)
        return
    shown = Thing(answer.body, client.now_ms)
    usage, custom = shown.value("usage_info"), shown.value("custom_limits")
    now = usage.get("limits") if isinstance(usage, dict) else None
    own = custom if isinstance(custom, dict) else {}
    print_details(
        (name, _limit(value) + ("  (its own)" if name in own else ""))
        for name, value in (now if isinstance(now, dict) else {}).items()
        if name in LIMITS
    )


@orgs.command()
@click.argument("org", metavar="ID|SLUG")
@yes_option
@as_json_option
@asks_as_admin
def suspend(client: Client, org: str, yes: bool, as_json: bool) -> None:
    """Refuse all calls of an organization.

    Its schedules rest, too, until it is resumed.
    """
    path = _path(client, org)
    get_consent(f"Suspend {message_of(org)}? Its keys stop working.", is_given=yes)
    _activate(client, org, path, False, as_json=as_json)


@orgs.command()
@click.argument("org", metavar="ID|SLUG")
@as_json_option
@asks_as_admin
def resume(client: Client, org: str, as_json: bool) -> None:
    """End a suspension."""
    _activate(client, org, _path(client, org), True, as_json=as_json)


def _activate(client: Client, org: str, path: str, is_active: bool, *, as_json: bool) -> None:
    answer = client.ask("PATCH", path, body={"is_active": is_active})
    if as_json:
        print_answer(answer)
    else:
        click.echo(f"{message_of(org)} is {'active' if is_active else 'suspended'}")


def _organizations(
    client: Client, query: dict[str, str | None], limit: int | None
) -> Iterator[Raw]:
    """Page by page: this list is a member of its answer."""
    offset = 0
    while limit is None or offset < limit:
        size = THINGS_AT_ONCE if limit is None else min(THINGS_AT_ONCE, limit - offset)
        page = client.get(PATH, {**query, "limit": size, "offset": offset}).read(_Page)
        yield from page.organizations
        offset += len(page.organizations)
        if len(page.organizations) < size:
            return


def _path(client: Client, given: str) -> str:
    """Of an organization that is given by its id or slug."""
    try:
        client.get(PATH + path_of(given))
        return PATH + path_of(given)
    except ServerRefused as error:
        if error.status != 404:
            raise
        refusal = error
    found = [msgspec.json.decode(each, type=_Slug) for each in _organizations(client, {}, None)]
    for each in found:
        if each.slug == given:
            return PATH + path_of(each.id)
    near = get_close_matches(given, [each.slug for each in found], n=1)
    raise refusal.hinted(f"Did you mean '{message_of(near[0])}'?") if near else refusal


def _wanted(changes: tuple[str, ...]) -> dict[str, int | str | None]:
    """The limits that were given. Raises click.BadParameter for one that no plan has."""
    wanted: dict[str, int | str | None] = {}
    for each in changes:
        name, equals, value = each.partition("=")
        if name not in LIMITS:
            near = get_close_matches(name, LIMITS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(LIMITS)}"
            raise click.BadParameter(f"no plan has a limit {name}; {hint}", param_hint="LIMIT=N")
        if not equals or not (value in ("none", "plan") or value.isdecimal()):
            raise click.BadParameter(
                f"{each}: give {name} a whole number, `none` or `plan`", param_hint="LIMIT=N"
            )
        wanted[name] = None if value == "none" else value if value == "plan" else int(value)
    return wanted


def _limit(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "no limit"
