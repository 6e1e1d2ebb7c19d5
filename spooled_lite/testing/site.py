"""A world by its name, which stays when a reset gives it another life."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from spooled_lite.testing.life import Life
from spooled_lite.testing.origin import Origin
from spooled_lite.testing.refusals import WorldBusy
from spooled_lite.testing.world import World


class Site:
    """Used on the event loop's thread."""

    def __init__(self, name: str, seed: int | None, origin: Origin | None) -> None:
        self.name = name
        self.seed = seed
        self.origin = origin
        self.owners: frozenset[str] = frozenset()  # ids of organizations that may delete it
        self.parent: str | None = None
        self.life: Life
        self.turn = asyncio.Lock()  # held while it is reset, deleted or given another baseline
        self.calls = 0  # under way
        self._pages = b""  # of its last fork
        self.used_at = time.monotonic()
        self.timer: asyncio.TimerHandle | None = None

    @property
    def world(self) -> World:
        return self.life.world

    def same_pages(self, pages: bytes) -> bytes:
        """Kept once for all forks of one state, which are most of them."""
        if pages != self._pages:
            self._pages = pages
        return self._pages

    def began(self) -> None:
        self.calls += 1

    def ended(self) -> None:
        self.calls -= 1
        self.used_at = time.monotonic()


async def take_baseline(site: Site) -> None:
    generation = 0 if site.origin is None else site.origin.generation + 1
    site.origin = await site.world.baseline(generation)


@asynccontextmanager
async def turn_of(site: Site) -> AsyncIterator[None]:
    if site.turn.locked():
        raise WorldBusy
    async with site.turn:
        yield
