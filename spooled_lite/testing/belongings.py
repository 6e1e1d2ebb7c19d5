"""Which world a key, and which an organization, belongs to: those that a world has made itself.

A fork has its parent's keys and organizations as well, but they lead to the parent.
"""

import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from spooled_lite.core.keys.issue import SecretTaken
from spooled_lite.core.keys.records import hash_of
from spooled_lite.core.keys.verify import find_by_hash
from spooled_lite.errors import Unavailable
from spooled_lite.events import Event
from spooled_lite.storage.database import Database
from spooled_lite.storage.transaction import Reading
from spooled_lite.testing import statements
from spooled_lite.testing.origin import hashes_of
from spooled_lite.testing.world import World

READS_MAX: Final = 100  # of one hash: a throw-away file is hardly ever busy


class Belongings:
    """Used on the event loop's thread. A change of a key or an organization is known before the
    call that made it is answered."""

    def __init__(self) -> None:
        self._keys: dict[bytes, str] = {}
        self._organizations: dict[str, str] = {}
        self._reserved: set[bytes] = set()  # by calls under way that want to make such keys

    async def learn(self, it: World) -> None:
        """All that the first world has."""
        hashes, organizations = await it.app.services.db.readers.read(_everything)
        self._keys |= dict.fromkeys(hashes, it.name)
        self._organizations |= dict.fromkeys(organizations, it.name)

    def hear(self, it: World, events: Sequence[Event]) -> None:
        keys = [event.row["seq"] for event in events if event.type == "key.changed"]
        for each in _read(it.app.services.db, keys) if keys else ():
            self._keys.setdefault(each, it.name)
        for event in events:
            if event.type == "org.changed":
                self._organizations.setdefault(event.row["id"], it.name)

    def add_organization(self, organization_id: str, name: str) -> None:
        self._organizations[organization_id] = name

    def forget(self, name: str) -> None:
        """The world is gone."""
        self._keys = {key: each for key, each in self._keys.items() if each != name}
        self._organizations = {
            organization: each for organization, each in self._organizations.items() if each != name
        }

    @asynccontextmanager
    async def reserving(
        self, worlds: Mapping[str, World], name: str, secrets: Sequence[tuple[str, str]]
    ) -> AsyncIterator[None]:
        """Have chosen keys, each with its place in a seed, lead to a world that is about to make
        them. If it does not, they go on leading there, where nobody has them, until another world
        makes them.

        Whether the world has such a key itself is found out by the operation that makes it.

        Raises:
            SecretTaken: a key leads to another world, or another call is about to make it.
        """
        hashes: list[bytes] = []
        try:
            for place, secret in secrets:
                key = hash_of(secret)
                if key in self._reserved:
                    raise SecretTaken().placed(place)
                self._reserved.add(key)
                hashes.append(key)
            for (place, _), key in zip(secrets, hashes, strict=True):
                holder = self._keys.get(key)
                if holder != name and await _has(worlds.get(holder or ""), key):
                    raise SecretTaken().placed(place)
            self._keys |= dict.fromkeys(hashes, name)
            yield
        finally:
            self._reserved.difference_update(hashes)

    def world_of_key(self, key: str) -> str | None:
        return self._keys.get(hash_of(key))

    def world_of_organization(self, organization_id: str) -> str | None:
        return self._organizations.get(organization_id)


async def _has(it: World | None, key: bytes) -> bool:
    """Whether the world still has this key: a reset may have taken it."""
    if it is None:
        return False
    return await it.app.services.db.readers.read(find_by_hash, key) is not None


def _read(database: Database, keys: Sequence[int]) -> list[bytes]:
    for _ in range(READS_MAX):
        try:
            return database.readers.at_once(hashes_of, keys)
        except Unavailable:
            return []  # the world is being stopped
        except sqlite3.Error:
            continue
    return []


def _everything(reading: Reading) -> tuple[list[bytes], list[str]]:
    return reading.values(statements.HASHES), reading.values(statements.ORGANIZATION_IDS)
