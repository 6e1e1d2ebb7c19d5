"""Sign-in: what a token says, and the rules for addresses."""

import re
from collections.abc import Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from spooled_lite.errors import RuleBroken

TokenKind = Literal["access", "refresh"]

CREDENTIAL_CHARS_MIN: Final = 10
CREDENTIAL_CHARS_MAX: Final = 32_768  # of a token of a key with very many long queues
EMAIL_CHARS_MAX: Final = 254
CODE_SECONDS: Final = 900
CODE_TRIES_MAX: Final = 5


# Times that can be shown as a date: a configured secret allows others to make tokens.
EpochSeconds = Annotated[int, Meta(ge=0, le=253_402_300_799)]

# No quoted local parts and no IP addresses.
_EMAIL: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}"
)


def checked_email(text: str) -> str:
    """The address in lower case, as accounts are compared.

    Raises:
        RuleBroken: it is not an address.
    """
    address = text.strip()
    if len(address) > EMAIL_CHARS_MAX or not _EMAIL.fullmatch(address):
        raise RuleBroken.of("email", "Field `email` must be an email address", "email")
    return address.lower()


def masked_email(address: str) -> str:
    """The address as it is shown: `a***@example.com`."""
    name, _, domain = address.partition("@")
    return f"{name[:1]}***@{domain}"


class Claims(Struct, frozen=True, kw_only=True):
    """What an access or refresh token says. Times are Unix seconds. Contract: platform, 2.5."""

    sub: str  # the organization
    org_id: str  # the same
    api_key_id: str
    secret_id: str  # of the key's secret at that time; after a new secret the token is refused
    queues: list[str]  # of the key at that time; the key itself decides
    token_type: TokenKind
    iat: EpochSeconds
    nbf: EpochSeconds
    exp: EpochSeconds
    jti: str


class SignupClaims(Struct, frozen=True, kw_only=True):
    """What a sign-up token says: its holder has shown a code mailed to this address."""

    email: str
    token_type: Literal["signup"]
    iat: EpochSeconds
    nbf: EpochSeconds
    exp: EpochSeconds
    jti: str


class Subject(Struct, frozen=True, kw_only=True):
    """The key that a token stands for."""

    org_id: str
    key_id: str
    secret_id: str
    queues: Sequence[str]


class TokenPair(Struct, frozen=True, kw_only=True):
    """The tokens of a sign-in, and how long each of them lives."""

    access_token: str
    refresh_token: str
    access_seconds: int
    refresh_seconds: int

    def __repr__(self) -> str:
        return "TokenPair()"
