"""Which API keys work again in a restored file, in words for its administrator."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from spooled_lite.clock import SystemClock
from spooled_lite.core.maintenance.restored import KeyAlive, keys_alive_again
from spooled_lite.storage.file_kind import open_to_look
from spooled_lite.storage.transaction import Reading

SHOWN_MAX: Final = 100  # more are counted
_UNKNOWN: Final = (
    "mind      API keys and tokens that were revoked after it work again: revoke them once more"
)
_TOKENS: Final = "mind      tokens that were revoked after it work again until they end"

KeysAlive = list[KeyAlive] | None  # None: there is no newer file, or it cannot be read


def keys_alive(restored: str, *, newer: str) -> KeysAlive:
    """The keys that work in one file and not in the newer one that it takes the place of."""
    if not os.path.exists(newer):
        return None
    try:
        with _looked_at(restored) as of_then, _looked_at(newer) as of_now:
            return keys_alive_again(of_then, of_now)
    except sqlite3.Error:  # the newer one is damaged, perhaps: so it is restored
        return None


def said_of_keys(alive: KeysAlive) -> list[str]:
    if alive is None:
        return [_UNKNOWN]
    lines = [
        f"mind      the API key {key.prefix}… ({key.name}, of {key.organization}) works again:"
        " revoke it once more"
        for key in alive[:SHOWN_MAX]
    ]
    if len(alive) > SHOWN_MAX:
        lines.append(f"mind      and {len(alive) - SHOWN_MAX} more API keys work again")
    return [*lines, _TOKENS]


@contextmanager
def _looked_at(path: str) -> Iterator[Reading]:
    connection = open_to_look(path)
    try:
        yield Reading(connection, SystemClock().now_ms())
    finally:
        connection.close()
