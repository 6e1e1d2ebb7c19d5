"""Whether the server lives, and whether it can take work. Contract: platform, section 13."""

import sqlite3

from msgspec import UNSET, UnsetType
from msgspec.structs import asdict, replace

import spooled_lite
from spooled_lite.core.webhooks.hold import held_since_ms
from spooled_lite.errors import OutageReason, SpooledError, Unavailable
from spooled_lite.storage.disk_room import DiskRoom
from spooled_lite.times import format_ms, format_optional_ms
from spooled_lite.wire.envelope import envelope
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.services import Services
from spooled_lite.wire.shapes.health import (
    NO_BACKUPS,
    WEBHOOKS_HELD,
    ArchiveCheck,
    BackupCheck,
    Health,
    HealthChecks,
    Live,
    Ready,
)

_MESSAGES: dict[OutageReason, str] = {
    "storage_error": "The storage has failed",
    "overloaded": "The writing thread does not answer",
    "storage_full": "No room is left on the disk",
    "shutting_down": "The server is stopping",
}


async def overview(call: Call) -> Reply:
    found, _ = await _look(call.services)
    uptime_seconds = call.services.state.uptime_seconds(call.now_ms)
    return reply(
        Health(
            status=found.status,
            database=found.database,
            checks=found.checks,
            durability=found.durability,
            version=spooled_lite.__version__,
            uptime_seconds=uptime_seconds,
            uptime=uptime_seconds,
            timestamp=format_ms(call.now_ms),
            mode="test" if call.services.state.is_test else UNSET,
        )
    )


async def live(call: Call) -> Reply:
    return reply(Live())


async def ready(call: Call) -> Reply:
    found, trouble = await _look(call.services)
    if trouble is None:
        return reply(found)
    call.trouble = trouble
    error = envelope(Unavailable(trouble, _MESSAGES[trouble]))
    return reply({**error, **asdict(found)}, 503, ((b"retry-after", b"1"),))


async def trouble_of(services: Services) -> OutageReason | None:
    """Why the server is not ready; None when it is."""
    _, trouble = await _look(services)
    return trouble


async def _look(services: Services) -> tuple[Ready, OutageReason | None]:
    """The state of the server, and why it is not ready; None when it is."""
    checks, database = _checks(services), True
    try:
        # Reads a table: a bare SELECT 1 would succeed without reading the file.
        held_ms = await services.db.readers.point(held_since_ms)
    except (SpooledError, sqlite3.Error):
        database = False
    else:
        if held_ms is not None:
            checks = replace(
                checks,
                webhooks_held_since=format_ms(held_ms),
                warnings=[*(checks.warnings or ()), WEBHOOKS_HELD],
            )
    trouble = _trouble(services, checks, reads_work=database)
    found = Ready(
        status="healthy" if trouble is None else "degraded",
        database=database,
        checks=checks,
        durability=services.settings.durability,
    )
    return found, trouble


def _checks(services: Services) -> HealthChecks:
    writer = services.db.writer
    return HealthChecks(
        writer=writer.state,
        disk=_disk(writer.room),
        wal_bytes=writer.file.wal_bytes(),
        backup=_backup(services),
        archive=_archive(services),
        warnings=[NO_BACKUPS] if services.settings.lacks_backups else UNSET,
    )


def _backup(services: Services) -> BackupCheck | UnsetType:
    backups = services.state.backups
    if backups is None:
        return UNSET
    newest = backups.newest
    return BackupCheck(
        at=None if newest is None else newest.made_at,
        verified=newest is not None and backups.problem is None,
    )


def _archive(services: Services) -> ArchiveCheck | UnsetType:
    archive = services.state.archive
    if archive is None:
        return UNSET
    return ArchiveCheck(
        at=format_optional_ms(archive.shipped_to_ms),
        lag_seconds=archive.lag_seconds(),
        well=archive.problem is None,
    )


def _disk(room: DiskRoom) -> str:
    if room.is_full():
        return "full"
    return "low" if room.is_low() else "ok"


def _trouble(services: Services, checks: HealthChecks, *, reads_work: bool) -> OutageReason | None:
    if services.state.is_stopping:
        return "shutting_down"
    if not reads_work or checks.writer == "failed":
        return "storage_error"
    if checks.writer == "stalled":
        return "overloaded"
    if checks.disk == "full":
        return "storage_full"
    return None
