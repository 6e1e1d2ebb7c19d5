"""The file with the first API key, for a start whose output is no terminal.

What a service manager or a container collects of the output is kept for long and read by many.
"""

import logging
import os
from pathlib import Path
from typing import Final

from spooled_lite.storage.throwaway import KEY_SUFFIX

logger = logging.getLogger(__name__)

NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def keep(key: str, database: str) -> None:
    """Write the key into a file beside the database, for its owner alone.

    A server whose disk does not take it runs all the same, and says how to get another key.
    """
    path = Path(database + KEY_SUFFIX)
    try:
        _write(path, key)
    except OSError as error:
        logger.error(
            "the first API key could not be written to %s: %s. Stop the server and make another:"
            " spooled-lite keys create --database %s",
            path,
            error.strerror,
            database,
        )


def found(database: str) -> str | None:
    """The file that was written for this database, at this start or an earlier one.

    Says in the log where it is, each time, until somebody deletes it.
    """
    path = database + KEY_SUFFIX
    if not os.path.isfile(path):
        return None
    logger.info("the first API key is in %s: keep it in a safe place and delete the file", path)
    return path


def _write(path: Path, key: str) -> None:
    # The file of an earlier database may be readable by others, or be a link: it is not reused.
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, NEW_FILE, 0o600), "w") as file:
        file.write(f"{key}\n")
        file.flush()
        os.fsync(file.fileno())
