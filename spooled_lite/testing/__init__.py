"""A server for the tests of an application: its clock stands until a test moves it.

    from spooled_lite.testing import Server

    with Server(seed=1) as server:
        client = server.client()
        client.jobs.create({"queue_name": "emails", "payload": {}, "delay_seconds": 3600})
        server.clock.advance("1h")

Names are imported when they are asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spooled_lite.testing.public.aio import AsyncClock, AsyncServer, AsyncWorld
    from spooled_lite.testing.public.cases import SpooledTestCase
    from spooled_lite.testing.public.clock import Clock, Moved
    from spooled_lite.testing.public.link import ClockStopped, RefusedCall
    from spooled_lite.testing.public.server import NotStarted, Server, World

_ROOMS = {
    "AsyncClock": "aio",
    "AsyncServer": "aio",
    "AsyncWorld": "aio",
    "Clock": "clock",
    "ClockStopped": "link",
    "Moved": "clock",
    "NotStarted": "server",
    "RefusedCall": "link",
    "Server": "server",
    "SpooledTestCase": "cases",
    "World": "server",
}

__all__ = [
    "AsyncClock",
    "AsyncServer",
    "AsyncWorld",
    "Clock",
    "ClockStopped",
    "Moved",
    "NotStarted",
    "RefusedCall",
    "Server",
    "SpooledTestCase",
    "World",
]


def __getattr__(name: str) -> Any:
    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.public.{room}"), name)
