"""Who is calling and what the caller may do; the same for every protocol."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from msgspec import Struct, structs

from spooled_lite.clock import Clock
from spooled_lite.core.auth.columns import RevokedRow
from spooled_lite.core.auth.records import CREDENTIAL_CHARS_MAX, Claims
from spooled_lite.core.auth.tokens import Signer, is_alive
from spooled_lite.core.auth.verify import find_of_token
from spooled_lite.core.keys.columns import KeyRow
from spooled_lite.core.keys.in_process import InProcessKey, find_in_process
from spooled_lite.core.keys.records import Credential, Grants, Scope, hash_of
from spooled_lite.core.keys.verify import (
    LAST_USED_EVERY_MS,
    find_by_hash,
    find_by_id,
    is_in_process,
    note_use,
)
from spooled_lite.core.keys.words import EVERYTHING, implied_words
from spooled_lite.errors import AccessDenied, Unauthorized
from spooled_lite.events import Event, EventBus
from spooled_lite.plans import OwnLimits
from spooled_lite.storage.database import Database
from spooled_lite.storage.transaction import Reading

CACHED_MAX: Final = 10_000  # callers; the longest known goes first
READS_MAX: Final = 10  # of one credential: each is microseconds, and a change between two is rare

T = TypeVar("T")


class Caller(Struct, frozen=True, kw_only=True):
    org: int
    org_id: str
    plan_tier: str
    custom_limits: OwnLimits | None
    key: int
    key_id: str
    secret_id: str  # which of the key's secrets it has shown, itself or through a token
    scope: Scope
    words: frozenset[str] | None  # every permission it has; None: all
    rate_limit: int | None  # requests per minute
    expires_at_ms: int | None
    token: Claims | None = None  # of a caller that shows an access token of its key
    is_in_process: bool = False  # it shows the key of the process

    @classmethod
    def of(cls, found: Credential, token: Claims | None = None) -> "Caller":
        return cls(
            org=found.org,
            org_id=found.org_id,
            plan_tier=found.plan_tier,
            custom_limits=found.custom_limits,
            key=found.key,
            key_id=found.key_id,
            secret_id=found.secret_id,
            scope=found.scope,
            words=None if found.permissions is None else implied_words(found.permissions),
            rate_limit=found.rate_limit,
            expires_at_ms=found.expires_at_ms,
            token=token,
            is_in_process=is_in_process(found.key),
        )

    @property
    def grants(self) -> Grants:
        """What the caller may give to another key."""
        return Grants(self.scope, self.words)

    def is_concerned_by(self, event: Event) -> bool:
        """Whether this change may end what the caller may do."""
        match event.type:
            case "storage.reopened":
                return True
            case "org.changed":
                return event.org == self.org
            case "key.changed":
                key: KeyRow = event.row
                return key["seq"] == self.key
            case "token.revoked":
                token: RevokedRow = event.row
                return self.token is not None and token["id"] == self.token.jti
            case _:
                return False

    def may(self, word: str) -> bool:
        return self.words is None or word in self.words or EVERYTHING in self.words

    def check_may(self, *words: str) -> None:
        """Raises AccessDenied: the key has none of these permissions."""
        known = self.words
        if known is not None and EVERYTHING not in known and known.isdisjoint(words):
            raise AccessDenied(f"This key lacks the permission `{words[0]}`")


class Callers:
    """Callers in memory, by the hash of their credential; an authenticated request needs no read.

    A change of a key, a token or an organization is announced before it is answered: once a
    revocation is answered, the key or token is refused. Use it from one event loop.
    """

    def __init__(self, db: Database, *, clock: Clock, bus: EventBus, signer: Signer) -> None:
        self._db = db
        self._clock = clock
        self._signer = signer
        self._known: dict[bytes, Caller] = {}
        self._used_at_ms: dict[int, int] = {}  # by key; when its use was last written down
        self._in_process: InProcessKey | None = None
        self.generation = 0  # grows with every change of a key, a token or an organization
        bus.listen(self._forget)

    @property
    def known_count(self) -> int:
        return len(self._known)

    def take_in(self, key: InProcessKey) -> None:
        """From now on this key is known, which no row stands for."""
        self._in_process = key

    async def authenticate(self, headers: Mapping[bytes, bytes]) -> Caller:
        """The caller of a request with these headers.

        Raises:
            Unauthorized: there is no credential, or it is unknown, revoked or expired.
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
        return await self.find_hash(hash_of(credential))

    async def find_key(self, key: str) -> Caller:
        """The caller with this API key, and no token, to make tokens for it.

        Raises: as `authenticate`; Unauthorized also for the key of the process, since a token can
            leave the process and outlive it.
        """
        caller = await self.find_hash(hash_of(key))
        if caller.is_in_process:
            raise Unauthorized
        return caller

    async def find_hash(self, key_hash: bytes) -> Caller:
        """The caller whose API key has this hash. Raises as `authenticate`."""
        caller = self._known.get(key_hash)
        if caller is None:
            own = self._in_process
            if own is not None and own.hash == key_hash:
                found = await self._read(find_in_process, own.org)
            else:
                found = await self._read(find_by_hash, key_hash)
            caller = self._caller_of(found)
            self._remember(key_hash, caller)
        return self._checked(caller)

    async def of_claims(self, claims: Claims) -> Caller:
        """The caller that a token of any kind stands for, with the rights its key has now.

        Raises: as `authenticate`, also for a token that was revoked.
        """
        found = await self._read(find_of_token, claims)
        # Without the copy of the queues, which may be long.
        return self._checked(self._caller_of(found, structs.replace(claims, queues=[])))

    async def _of_token(self, token: str) -> Caller:
        token_hash = hashlib.sha256(token.encode("utf-8")).digest()
        now_ms = self._clock.now_ms()
        known = self._known.get(token_hash)
        if known is not None and known.token is not None:
            if not is_alive(known.token, now_ms=now_ms):
                raise Unauthorized
            return self._checked(known)
        claims = self._signer.read(token, now_ms=now_ms)
        if claims is None or claims.token_type != "access":
            raise Unauthorized
        caller = await self.of_claims(claims)
        self._remember(token_hash, caller)
        return caller

    async def again(self, caller: Caller) -> Caller:
        """A caller that was admitted a while ago, with the rights it has now.

        Raises: as `authenticate`; Unauthorized also when its key has another secret by now.
        """
        if caller.token is not None:
            return await self.of_claims(caller.token)
        if caller.is_in_process:
            return self._checked(self._caller_of(await self._read(find_in_process, caller.org)))
        return await self.of_key(caller.key_id, caller.secret_id)

    async def of_key(self, key_id: str, secret_id: str) -> Caller:
        """The key with this id, with the rights it has now.

        Raises: as `authenticate`; Unauthorized also when the key has another secret by now.
        """
        found = await self._read(find_by_id, key_id)
        if found is not None and found.secret_id != secret_id:
            raise Unauthorized
        return self._checked(self._caller_of(found))

    async def _read(
        self, find: Callable[[Reading, T], Credential | None], what: T
    ) -> Credential | None:
        """A credential from the file; read again when a change was announced meanwhile.

        Otherwise a read from before a change that is already answered would be kept in memory.
        """
        for _ in range(READS_MAX):
            generation = self.generation
            found = await self._db.readers.point(find, what)
            if generation == self.generation:
                break
        return found

    def _caller_of(self, found: Credential | None, token: Claims | None = None) -> Caller:
        if found is None or not found.is_active or found.org_is_deleted:
            raise Unauthorized
        if not found.org_is_active:
            raise AccessDenied("This organization is suspended")
        if found.last_used_ms is not None:
            self._used_at_ms.setdefault(found.key, found.last_used_ms)
        return Caller.of(found, token)

    def _remember(self, credential_hash: bytes, caller: Caller) -> None:
        # Only known credentials are kept: made-up ones could fill the memory.
        if len(self._known) >= CACHED_MAX:
            del self._known[next(iter(self._known))]
        self._known[credential_hash] = caller

    def _checked(self, caller: Caller) -> Caller:
        now_ms = self._clock.now_ms()
        if caller.expires_at_ms is not None and caller.expires_at_ms <= now_ms:
            raise Unauthorized
        self._note_use(caller, now_ms)
        return caller

    def _note_use(self, caller: Caller, now_ms: int) -> None:
        used_at_ms = self._used_at_ms.get(caller.key)
        if used_at_ms is not None and now_ms - used_at_ms < LAST_USED_EVERY_MS:
            return
        if len(self._used_at_ms) >= CACHED_MAX:
            self._used_at_ms.clear()
        self._used_at_ms[caller.key] = now_ms
        # Not awaited: a note that is lost is written five minutes later.
        self._db.submit(caller.org, note_use, caller.key)

    def _forget(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.type == "key.changed":
                key: KeyRow = event.row
                self._drop(key=key["seq"])
            elif event.type == "org.changed":
                self._drop(org=event.org)
            elif event.type == "token.revoked":
                token: RevokedRow = event.row
                self._drop(token_id=token["id"])
            elif event.type == "storage.reopened":
                self.generation += 1
                self._known.clear()

    def _drop(
        self, *, key: int | None = None, org: int | None = None, token_id: str | None = None
    ) -> None:
        self.generation += 1
        gone = [
            credential_hash
            for credential_hash, caller in self._known.items()
            if caller.key == key
            or caller.org == org
            or (caller.token is not None and caller.token.jti == token_id)
        ]
        for credential_hash in gone:
            del self._known[credential_hash]


def credential_of(headers: Mapping[bytes, bytes]) -> str | None:
    """The value of `Authorization: Bearer`, else of `X-API-Key`; None: none that is usable."""
    authorization = headers.get(b"authorization")
    if authorization is not None:
        scheme, _, value = authorization.strip().partition(b" ")
        if scheme.lower() != b"bearer":
            return None
    else:
        value = headers.get(b"x-api-key", b"")
    value = value.strip()
    if not value or len(value) > CREDENTIAL_CHARS_MAX or not value.isascii():
        return None
    return value.decode("ascii")
