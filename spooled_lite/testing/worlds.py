"""The worlds behind one listener: the root, its forks and theirs; how they begin and end."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from spooled_lite.app import Running
from spooled_lite.config import Settings
from spooled_lite.core.keys.records import NewKey
from spooled_lite.storage.database import IN_MEMORY
from spooled_lite.testing.asking import Gone
from spooled_lite.testing.belongings import Belongings
from spooled_lite.testing.calls import Fork
from spooled_lite.testing.capacity import check_room, forks_max, room_for_files
from spooled_lite.testing.clock import VirtualClock
from spooled_lite.testing.early_answers import over
from spooled_lite.testing.faults.rules import FaultRule
from spooled_lite.testing.life import Life
from spooled_lite.testing.move import How
from spooled_lite.testing.names import check_name, hidden_seed, seed_of
from spooled_lite.testing.origin import Adoption
from spooled_lite.testing.refusals import (
    FileThatLasts,
    NameTaken,
    NoSuchWorld,
)
from spooled_lite.testing.router import WorldRouter
from spooled_lite.testing.seeding.files import (
    GOES_WITH_NO_FILE_THAT_LASTS,
    CannotSeed,
    SeedFile,
)
from spooled_lite.testing.seeding.start import sow_at_start
from spooled_lite.testing.site import Site, take_baseline, turn_of
from spooled_lite.testing.world import ROOT, World, world

if TYPE_CHECKING:
    pass

logger = logging.getLogger(__name__)

UNUSED_SECONDS: Final = 600.0  # of real time: then the runner of its test has crashed


class Worlds:
    """Used on the event loop's thread."""

    def __init__(self, settings: Settings, seed: int | None, at_once: asyncio.Event | None) -> None:
        self._settings = settings
        self._seed = seed
        self._at_once = at_once
        self._sites: dict[str, Site] = {}
        self._starting: set[str] = set()
        self._belongings = Belongings()
        self._ending: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self._made = 0
        self.router = WorldRouter(self, self._sites, self._belongings)

    @property
    def root(self) -> World:
        return self._sites[ROOT].world

    @property
    def front(self) -> Running:
        """What is served: the root, with an end for all worlds."""
        return msgspec.structs.replace(self.root.app, begin_stop=self.begin_stop)

    def current(self) -> Running:
        """The root as it is now: after a reset it is another one."""
        return self.root.app

    @property
    def forks_max(self) -> int:
        """How many forks there may be."""
        return forks_max()

    def begin_stop(self) -> None:
        self._is_stopping = True
        for site in self._sites.values():
            site.world.app.begin_stop()

    # -- forks -------------------------------------------------------------------------------------

    async def fork(
        self,
        parent: str,
        name: str | None,
        *,
        org: int,
        org_id: str,
        keys: Sequence[NewKey] = (),
        at_ms: int | None = None,
        copies_faults: bool = False,
        gone: Gone | None = None,
    ) -> Fork:
        """Copy a world as it is now.

        Raises:
            NoSuchWorld, NameTaken, WorldsFull: see there.
            RuleBroken: the name, or a key.
            BadRequest: the organization is deleted.
            Unavailable: the disk has no room for its file.
            ClientGone: nobody wants it any more; there is no such fork then.
        """
        name = self._new_name(name)
        began = time.monotonic()
        self._starting.add(name)
        try:
            source = self.router.named(parent)
            copied, jobs = await source.world.copied()
            faults = source.world.faults.copied() if copies_faults else ()
            seed = None if self._seed is None else seed_of(self._seed, name)
            adoption = Adoption(org, hidden_seed() if seed is None else seed, tuple(keys))
            pages = source.same_pages(copied.pages)
            origin = msgspec.structs.replace(copied, pages=pages, adoption=adoption, at_ms=at_ms)
            site = Site(name, seed, origin)
            with room_for_files():
                site.life = await self._begin(site, faults=faults, gone=gone)
        finally:
            self._starting.discard(name)
        if self._is_stopping:
            self._end(site.life)
            raise over()
        own_id = site.world.entrance.organization_id
        site.parent, site.owners = parent, source.owners | {org_id, own_id}
        self._sites[name] = site
        self._belongings.add_organization(own_id, name)
        self._look_again(site, UNUSED_SECONDS)
        return Fork.of(site.world, jobs=jobs, real_ms=(time.monotonic() - began) * 1000)

    def forks(self, owner: str | None) -> list[World]:
        """Those of an organization, or all."""
        return [
            site.world
            for site in self._sites.values()
            if site.name != ROOT and (owner is None or owner in site.owners)
        ]

    async def drop(self, name: str, owner: str | None) -> None:
        """End a fork, with all its streams and calls. Raises NoSuchWorld."""
        site = self._sites.get(name)
        if site is None or name == ROOT or not (owner is None or owner in site.owners):
            raise NoSuchWorld(name)
        self._drop(site)

    # -- back to a baseline ------------------------------------------------------------------------

    async def reset(self, name: str, gone: Gone | None = None) -> World:
        """Put the world back to its baseline: its rows, time and ids. Streams end, and requests
        under way are answered with 503.

        Raises: NoSuchWorld, WorldBusy, FileThatLasts; Unavailable and ClientGone as `fork`.
        """
        site = self.router.named(name)
        if name == ROOT and self._settings.database != IN_MEMORY:
            raise FileThatLasts
        async with turn_of(site):
            before = site.life
            with room_for_files():
                after = await self._begin(site, gone=gone)
            if self._sites.get(name) is not site:
                after.end()
                raise NoSuchWorld(name)
            metrics = after.world.app.services.metrics
            metrics.take_over(before.world.app.services.metrics)
            site.life = after
            self._end(before)
        return after.world

    async def baseline(self, name: str) -> None:
        """Make what the world is now the state to go back to. Raises: NoSuchWorld, WorldBusy."""
        site = self.router.named(name)
        async with turn_of(site):
            await take_baseline(site)

    def reserving(
        self, name: str, secrets: Sequence[tuple[str, str]]
    ) -> AbstractAsyncContextManager[None]:
        """See `Belongings`."""
        worlds = {site.name: site.world for site in self._sites.values()}
        return self._belongings.reserving(worlds, name, secrets)

    # -- lives -------------------------------------------------------------------------------------

    async def start(self, clock: VirtualClock, seed_file: SeedFile | None) -> None:
        """Start the root, and store the seed. Raises: as `world` and `sow_at_start`."""
        if seed_file is not None and self._settings.database != IN_MEMORY:
            raise CannotSeed(GOES_WITH_NO_FILE_THAT_LASTS)
        root = Site(ROOT, self._seed, None)
        root.life = await self._begin(root, clock)
        self._sites[ROOT] = root
        await self._belongings.learn(root.world)
        if seed_file is not None:
            await sow_at_start(root.world, seed_file)
        await take_baseline(root)

    async def close(self) -> None:
        """End them all, the root last."""
        self.begin_stop()
        for site in [each for each in self._sites.values() if each.name != ROOT]:
            self._drop(site)
        await self._ended()
        root = self._sites.pop(ROOT, None)
        if root is None:
            return  # it has not started
        root.life.end()
        await root.life.ended()
        await self._ended()

    async def _ended(self) -> None:
        while self._ending:
            await asyncio.gather(*self._ending, return_exceptions=True)

    async def _begin(
        self,
        site: Site,
        clock: VirtualClock | None = None,
        faults: Sequence[FaultRule] = (),
        gone: Gone | None = None,
    ) -> Life:
        if self._is_stopping:
            raise over()
        origin, settings = site.origin, self._settings
        if site.name != ROOT:
            settings = msgspec.structs.replace(settings, database=IN_MEMORY, bootstrap_api_key=None)
        if clock is None:
            assert origin is not None, "a root is begun with a clock"
            clock = origin.clock()
        at_once = asyncio.Event() if site.name != ROOT or origin is not None else self._at_once
        life = Life(
            partial(
                world,
                settings,
                clock,
                name=site.name,
                seed=site.seed,
                origin=origin,
                faults=faults,
                listen=self._belongings.hear,
                at_once=at_once,
            ),
            at_once,
        )
        await life.begun()
        if origin is not None and origin.at_ms is not None:
            try:
                stepper = life.world.stepper
                how = How(gone=gone)
                await stepper.advance(origin.at_ms, how, report=0, may_go_back=True)
            except BaseException:
                self._end(life)
                raise
        return life

    def _drop(self, site: Site) -> None:
        self._sites.pop(site.name, None)
        self._belongings.forget(site.name)
        if site.timer is not None:
            site.timer.cancel()
        self._end(site.life)

    def _end(self, life: Life) -> None:
        life.end()
        task = asyncio.create_task(life.ended(), name="world-ends")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _look_again(self, site: Site, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        site.timer = loop.call_later(seconds, self._drop_if_unused, site)

    def _drop_if_unused(self, site: Site) -> None:
        left = site.used_at + UNUSED_SECONDS - time.monotonic()
        if site.calls:
            left = UNUSED_SECONDS
        if left > 0:
            self._look_again(site, left)
            return
        logger.info("the world %s was not used any more and is dropped", site.name)
        self._drop(site)

    def _new_name(self, name: str | None) -> str:
        check_room(len(self._sites) - 1 + len(self._starting))  # the root is no fork
        while name is None:
            self._made += 1
            if not self._is_taken(made := f"fork-{self._made}"):
                return made
        check_name(name)
        if self._is_taken(name):
            raise NameTaken(name)
        return name

    def _is_taken(self, name: str) -> bool:
        return name in self._sites or name in self._starting


@asynccontextmanager
async def worlds(
    settings: Settings,
    clock: VirtualClock,
    *,
    seed: int | None = None,
    seed_file: SeedFile | None = None,
    at_once: asyncio.Event | None = None,
) -> AsyncIterator[Worlds]:
    """Start a root that can be forked, and stop all worlds on the way out. The root begins with
    what the seed file says. Raises: as `world` and `sow_at_start`."""
    it = Worlds(settings, seed, at_once)
    try:
        await it.start(clock, seed_file)
        yield it
    finally:
        await it.close()
