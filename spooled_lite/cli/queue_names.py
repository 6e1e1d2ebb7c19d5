"""Tells the nearest queue, task or flow, when there is none of the name that was given."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
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


def task_named(client: Client, name: str) -> AbstractContextManager[None]:
    """The same of a task."""
    return _defined(client, name, "/tasks")


def flow_named(client: Client, name: str) -> AbstractContextManager[None]:
    """The same of a flow."""
    return _defined(client, name, "/flows")


@contextmanager
def _defined(client: Client, name: str, path: str) -> Iterator[None]:
    try:
        yield
    except ServerRefused as error:
        if error.status != 404:
            raise
        known: Sequence[str] = ()
        with suppress(click.ClickException):
            known = [each.name for each in client.get(path).read(list[_NamedTask])]
        raise _hinted(error, name, known) from None


def _hinted(error: ServerRefused, name: str, known: Sequence[str]) -> ServerRefused:
    near = [each for each in get_close_matches(name, known, n=1) if each != name]
    return error.hinted(f"Did you mean '{message_of(near[0])}'?") if near else error
