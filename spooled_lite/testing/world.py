"""A world: a whole server with its own file, clock and ids. The root is one, and so is a fork."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from spooled_lite.app import Running, running
from spooled_lite.config import Settings
from spooled_lite.ids import Ids
from spooled_lite.outbound.http_client import HttpClient
from spooled_lite.outbound.targets import Policy
from spooled_lite.testing.application import WorldApplication
from spooled_lite.testing.clock import VirtualClock
from spooled_lite.testing.deliveries import WatchedPoster
from spooled_lite.testing.stepper import Stepper

ROOT: Final = "root"


class World:
    """Used on the event loop's thread. `app` is there as soon as the world is entered."""

    app: Running

    def __init__(self, name: str, seed: int | None, stepper: Stepper) -> None:
        self.name = name
        self.seed = seed
        self.stepper = stepper

    @property
    def clock(self) -> VirtualClock:
        return self.stepper.clock


class NotForTests(Exception):
    """The settings are those of a server that people use."""


@asynccontextmanager
async def world(
    settings: Settings,
    clock: VirtualClock,
    *,
    name: str = ROOT,
    seed: int | None = None,
    image: bytes | None = None,
    at_once: asyncio.Event | None = None,
) -> AsyncIterator[World]:
    """Start a world, and stop it on the way out. With a seed its ids, secrets and tokens are the
    same in every run. `image` and `at_once` are as for `running`.

    Raises:
        NotForTests: the environment is not development.
        CannotUseFile: the file is not one that test mode made; otherwise as `running`.
    """
    if settings.environment != "development":
        raise NotForTests(
            f"test mode moves the clock, so it is for development; the environment is"
            f" {settings.environment}"
        )
    poster = WatchedPoster(HttpClient(Policy.of(settings), clock))
    it = World(name, seed, Stepper(clock, poster))
    async with running(
        settings,
        clock=clock,
        ids=Ids(seed),
        at_once=at_once,
        supervise=it.stepper.run,
        outgoing=poster,
        image=image,
        application=lambda services: WorldApplication(services, it),
        is_test=True,
    ) as it.app:
        it.stepper.attach(it.app)
        yield it
