"""A world: a whole server with its own file, clock and ids. The root is one, and so is a fork."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from spooled_lite.app import Running, running
from spooled_lite.config import Settings
from spooled_lite.events import Event
from spooled_lite.ids import Ids
from spooled_lite.outbound.http_client import HttpClient, Poster
from spooled_lite.outbound.targets import Policy
from spooled_lite.storage.database import IN_MEMORY
from spooled_lite.testing.application import WorldApplication
from spooled_lite.testing.around import AroundWorld
from spooled_lite.testing.clock import VirtualClock
from spooled_lite.testing.deliveries import WatchedPoster
from spooled_lite.testing.faults.deliveries import DeliveryStrikes
from spooled_lite.testing.faults.mails import MailStrikes
from spooled_lite.testing.faults.rules import FaultRule, Faults
from spooled_lite.testing.faults.strikes import Strikes
from spooled_lite.testing.inboxes import MailInbox, WebhookInbox
from spooled_lite.testing.journal import Journal
from spooled_lite.testing.names import hidden_seed
from spooled_lite.testing.origin import (
    BIRTH,
    Adoption,
    Entrance,
    Origin,
    adopt,
    begin,
    copy,
    count_start,
    nothing,
    purpose_of,
)
from spooled_lite.testing.stepper import Stepper

ROOT: Final = "root"


class World:
    """Used on the event loop's thread. `app` is there as soon as the world is entered."""

    app: Running

    def __init__(self, name: str, seed: int | None, stepper: Stepper, ids: Ids) -> None:
        self.faults = Faults(stepper.clock, hidden_seed() if seed is None else seed)
        self.name = name
        self.seed = seed
        self.stepper = stepper
        self.journal = Journal(stepper.clock)
        self.webhooks: WebhookInbox
        self.mails = MailInbox(stepper.clock, self.journal.mailed)
        stepper.on_step = self.journal.stepped
        self.entrance: Entrance
        self._ids = ids
        self._starts = 0  # of its file, before this one

    @property
    def clock(self) -> VirtualClock:
        return self.stepper.clock

    async def baseline(self, generation: int) -> Origin:
        """What the world is now. Its ids begin anew, as they do when it goes back to this."""
        origin, _ = await self.copied()
        await self.begin_ids(generation)
        return msgspec.structs.replace(
            origin,
            generation=generation,
            entrance=self.entrance,
            faults=tuple(rule.said for rule in self.faults.all()),
        )

    async def copied(self) -> tuple[Origin, int]:
        """What a copy of this world begins with, and how many jobs that are."""
        database, clock = self.app.services.db, self.clock
        async with self.stepper.at_rest() as passes:
            found = await database.readers.read(copy)
            await database.write(nothing)
            origin = Origin(
                pages=found.pages,
                left=passes.left(is_calling=bool(self.app.deliveries())),
                now_ms=clock.now_ms(),
                mode=clock.mode,
                rate=clock.rate or 1.0,
            )
        return origin, found.jobs

    async def begin_ids(self, generation: int) -> None:
        rows, requests = (
            purpose_of(what, generation, self._starts) for what in ("rows", "requests")
        )
        await self.app.services.db.write(begin, self._ids, self.seed, rows)
        self.app.services.ids.begin(self.seed, requests)

    async def count_start(self) -> None:
        """Of a file that lasts. It has the ids of its earlier starts, so others are made now."""
        self._starts = await self.app.services.db.write(count_start)
        if self._starts:
            await self.begin_ids(0)

    async def adopt(self, adoption: Adoption) -> Entrance:
        return await self.app.services.db.write(adopt, adoption)


class NotForTests(Exception):
    """The settings are those of a server that people use."""


@asynccontextmanager
async def world(
    settings: Settings,
    clock: VirtualClock,
    *,
    name: str = ROOT,
    seed: int | None = None,
    origin: Origin | None = None,
    faults: Sequence[FaultRule] = (),
    listen: Callable[[World, Sequence[Event]], None] | None = None,
    at_once: asyncio.Event | None = None,
    outgoing: Poster | None = None,
) -> AsyncIterator[World]:
    """Start a world, and stop it on the way out. With a seed its ids, secrets and tokens are the
    same in every run. `faults` are those of the world that it is a copy of. `listen` hears of all
    events. `at_once` and `outgoing` are as for `running`.

    Raises:
        NotForTests: the environment is not development.
        CannotUseFile: the file is not one that test mode made; otherwise as `running`.
        BadRequest, RuleBroken: as `adopt`.
    """
    if settings.environment != "development":
        raise NotForTests(
            f"test mode moves the clock, so it is for development; the environment is"
            f" {settings.environment}"
        )
    poster = WatchedPoster(outgoing or HttpClient(Policy.of(settings), clock), clock)
    adoption = None if origin is None else origin.adoption
    ids = Ids(seed) if adoption is None else Ids(adoption.seed, BIRTH)
    it = World(name, seed, Stepper(clock, poster, None if origin is None else origin.left), ids)
    it.faults.take_over(faults)
    it.webhooks = poster.inbox
    poster.listen(it.journal.delivered)
    poster.around = DeliveryStrikes(it.faults, clock).around
    it.faults.listen(it.journal.struck)
    async with running(
        settings,
        clock=clock,
        ids=ids,
        at_once=at_once,
        supervise=it.stepper.run,
        around=AroundWorld(it.stepper, it.journal, Strikes(it.faults)),
        outgoing=poster,
        mail=MailStrikes(it.faults, it.mails.carry, it.journal.mailed).carry,
        image=None if origin is None else origin.pages,
        application=lambda services: WorldApplication(services, it),
        is_test=True,
    ) as app:
        it.app = _ending(app, it.faults)
        it.stepper.attach(it.app)
        poster.attach(it.app.services.db)
        it.app.services.bus.listen(it.journal.hear)
        if listen is not None:
            it.app.services.bus.listen(lambda events: listen(it, events))
        it.entrance = Entrance(it.app.organization_id, it.app.key)
        if origin is not None:
            await _continue(it, origin)
        elif settings.database != IN_MEMORY:
            await it.count_start()
        yield it


def _ending(app: Running, faults: Faults) -> Running:
    """The same, which ends its faults when it begins to stop: none of them outlives its world."""

    def begin_stop() -> None:
        faults.end()
        app.begin_stop()

    return msgspec.structs.replace(app, begin_stop=begin_stop)


async def _continue(it: World, origin: Origin) -> None:
    for each in origin.faults:
        it.faults.add(each)
    if origin.adoption is None:
        it.entrance = origin.entrance or it.entrance
        await it.begin_ids(origin.generation)
    else:  # one after the other, in one commit
        it.entrance, _ = await asyncio.gather(
            it.adopt(origin.adoption), it.begin_ids(origin.generation)
        )
