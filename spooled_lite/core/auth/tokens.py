"""Sign and read tokens. Contract: platform, section 2.5."""

from collections.abc import Sequence
from typing import Final, TypeVar

import jwt
import msgspec
from jwt.types import Options

from spooled_lite.core.auth.records import (
    CODE_SECONDS,
    CREDENTIAL_CHARS_MAX,
    Claims,
    SignupClaims,
    Subject,
    TokenKind,
    TokenPair,
)

C = TypeVar("C", Claims, SignupClaims)

ALGORITHM: Final = "HS256"  # whatever algorithm a token names
LEEWAY_SECONDS: Final = 60
REFRESH_TIMES: Final = 24  # a refresh token lives that many times as long as an access token
KEY_BYTES_MIN: Final = 32
QUEUES_BYTES_MAX: Final = 20_000  # of their copy in a token: 50 of 255 ASCII characters have room

# What PyJWT compares with the time of the system is compared with ours, in `is_alive`.
_OPTIONS: Final[Options] = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
}


class Signer:
    """Makes and reads tokens with one secret. Does not know which tokens were revoked."""

    def __init__(self, secret: bytes, *, access_seconds: int) -> None:
        # HMAC itself fills a short key up with zeros: the signatures are those of the secret.
        self._key = secret.ljust(KEY_BYTES_MIN, b"\0")
        self.access_seconds = access_seconds
        self.refresh_seconds = access_seconds * REFRESH_TIMES

    @property
    def secret(self) -> bytes:
        return self._key

    def tokens(
        self, subject: Subject, *, now_ms: int, access_id: str, refresh_id: str
    ) -> TokenPair:
        return TokenPair(
            access_token=self._of_key(subject, "access", now_ms, access_id),
            refresh_token=self._of_key(subject, "refresh", now_ms, refresh_id),
            access_seconds=self.access_seconds,
            refresh_seconds=self.refresh_seconds,
        )

    def access_token(self, subject: Subject, *, now_ms: int, token_id: str) -> str:
        return self._of_key(subject, "access", now_ms, token_id)

    def signup_token(self, email: str, *, now_ms: int, token_id: str) -> str:
        now = now_ms // 1000
        return self._signed(
            SignupClaims(
                email=email,
                token_type="signup",
                iat=now,
                nbf=now,
                exp=now + CODE_SECONDS,
                jti=token_id,
            )
        )

    def read(self, token: str, *, now_ms: int) -> Claims | None:
        """The claims of an access or refresh token; None: not signed by this server, or expired."""
        return self._read(token, Claims, now_ms)

    def read_signup(self, token: str, *, now_ms: int) -> SignupClaims | None:
        return self._read(token, SignupClaims, now_ms)

    def _of_key(self, subject: Subject, kind: TokenKind, now_ms: int, token_id: str) -> str:
        now = now_ms // 1000
        seconds = self.access_seconds if kind == "access" else self.refresh_seconds
        return self._signed(
            Claims(
                sub=subject.org_id,
                org_id=subject.org_id,
                api_key_id=subject.key_id,
                secret_id=subject.secret_id,
                queues=_as_many_as_fit(subject.queues),
                token_type=kind,
                iat=now,
                nbf=now,
                exp=now + seconds,
                jti=token_id,
            )
        )

    def _signed(self, claims: Claims | SignupClaims) -> str:
        return jwt.encode(msgspec.to_builtins(claims), self._key, algorithm=ALGORITHM)

    def _read(self, token: str, kind: type[C], now_ms: int) -> C | None:
        if len(token) > CREDENTIAL_CHARS_MAX or not token.isascii():
            return None
        try:
            said = jwt.decode(token, self._key, algorithms=[ALGORITHM], options=_OPTIONS)
            claims = msgspec.convert(said, kind)
        # Deep nesting inside of a token ends in the last one; only we could have signed it.
        except (jwt.InvalidTokenError, msgspec.ValidationError, RecursionError):
            return None
        return claims if is_alive(claims, now_ms=now_ms) else None


def is_alive(claims: Claims | SignupClaims, *, now_ms: int) -> bool:
    """Whether it is valid at this time, with LEEWAY_SECONDS for clocks that differ."""
    leeway_ms = LEEWAY_SECONDS * 1000
    return claims.nbf * 1000 - leeway_ms <= now_ms < claims.exp * 1000 + leeway_ms


def _as_many_as_fit(queues: Sequence[str]) -> list[str]:
    """Headers have a limit. The copy is only for people to read; the key itself decides."""
    fitting: list[str] = []
    room = QUEUES_BYTES_MAX
    for queue in queues:
        room -= len(ascii(queue)) + 1
        if room < 0:
            break
        fitting.append(queue)
    return fitting
