"""Things that people call by their name, and the API by their id."""

from difflib import get_close_matches
from typing import Final

import click
import msgspec
from msgspec import Struct

from spooled_lite.cli.answer import ServerRefused
from spooled_lite.cli.client import Client, path_of
from spooled_lite.cli.escaped import message_of

LOOKED_AT_MAX: Final = 10_000  # of a list that is searched for a name
SHOWN_MAX: Final = 10  # ids of things of one name


class _Named(Struct):
    id: str
    name: str


def id_of(client: Client, path: str, given: str) -> str:
    """The id of the thing in the list at this path, which is given by its id or its name.

    Raises:
        ServerRefused: there is none; the message has the nearest name.
        click.ClickException: several have this name.
    """
    try:
        client.get(path + path_of(given))
        return given
    except ServerRefused as error:
        if error.status != 404:
            raise
        refusal = error
    found = [
        msgspec.convert(msgspec.json.decode(each), _Named)
        for each in client.things(path, {}, LOOKED_AT_MAX)
    ]
    same = [each.id for each in found if each.name == given]
    if not same:
        near = get_close_matches(given, {each.name for each in found}, n=1)
        raise refusal.hinted(f"Did you mean '{message_of(near[0])}'?") if near else refusal
    if len(same) > 1:
        ids = ", ".join(message_of(each) for each in same[:SHOWN_MAX])
        raise click.ClickException(f"{len(same)} have the name {message_of(given)}: {ids}")
    return same[0]
