"""The seed file of a server: the root begins with it, and goes back to it."""

from contextlib import nullcontext

import msgspec

from spooled_lite.core.orgs.create import get_by_id
from spooled_lite.errors import SpooledError
from spooled_lite.testing.seeding.files import CannotSeed, SeedFile
from spooled_lite.testing.seeding.sow import author_for, sow
from spooled_lite.testing.world import World


async def sow_at_start(it: World, file: SeedFile) -> None:
    """The root begins with what a file says. Raises CannotSeed: it is refused, and why."""
    services = it.app.services
    row = await services.db.readers.read(get_by_id, it.entrance.organization_id)
    author = author_for(services, row)
    try:
        made = await sow(it, services, author, file.body, lambda _: nullcontext())
    except SpooledError as error:
        raise CannotSeed(f"{file.path}: {error.message}") from error
    keys = {name: each.key for name, each in made.keys.items()}
    it.entrance = msgspec.structs.replace(it.entrance, keys=keys)
    it.app = msgspec.structs.replace(it.app, keys=keys)
