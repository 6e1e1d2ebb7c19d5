"""Tells the nearest queue, or task, when there is none of the name that was given."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from difflib import get_close_matches

import click
from msgspec import Struct

from spooled_lite.cli.answer import ServerRefused
from spooled_lite.cli.client import Client
from spooled_lite.cli.escaped import message_of


class _Named(Struct):
    queue_name: str


class _NamedTask(Struct):
    name: str


@contextmanager
def queue_named(client: Client, name: str) -> Iterator[None]:
    """Add the nearest name to a refusal that says that this queue does not exist."""
    try:
        yield
    except ServerRefused as error:
        if error.status != 404:
            raise
        known: Sequence[str] = ()
        with suppress(click.ClickException):
            known = [each.queue_name for each in client.get("/queues").read(list[_Named])]
        raise _hinted(error, name, known) from None


@contextmanager
def task_named(client: Client, name: str) -> Iterator[None]:
    """The same of a task."""
    try:
        yield
    except ServerRefused as error:
        if error.status != 404:
            raise
        known: Sequence[str] = ()
        with suppress(click.ClickException):
            known = [each.name for each in client.get("/tasks").read(list[_NamedTask])]
        raise _hinted(error, name, known) from None


def _hinted(error: ServerRefused, name: str, known: Sequence[str]) -> ServerRefused:
    near = [each for each in get_close_matches(name, known, n=1) if each != name]
    return error.hinted(f"Did you mean '{message_of(near[0])}'?") if near else error
