"""When a server backs its file up, where to, and what it keeps: the settings, checked."""

from collections.abc import Callable
from pathlib import Path
from typing import Self

from msgspec import Struct

from spooled_lite.backups.keep import Keep
from spooled_lite.backups.sending import spool_of
from spooled_lite.config import ConfigError, Settings
from spooled_lite.core.schedules.cron import Cron, next_slot, parse
from spooled_lite.core.schedules.zones import Zone, zone_of
from spooled_lite.errors import RuleBroken
from spooled_lite.outbound.store_places import store_at
from spooled_lite.outbound.stores import Store, StoreTrouble
from spooled_lite.storage.pin import PinLimits


class BackupPlan(Struct, frozen=True):
    store: Store
    spool: Path  # see `spool_of`
    cron: Cron
    drill: Cron
    zone: Zone
    keep: Keep
    bytes_per_second: int
    limits: PinLimits

    @classmethod
    def of(cls, settings: Settings, place: str, *, is_stopping: Callable[[], bool]) -> Self:
        """Raises ConfigError: a setting is wrong, or nothing can be written to a folder."""
        name = "backup_to"
        try:
            store = store_at(
                place,
                endpoint=settings.backup_s3_endpoint,
                region=settings.backup_s3_region,
                is_stopping=is_stopping,
            )
            name = "backup_spool"
            spool = spool_of(place, settings.backup_spool, settings.database)
            name = "backup_keep"
            keep = Keep.parsed(settings.backup_keep)
            name = "backup_cron"
            cron = parse(settings.backup_cron)
            name = "backup_drill_cron"
            drill = parse(settings.backup_drill_cron)
            name = "backup_timezone"
            zone = zone_of(settings.backup_timezone)
        except (StoreTrouble, ValueError, RuleBroken) as error:
            raise ConfigError(f"{settings.given.get(name, name)}: {error}") from error
        return cls(
            store=store,
            spool=spool,
            cron=cron,
            drill=drill,
            zone=zone,
            keep=keep,
            bytes_per_second=settings.backup_mib_per_second * 2**20,
            limits=PinLimits(wal_bytes_max=settings.backup_wal_bytes_max),
        )

    def next_backup(self, after_ms: int) -> int | None:
        return next_slot(self.cron, self.zone, after_ms)

    def next_drill(self, after_ms: int) -> int | None:
        return next_slot(self.drill, self.zone, after_ms)
