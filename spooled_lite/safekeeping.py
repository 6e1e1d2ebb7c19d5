"""The backups and the archive of a server's file, as its settings ask for them."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from spooled_lite.background.supervisor import AsyncLoop
from spooled_lite.clock import Clock
from spooled_lite.config import Settings
from spooled_lite.events import Deadline
from spooled_lite.ids import Ids
from spooled_lite.metrics import Metrics
from spooled_lite.storage.database import Database

if TYPE_CHECKING:
    from spooled_lite.background.archive import Archive
    from spooled_lite.background.backups import Backups


class Safekeeping:
    """Nothing of it is imported by a server that keeps no copies: it starts sooner."""

    def __init__(
        self, settings: Settings, *, is_stopping: Callable[[], bool], is_test: bool
    ) -> None:
        """In test mode nothing is kept: its clock says nothing about when a file was last copied.

        Raises ConfigError.
        """
        self.backups: Backups | None = None
        self.archive: Archive | None = None
        self._is_stopping = is_stopping
        self._backup_plan = self._archive_plan = None
        if settings.backup_to is not None and not is_test:
            from spooled_lite.backups.plan import BackupPlan

            self._backup_plan = BackupPlan.of(settings, settings.backup_to, is_stopping=is_stopping)
        if settings.archive_to is not None and not is_test:
            from spooled_lite.archive.plan import ArchivePlan

            self._archive_plan = ArchivePlan.of(
                settings, settings.archive_to, is_stopping=is_stopping
            )

    def begin(
        self,
        database: Database,
        *,
        ids: Ids,
        clock: Clock,
        metrics: Metrics,
        announce: Callable[[Deadline, int], None],
    ) -> None:
        """Before the writing thread runs, so that the archive misses nothing."""
        if self._archive_plan is not None:
            from spooled_lite.background.archive import Archive

            self.archive = Archive(
                self._archive_plan,
                database,
                ids=ids,
                clock=clock,
                metrics=metrics,
                is_stopping=self._is_stopping,
                announce=announce,
            )
        if self._backup_plan is not None:
            from spooled_lite.background.backups import Backups

            self.backups = Backups(
                self._backup_plan,
                clock=clock,
                metrics=metrics,
                is_stopping=self._is_stopping,
                wake=partial(announce, Deadline.BACKUP, 0),
            )

    @property
    def loops(self) -> list[AsyncLoop]:
        of_backups = [] if self.backups is None else [self.backups.loop]
        return of_backups if self.archive is None else [*of_backups, *self.archive.loops]

    def close(self) -> None:
        """After the database was closed. Blocks."""
        if self.archive is not None:
            self.archive.close()
