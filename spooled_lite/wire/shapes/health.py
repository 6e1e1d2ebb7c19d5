"""Whether the server is up, and whether it can take work. Contract: platform, section 13."""

from typing import Annotated, Final

from msgspec import UNSET, Struct, UnsetType

from spooled_lite.wire.shapes.about import a_count, a_time, about, one_of
from spooled_lite.wire.shapes.common import UptimeSeconds, Version

NO_BACKUPS: Final = "no backups are made: backup_to is not set"
WEBHOOKS_HELD: Final = "webhook calls are held: POST /api/v1/admin/webhooks/resume makes them"

State = Annotated[str, one_of("The state of the server", "healthy", "degraded")]
Database = Annotated[bool, about("Whether the file can be read", True)]
Cache = Annotated[bool, about("Always true: there is nothing that could be unreachable", True)]
Durability = Annotated[
    str, one_of("`full`: what was acknowledged is on the disk", "full", "normal")
]


class BackupCheck(Struct, frozen=True, kw_only=True):
    """The newest backup of the file."""

    at: Annotated[str | None, a_time("The moment that it shows; null: there is none yet")]
    verified: Annotated[bool, about("Whether the last try made a backup that is whole", True)]


class ArchiveCheck(Struct, frozen=True, kw_only=True):
    """The archive of the file."""

    at: Annotated[
        str | None,
        a_time("Everything that was committed by then is in it; null: nothing since the start"),
    ]
    lag_seconds: Annotated[float, about("Age of the oldest commit that is not in it", 4.2)]
    well: Annotated[bool, about("False: it is refused, broken, or cannot be written", True)]


class HealthChecks(Struct, frozen=True, kw_only=True):
    """The results of the single checks behind an answer about health."""

    writer: Annotated[str, one_of("The writing thread", "ok", "stalled", "failed")]
    disk: Annotated[str, one_of("The room on the disk", "ok", "low", "full")]
    wal_bytes: Annotated[int, a_count("Size of the write-ahead log", 4_120)]
    backup: (
        Annotated[
            BackupCheck,
            about("Only where the server makes backups; never a reason not to be ready"),
        ]
        | UnsetType
    ) = UNSET
    archive: (
        Annotated[
            ArchiveCheck,
            about("Only where the server keeps an archive; never a reason not to be ready"),
        ]
        | UnsetType
    ) = UNSET
    webhooks_held_since: (
        Annotated[
            str,
            a_time(
                "Only while webhook calls are held, as a restore may do: since when. Never a reason"
                " not to be ready"
            ),
        ]
        | UnsetType
    ) = UNSET
    warnings: (
        Annotated[
            list[str],
            about(
                "What somebody has to change or do; only where there is something, and never a"
                " reason not to be ready",
                [NO_BACKUPS],
            ),
        ]
        | UnsetType
    ) = UNSET


Checks = Annotated[HealthChecks, about("What was looked at")]


class Health(Struct, frozen=True, kw_only=True):
    """Answer of GET /health."""

    status: State
    database: Database
    cache: Cache = True
    checks: Checks
    durability: Durability
    version: Version
    uptime_seconds: UptimeSeconds
    uptime: Annotated[int, a_count("The same as `uptime_seconds`", 3_600)]
    timestamp: Annotated[str, a_time("The time on the server")]
    mode: Annotated[str, one_of("Only in test mode", "test")] | UnsetType = UNSET


class Live(Struct, frozen=True):
    """Answer of GET /health/live."""

    status: Annotated[str, one_of("Always the same", "healthy")] = "healthy"


class Ready(Struct, frozen=True, kw_only=True):
    """Answer of GET /health/ready; added to the fields of an error when the server is not ready."""

    status: State
    database: Database
    cache: Cache = True
    checks: Checks
    durability: Durability
