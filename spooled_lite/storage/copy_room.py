"""Whether a folder has room for a copy of a file: asked before one is begun."""

import shutil
from pathlib import Path
from typing import Final

ROOM_SHARE: Final = 1.05  # of the size of the file that has to be free


class NoRoom(Exception):
    """A folder has no room for a copy. The message says how much is needed and free."""


def check_room(file_bytes: int, folder: Path) -> None:
    """Raises NoRoom."""
    needed, free = int(file_bytes * ROOM_SHARE), shutil.disk_usage(folder).free
    if free < needed:
        raise NoRoom(
            f"needs {-(-needed // 2**20)} MiB in {folder}, {free // 2**20} MiB are free: free some"
            " room there"
        )
