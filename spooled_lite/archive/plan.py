"""How a server keeps its archive: the settings, checked."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from msgspec import Struct

from spooled_lite.archive.spool import Spool
from spooled_lite.backups.keep import Keep
from spooled_lite.config import ConfigError, Settings
from spooled_lite.outbound.store_places import is_folder, store_at
from spooled_lite.outbound.stores import Store, StoreTrouble
from spooled_lite.storage.database import IN_MEMORY
from spooled_lite.storage.pin import PinLimits

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS


class ArchivePlan(Struct, frozen=True):
    store: Store
    spool: Spool
    copies: Path  # the folder in which bases are made
    cut_after_ms: int
    base_after_ms: int
    keep_ms: int
    spool_bytes_max: int
    bytes_per_second: int
    limits: PinLimits

    @classmethod
    def of(cls, settings: Settings, place: str, *, is_stopping: Callable[[], bool]) -> Self:
        """Raises ConfigError: a setting is wrong, or nothing can be written to a folder."""
        name = "archive_to"
        if settings.database == IN_MEMORY:
            raise ConfigError(
                f"{settings.given.get(name, name)}: a database in memory has no archive"
            )
        spool = Spool(settings.database)
        try:
            if place == settings.backup_to:
                raise ValueError("it is backup_to as well; backups that age there would be deleted")
            store = store_at(
                place,
                endpoint=settings.backup_s3_endpoint,
                region=settings.backup_s3_region,
                is_stopping=is_stopping,
            )
            spool.make()
            name = "archive_keep"
            keep = Keep.parsed(settings.archive_keep)
            if keep != Keep(days=keep.days):
                raise ValueError("expected a number of days, such as 7d")
        except OSError as error:
            raise ConfigError(f"{error.filename}: {error.strerror}") from error
        except (StoreTrouble, ValueError) as error:
            raise ConfigError(f"{settings.given.get(name, name)}: {error}") from error
        return cls(
            store=store,
            spool=spool,
            copies=Path(place) if is_folder(place) else spool.folder,
            cut_after_ms=settings.archive_seconds * 1000,
            base_after_ms=settings.archive_base_hours * HOUR_MS,
            keep_ms=keep.days * DAY_MS,
            spool_bytes_max=settings.archive_spool_bytes,
            bytes_per_second=settings.backup_mib_per_second * 2**20,
            limits=PinLimits(wal_bytes_max=settings.backup_wal_bytes_max),
        )
