"""The seed file of a server: the root begins with it, and goes back to it."""

from contextlib import nullcontext

from spooled_lite.core.orgs.create import get_by_id
from spooled_lite.testing.seeding.sow import author_for, sow
from spooled_lite.testing.world import World


async def sow_at_start(it: World, body: bytes) -> None:
    """The root begins with what a file says. Raises: as `sow`."""
    services = it.app.services
    row = await services.db.readers.read(get_by_id, it.entrance.organization_id)
    await sow(it, services, author_for(services, row), body, lambda _: nullcontext())
