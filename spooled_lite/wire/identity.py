"""Who opens a stream, by a credential in a header or in the query, and whether it may go on.

Contract: realtime, section 2. The query is never logged.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal

from msgspec import Struct

from spooled_lite.core.auth.records import CREDENTIAL_CHARS_MAX, Claims
from spooled_lite.core.auth.tokens import Signer
from spooled_lite.core.auth.verify import find_of_token
from spooled_lite.core.keys.records import hash_of
from spooled_lite.core.keys.verify import find_by_hash
from spooled_lite.errors import Unauthorized
from spooled_lite.storage.readers import Readers
from spooled_lite.wire.caller import Caller, Callers

WORD: Final = "jobs:read"

CameBy = Literal["authorization", "x-api-key", "query"]

MISSING: Final = "Missing authentication token"
INVALID: Final = "Invalid or expired token"
REVOKED: Final = "Token has been revoked"


class Identity(Struct):
    """Who has opened a stream, and how to check it again. Keeps no credential."""

    caller: Caller
    came_by: CameBy
    key_hash: bytes | None  # None: it has shown a token

    @property
    def same(self) -> object:
        """The same for streams that were opened with the same credential."""
        return self.key_hash or (self.caller.token and self.caller.token.jti)


class Identities:
    def __init__(self, callers: Callers, readers: Readers, signer: Signer) -> None:
        self._callers = callers
        self._readers = readers
        self._signer = signer

    async def of(
        self, headers: Mapping[bytes, bytes], query: Callable[[str], list[str]], *, now_ms: int
    ) -> Identity:
        """The first credential there is: `Authorization`, `X-API-Key`, `token`, `api_key`.

        Raises:
            Unauthorized: there is no credential, or it is not valid; the message says which.
            AccessDenied: the organization is suspended.
        """
        credential, came_by = _shown(headers, query)
        if not credential:
            raise Unauthorized(MISSING)
        if len(credential) > CREDENTIAL_CHARS_MAX or not credential.isascii():
            raise Unauthorized(INVALID)
        try:
            caller = await self._callers.find(credential)
        except Unauthorized:
            was_good = await self._was_good(credential, now_ms)
            raise Unauthorized(REVOKED if was_good else INVALID) from None
        return Identity(caller, came_by, None if caller.token else hash_of(credential))

    async def again(self, identity: Identity) -> Caller:
        """The caller with the rights it has now. A token may have expired meanwhile.

        Raises:
            Unauthorized: the key or the token was revoked, or the organization deleted.
            AccessDenied: the organization is suspended.
        """
        token = identity.caller.token
        if identity.key_hash is not None:
            return await self._callers.find_hash(identity.key_hash)
        assert token is not None, "there was a key or a token"
        return await self._callers.of_claims(token)

    async def _was_good(self, credential: str, now_ms: int) -> bool:
        """Whether this credential was valid once and was revoked."""
        if credential.startswith("eyJ"):
            claims: Claims | None = self._signer.read(credential, now_ms=now_ms)
            if claims is None or claims.token_type != "access":
                return False
            found = await self._readers.point(find_of_token, claims)
            if found is None:
                return True
        else:
            found = await self._readers.point(find_by_hash, hash_of(credential))
        return found is not None and (not found.is_active or found.org_is_deleted)


def _shown(headers: Mapping[bytes, bytes], query: Callable[[str], list[str]]) -> tuple[str, CameBy]:
    scheme, _, bearer = headers.get(b"authorization", b"").strip().partition(b" ")
    if scheme.lower() == b"bearer" and bearer.strip():
        return bearer.strip().decode("latin-1"), "authorization"
    if key := headers.get(b"x-api-key", b"").strip():
        return key.decode("latin-1"), "x-api-key"
    for name in ("token", "api_key"):
        if values := [value.strip() for value in query(name) if value.strip()]:
            return values[-1], "query"
    return "", "query"
