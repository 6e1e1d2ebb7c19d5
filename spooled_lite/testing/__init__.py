"""A server for the tests of an application: its clock stands until a test moves it.

    from spooled_lite.testing import Server

    with Server(seed=1) as server:
        later = server.clock.now + timedelta(hours=1)
        server.client().jobs.create({"queue_name": "q", "payload": {}, "scheduled_at": later})
        server.clock.advance("1h")

Names are imported when they are asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spooled_lite.testing.public.aio import (
        AsyncClock,
        AsyncFault,
        AsyncFaults,
        AsyncJournal,
        AsyncMailInbox,
        AsyncServer,
        AsyncWebhookInbox,
        AsyncWorld,
    )
    from spooled_lite.testing.public.cases import SpooledTestCase
    from spooled_lite.testing.public.choice import ServerOptions
    from spooled_lite.testing.public.clock import Clock, Moved
    from spooled_lite.testing.public.drained import Drained, Outcome
    from spooled_lite.testing.public.expectations import Expectation, NotMet
    from spooled_lite.testing.public.faults import (
        Fault,
        FaultDo,
        FaultOn,
        FaultRequest,
        Faults,
        FaultWhen,
    )
    from spooled_lite.testing.public.inboxes import (
        MailInbox,
        ReceivedMail,
        ReceivedWebhook,
        WebhookInbox,
    )
    from spooled_lite.testing.public.journal import Journal, JournalEntry
    from spooled_lite.testing.public.link import ClockStopped, NotStarted, RefusedCall
    from spooled_lite.testing.public.seeded import Seeded
    from spooled_lite.testing.public.server import Server
    from spooled_lite.testing.public.world import World
    from spooled_lite.testing.seeding.files import CannotSeed

_ROOMS = {
    "AsyncClock": "aio",
    "AsyncFault": "aio",
    "AsyncFaults": "aio",
    "AsyncJournal": "aio",
    "AsyncMailInbox": "aio",
    "AsyncServer": "aio",
    "AsyncWebhookInbox": "aio",
    "AsyncWorld": "aio",
    "CannotSeed": "seeding.files",
    "Clock": "clock",
    "ClockStopped": "link",
    "Drained": "drained",
    "Expectation": "expectations",
    "Fault": "faults",
    "FaultDo": "faults",
    "FaultOn": "faults",
    "FaultRequest": "faults",
    "FaultWhen": "faults",
    "Faults": "faults",
    "Journal": "journal",
    "JournalEntry": "journal",
    "MailInbox": "inboxes",
    "Moved": "clock",
    "NotMet": "expectations",
    "NotStarted": "link",
    "Outcome": "drained",
    "ReceivedMail": "inboxes",
    "ReceivedWebhook": "inboxes",
    "RefusedCall": "link",
    "Seeded": "seeded",
    "Server": "server",
    "ServerOptions": "choice",
    "SpooledTestCase": "cases",
    "WebhookInbox": "inboxes",
    "World": "world",
}

__all__ = [
    "AsyncClock",
    "AsyncFault",
    "AsyncFaults",
    "AsyncJournal",
    "AsyncMailInbox",
    "AsyncServer",
    "AsyncWebhookInbox",
    "AsyncWorld",
    "CannotSeed",
    "Clock",
    "ClockStopped",
    "Drained",
    "Expectation",
    "Fault",
    "FaultDo",
    "FaultOn",
    "FaultRequest",
    "FaultWhen",
    "Faults",
    "Journal",
    "JournalEntry",
    "MailInbox",
    "Moved",
    "NotMet",
    "NotStarted",
    "Outcome",
    "ReceivedMail",
    "ReceivedWebhook",
    "RefusedCall",
    "Seeded",
    "Server",
    "ServerOptions",
    "SpooledTestCase",
    "WebhookInbox",
    "World",
]


if not TYPE_CHECKING:  # or type checkers would take every name for one of ours

    def __getattr__(name: str) -> Any:
        room = _ROOMS.get(name)
        if room is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        inside = room if "." in room else f"public.{room}"
        return getattr(importlib.import_module(f"{__name__}.{inside}"), name)
