"""Tokens that let their holder listen to topics: made for a browser, which must not see a key.

A token is authenticated and encrypted (AES-256-GCM), so its holder can neither change nor read it.
It holds what it grants and which key made it; nothing is stored. Contract: catbird-capabilities,
section 13, R4.
"""

import base64
import binascii
import hmac
from functools import cached_property
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# Every token fits: PATTERNS_CHARS_MAX bounds its topics. The server takes URLs of 16 KiB.
TOKEN_CHARS_MAX: Final = 8_192
TTL_SECONDS_MAX: Final = 10 * 365 * 86_400  # ten years: a time that can be shown
# Chosen anew for each token. 2^32 tokens of one secret are as many as is prudent.
NONCE_BYTES: Final = 12

# So that the secret of the server gives other keys for other purposes.
_PURPOSE: Final = b"tokens for topics, first format"


class TopicGrant(Struct, frozen=True, array_like=True):
    """What a token grants, and the key and its secret that made it. `repr` is for logs."""

    key_id: str
    secret_id: str
    topics: tuple[str, ...]  # patterns, checked when it was made
    identity: str | None  # as whom its holder is present; None: as nobody
    expires_at_ms: int | None  # None: never by itself

    def __repr__(self) -> str:
        return f"TopicGrant({self.key_id})"


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(TopicGrant).decode


class TopicTokens:
    """Makes and reads tokens with one secret. Does not know which keys were revoked."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, _PURPOSE, "sha256")

    def make(self, grant: TopicGrant, nonce: bytes) -> str:
        """`nonce` is NONCE_BYTES by chance, never used before."""
        sealed = self._cipher.encrypt(nonce, _encode(grant), None)
        return base64.urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode("ascii")

    def read(self, token: str, *, now_ms: int) -> TopicGrant | None:
        """What a token grants; None: not made by this server, changed since, or expired.

        Whether its key may still grant that is for the caller to ask.
        """
        sealed = _bytes_of(token)
        if sealed is None:
            return None
        # Imported here: see `_cipher`.
        from cryptography.exceptions import InvalidTag

        try:
            opened = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
            grant = _decode(opened)
        # What is authentic was made by us; with a configured secret, perhaps by a newer version.
        except (InvalidTag, ValueError, msgspec.MsgspecError):
            return None
        is_over = grant.expires_at_ms is not None and grant.expires_at_ms <= now_ms
        return None if is_over else grant

    @cached_property
    def _cipher(self) -> "AESGCM":
        # Imported at the first token: most servers make none, and it takes 20 ms and 7 MiB.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)


def _bytes_of(token: str) -> bytes | None:
    """What a token is made of. Only one spelling of it counts."""
    if not NONCE_BYTES < len(token) <= TOKEN_CHARS_MAX or not token.isascii():
        return None
    try:
        given = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    spelled = base64.urlsafe_b64encode(given).rstrip(b"=").decode("ascii")
    return given if spelled == token else None
