"""Whether the server lives, and whether it can take work. Contract: platform, section 13."""

import sqlite3
from typing import Any

import spooled_lite
from spooled_lite.errors import Reason, SpooledError, Unavailable
from spooled_lite.storage.disk_room import DiskRoom
from spooled_lite.storage.transaction import Reading
from spooled_lite.times import format_ms
from spooled_lite.wire.envelope import envelope
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.services import Services

_MESSAGES: dict[Reason, str] = {
    "storage_error": "The storage has failed",
    "overloaded": "The writing thread does not answer",
    "storage_full": "No room is left on the disk",
    "shutting_down": "The server is stopping",
}


async def overview(call: Call) -> Reply:
    state = await _state(call.services)
    started_at_ms = call.services.state.started_at_ms
    uptime_seconds = max(0, call.now_ms - started_at_ms) // 1000
    return reply(
        {
            "status": "healthy" if _trouble(call.services, state) is None else "degraded",
            **state,
            "version": spooled_lite.__version__,
            "uptime_seconds": uptime_seconds,
            "uptime": uptime_seconds,
            "timestamp": format_ms(call.now_ms),
        }
    )


async def live(call: Call) -> Reply:
    return reply({"status": "healthy"})


async def ready(call: Call) -> Reply:
    state = await _state(call.services)
    trouble = _trouble(call.services, state)
    if trouble is None:
        return reply({"status": "healthy", **state})
    call.trouble = trouble
    error = Unavailable(trouble, _MESSAGES[trouble])
    return reply({**envelope(error), "status": "degraded", **state}, 503, ((b"retry-after", b"1"),))


async def trouble_of(services: Services) -> Reason | None:
    """Why the server is not ready; None when it is."""
    return _trouble(services, await _state(services))


async def _state(services: Services) -> dict[str, Any]:
    writer = services.db.writer
    return {
        "database": await _reads_work(services),
        "cache": True,  # one process: there is nothing that could be unreachable
        "checks": {
            "writer": writer.state,
            "disk": _disk(writer.room),
            "wal_bytes": writer.file.wal_bytes(),
        },
        "durability": services.settings.durability,
    }


def _disk(room: DiskRoom) -> str:
    if room.is_full():
        return "full"
    return "low" if room.is_low() else "ok"


def _trouble(services: Services, state: dict[str, Any]) -> Reason | None:
    if services.state.is_stopping:
        return "shutting_down"
    checks = state["checks"]
    if not state["database"] or checks["writer"] == "failed":
        return "storage_error"
    if checks["writer"] == "stalled":
        return "overloaded"
    if checks["disk"] == "full":
        return "storage_full"
    return None


async def _reads_work(services: Services) -> bool:
    try:
        await services.db.readers.point(_one)
    except (SpooledError, sqlite3.Error):
        return False
    return True


def _one(tx: Reading) -> None:
    # A table of the file: a bare SELECT 1 would succeed without touching it.
    tx.row("SELECT count(*) FROM server_state")
