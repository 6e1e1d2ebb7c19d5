"""Who is calling and what they may do; the same for every protocol."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from spooled_lite.clock import Clock
from spooled_lite.core.keys.records import Credential, Scope, hash_of
from spooled_lite.core.keys.verify import LAST_USED_EVERY_MS, find_by_hash, note_use
from spooled_lite.errors import AccessDenied, Unauthorized
from spooled_lite.events import Event, EventBus
from spooled_lite.storage.database import Database

CACHED_MAX: Final = 10_000  # callers; the longest known goes first
CREDENTIAL_BYTES_MAX: Final = 4096  # longer than any key or token

# Resources that `jobs:read` and `jobs:write` open as well: platform, section 2.4.
_LIKE_JOBS: Final = ("queues", "workers", "schedules", "workflows")
_IMPLIED: Final[Mapping[str, tuple[str, ...]]] = {
    "write": ("read",),
    "admin": ("write", "read"),
    "*": ("write", "read", "admin", "delete"),
}


class Caller(Struct, frozen=True, kw_only=True):
    org: int
    org_id: str
    plan_tier: str
    custom_limits: Mapping[str, Any] | None
    key: int
    key_id: str
    scope: Scope
    words: frozenset[str] | None  # every permission word it has; None: all there are
    rate_limit: int | None  # requests per minute
    expires_at_ms: int | None

    @classmethod
    def of(cls, found: Credential) -> "Caller":
        return cls(
            org=found.org,
            org_id=found.org_id,
            plan_tier=found.plan_tier,
            custom_limits=found.custom_limits,
            key=found.key,
            key_id=found.key_id,
            scope=found.scope,
            words=None if found.permissions is None else implied_words(found.permissions),
            rate_limit=found.rate_limit,
            expires_at_ms=found.expires_at_ms,
        )

    def may(self, word: str) -> bool:
        return self.words is None or word in self.words or "*" in self.words

    def may_any(self, words: Iterable[str]) -> bool:
        return any(self.may(word) for word in words)


class Callers:
    """Callers in memory, by the hash of their key; an authenticated request needs no read.

    A change of a key or an organization is announced before it is answered, so whoever has the
    answer to a revocation finds the key dead. Use it from one event loop.
    """

    def __init__(self, db: Database, *, clock: Clock, bus: EventBus) -> None:
        self._db = db
        self._clock = clock
        self._known: dict[bytes, Caller] = {}
        self._used_at_ms: dict[int, int] = {}  # by key; when its use was last written down
        self._generation = 0
        bus.listen(self._forget)

    @property
    def known_count(self) -> int:
        return len(self._known)

    async def authenticate(self, headers: Mapping[bytes, bytes]) -> Caller:
        """The caller whom these headers name.

        Raises:
            Unauthorized: they name none, or one that is unknown, revoked or expired.
            AccessDenied: the organization is suspended.

        Contract: platform, sections 2.1 and 2.6.
        """
        credential = credential_of(headers)
        if credential is None:
            raise Unauthorized
        return await self.find(credential)

    async def find(self, credential: str) -> Caller:
        """The caller with this API key or token. Raises as `authenticate`."""
        if credential.startswith("eyJ"):
            return await self._of_token(credential)
        key_hash = hash_of(credential)
        caller = self._known.get(key_hash) or await self._read(key_hash)
        now_ms = self._clock.now_ms()
        if caller.expires_at_ms is not None and caller.expires_at_ms <= now_ms:
            raise Unauthorized
        self._note_use(caller, now_ms)
        return caller

    async def _of_token(self, token: str) -> Caller:
        """The one place for access tokens; none are issued yet."""
        raise Unauthorized

    async def _read(self, key_hash: bytes) -> Caller:
        # Unknown keys are not remembered: whoever makes them up could fill the memory.
        generation = self._generation
        found = await self._db.readers.point(find_by_hash, key_hash)
        if found is None or not found.is_active or found.org_is_deleted:
            raise Unauthorized
        if not found.org_is_active:
            raise AccessDenied("This organization is suspended")
        caller = Caller.of(found)
        # What was read while something changed may be what was before it.
        if generation == self._generation:
            if len(self._known) >= CACHED_MAX:
                del self._known[next(iter(self._known))]
            self._known[key_hash] = caller
            if found.last_used_ms is not None:
                self._used_at_ms.setdefault(found.key, found.last_used_ms)
        return caller

    def _note_use(self, caller: Caller, now_ms: int) -> None:
        used_at_ms = self._used_at_ms.get(caller.key)
        if used_at_ms is not None and now_ms - used_at_ms < LAST_USED_EVERY_MS:
            return
        if len(self._used_at_ms) >= CACHED_MAX:
            self._used_at_ms.clear()
        self._used_at_ms[caller.key] = now_ms
        # Nobody waits for it: a note that is lost is written five minutes later.
        self._db.submit(note_use, (caller.key,), owner=caller.org)

    def _forget(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.type == "key.changed":
                self._drop(key=event.row["seq"])
            elif event.type == "org.changed":
                self._drop(org=event.org)
            elif event.type == "storage.reopened":
                self._generation += 1
                self._known.clear()

    def _drop(self, *, key: int | None = None, org: int | None = None) -> None:
        self._generation += 1
        gone = [
            key_hash
            for key_hash, caller in self._known.items()
            if caller.key == key or caller.org == org
        ]
        for key_hash in gone:
            del self._known[key_hash]


def credential_of(headers: Mapping[bytes, bytes]) -> str | None:
    """What stands in `Authorization: Bearer`, else in `X-API-Key`. None: nothing usable."""
    authorization = headers.get(b"authorization")
    if authorization is not None:
        scheme, _, value = authorization.strip().partition(b" ")
        if scheme.lower() != b"bearer":
            return None
    else:
        value = headers.get(b"x-api-key", b"")
    value = value.strip()
    if not value or len(value) > CREDENTIAL_BYTES_MAX or not value.isascii():
        return None
    return value.decode("ascii")


def implied_words(given: Iterable[str]) -> frozenset[str]:
    """Every word that a list of words grants. Contract: platform, section 2.4."""
    words = set(given)
    for word in given:
        resource, _, action = word.partition(":")
        words |= {f"{resource}:{implied}" for implied in _IMPLIED.get(action, ())}
    for action in ("read", "write"):
        if f"jobs:{action}" in words:
            words |= {f"{resource}:{action}" for resource in _LIKE_JOBS}
    return frozenset(words)
