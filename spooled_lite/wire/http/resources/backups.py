"""Backups of the whole file, for the server's administrator. Contract: amendments, operations."""

from typing import TYPE_CHECKING

from spooled_lite.errors import Conflict, Unavailable
from spooled_lite.outbound.stores import StoreTrouble
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.shapes.backups import BackupsView

if TYPE_CHECKING:
    from spooled_lite.background.backups import Backups


async def create(call: Call) -> Reply:
    """Have a backup made now; `GET` says how it goes on."""
    _backups(call).ask()
    return reply(await _view(call), 202)


async def list_all(call: Call) -> Reply:
    return reply(await _view(call))


async def _view(call: Call) -> BackupsView:
    backups = _backups(call)
    try:
        shelf = await backups.listed()
    except StoreTrouble as error:
        raise Unavailable("storage_error", str(error)) from error
    return BackupsView.of(backups, shelf)


def _backups(call: Call) -> "Backups":
    backups = call.services.state.backups
    if backups is None:
        raise Conflict("This server makes no backups: set `backup_to` and start it again")
    return backups
