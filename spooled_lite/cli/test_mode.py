"""`spooled-lite serve --test`: a server whose clock its callers move."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import click
import msgspec

from spooled_lite.config import Settings
from spooled_lite.storage.database import IN_MEMORY
from spooled_lite.testing.clock import VirtualClock, is_within, start_ms
from spooled_lite.testing.seeding.files import CannotSeed, SeedFile
from spooled_lite.testing.worlds import Worlds, worlds
from spooled_lite.times import format_ms
from spooled_lite.wire.listen import is_loopback

logger = logging.getLogger(__name__)


@asynccontextmanager
async def started_for_tests(
    settings: Settings,
    *,
    seed: int | None,
    at_ms: int | None,
    seed_file: str | None,
    at_once: asyncio.Event,
) -> AsyncIterator[Worlds]:
    """Start the root, which can be forked. Without a database in the settings its file is thrown
    away.

    Raises:
        click.BadParameter: no clock may stand there, or the seed file is refused.
        Others as `world`.
    """
    if at_ms is not None and not is_within(at_ms):
        raise click.BadParameter("must be within the years 1970 to 9899", param_hint="--at")
    if "database" not in settings.given:
        settings = msgspec.structs.replace(settings, database=IN_MEMORY)
    clock = VirtualClock(start_ms(at_ms, seed))
    async with AsyncExitStack() as stack:
        try:
            file = None if seed_file is None else SeedFile.read(seed_file)
            it = await stack.enter_async_context(
                worlds(settings, clock, seed=seed, seed_file=file, at_once=at_once)
            )
        except CannotSeed as error:
            raise click.BadParameter(str(error), param_hint="--seed-file") from error
        logger.info("test mode: the clock stands at %s", format_ms(clock.now_ms()))
        if not is_loopback(settings.host):
            logger.warning(
                "test mode can be reached from other machines: whoever has a key moves the clock"
            )
        if seed is not None:
            logger.info("the seed %d makes every secret guessable", seed)
        yield it
