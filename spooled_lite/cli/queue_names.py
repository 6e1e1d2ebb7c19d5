"""Tells the nearest queue when there is none of the name that was given."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches

import click
from msgspec import Struct

from spooled_lite.cli.answer import ServerRefused
from spooled_lite.cli.client import Client
from spooled_lite.cli.escaped import message_of


class _Named(Struct):
    queue_name: str


@contextmanager
def queue_named(client: Client, name: str) -> Iterator[None]:
    """Add the nearest name to a refusal that says that this queue does not exist."""
    try:
        yield
    except ServerRefused as error:
        near = _nearest(client, name) if error.status == 404 else []
        if not near:
            raise
        raise error.hinted(f"Did you mean '{message_of(near[0])}'?") from None


def _nearest(client: Client, name: str) -> list[str]:
    with suppress(click.ClickException):
        known = client.get("/queues").read(list[_Named])
        return get_close_matches(name, [each.queue_name for each in known], n=1)
    return []
