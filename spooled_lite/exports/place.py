"""Where the copy stands that a running server exports from. Apart, since every start asks."""

from pathlib import Path
from typing import Final

from spooled_lite.config import Settings
from spooled_lite.storage.database import Database

_PREFIX: Final = ".spooled-export-"


def copy_of(settings: Settings, db: Database) -> Path:
    """In the folder for backups that are being made, or else beside the file."""
    folder = Path(db.path).parent if settings.backup_spool is None else Path(settings.backup_spool)
    return folder / f"{_PREFIX}{db.file_id}.db"


def remove_left_copy(settings: Settings, db: Database) -> None:
    """One that is kept for who comes back, at the end; one that a crash has left, at the start. It
    may be large."""
    copy = copy_of(settings, db)
    for suffix in ("", "-journal"):
        copy.with_name(f"{copy.name}{suffix}").unlink(missing_ok=True)
