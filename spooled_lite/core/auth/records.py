"""Sign-in: what callers send, what a token says, what is answered."""

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

Credential = Annotated[str, Meta(min_length=CREDENTIAL_CHARS_MIN, max_length=CREDENTIAL_CHARS_MAX)]

# What can be written as a date: others may make tokens with a secret that was configured.
Seconds = Annotated[int, Meta(ge=0, le=253_402_300_799)]

# No quoted local parts, no addresses of machines: nobody has one who signs in here.
_EMAIL: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}"
)


# -- bodies --------------------------------------------------------------------------------------


class Login(Struct, kw_only=True):
    """Body of POST /auth/login."""

    api_key: Credential


class Refresh(Struct, kw_only=True):
    """Body of POST /auth/refresh."""

    refresh_token: Credential


class Logout(Struct, kw_only=True):
    """Body of POST /auth/logout. A value that is no token is ignored."""

    refresh_token: str | None = None


class Validate(Struct, kw_only=True):
    """Body of POST /auth/validate."""

    token: str


class EmailAddress(Struct, kw_only=True):
    """Body of POST /auth/email/start and /auth/email/check."""

    email: str


class EmailCode(Struct, kw_only=True):
    """Body of POST /auth/email/verify."""

    email: str
    code: Annotated[str, Meta(pattern=r"\A[0-9]{6}\Z")]


class AddressCode(Struct, kw_only=True):
    """Body of POST /organizations/{id}/billing-email/confirm."""

    code: Annotated[str, Meta(pattern=r"\A[0-9]{10}\Z")]


class CompleteSignup(Struct, kw_only=True):
    """Body of POST /auth/signup/complete."""

    signup_token: Credential
    name: Annotated[str, Meta(min_length=3, max_length=100)]
    slug: str | None = None  # made from the name, as for any organization


def checked_email(text: str) -> str:
    """The address in small letters: how accounts are compared.

    Raises:
        RuleBroken: it is no address.
    """
    address = text.strip()
    if len(address) > EMAIL_CHARS_MAX or not _EMAIL.fullmatch(address):
        raise RuleBroken.of("email", "Field `email` must be an email address", "email")
    return address.lower()


def masked_email(address: str) -> str:
    """As it is shown to whoever typed it: `a***@example.com`."""
    name, _, domain = address.partition("@")
    return f"{name[:1]}***@{domain}"


# -- tokens --------------------------------------------------------------------------------------


class Claims(Struct, frozen=True, kw_only=True):
    """What an access or refresh token says. Times are Unix seconds. Contract: platform, 2.5."""

    sub: str  # the organization
    org_id: str  # the same
    api_key_id: str
    secret_id: str  # of the key's secret when it was made; a token of an older one is worth nothing
    queues: list[str]  # as they were when it was made; the key decides
    token_type: TokenKind
    iat: Seconds
    nbf: Seconds
    exp: Seconds
    jti: str


class ClaimsShown(Claims, frozen=True, kw_only=True):
    """Claims as they are shown, with another name for the organization."""

    organization_id: str


class SignupClaims(Struct, frozen=True, kw_only=True):
    """What a sign-up token says: whoever has it has read the mail to this address."""

    email: str
    token_type: Literal["signup"]
    iat: Seconds
    nbf: Seconds
    exp: Seconds
    jti: str


class Tokens(Struct, frozen=True, kw_only=True):
    """The five fields of a sign-in. Contract: platform, 7.1."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int
    refresh_expires_in: int


class Validated(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Answer of POST /auth/validate. Contract: platform, 7.5."""

    valid: bool
    claims: ClaimsShown | None = None
    organization_id: str | None = None
    api_key_id: str | None = None
    queues: Sequence[str] | None = None
    expires_at: str | None = None
    error: str | None = None
    message: str | None = None


class Refreshed(Struct, frozen=True, kw_only=True):
    """A new access token. The refresh token stays good: clients go on using it."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int


class Subject(Struct, frozen=True, kw_only=True):
    """Whom a token is for."""

    org_id: str
    key_id: str
    secret_id: str
    queues: Sequence[str]


# -- answers -------------------------------------------------------------------------------------


class OrganizationOfMe(Struct, frozen=True):
    id: str
    name: str
    slug: str
    plan_tier: str
    billing_email: str | None


class Me(Struct, frozen=True, kw_only=True):
    """Answer of GET /auth/me. Contract: platform, 7.4."""

    organization_id: str
    api_key_id: str
    queues: Sequence[str]
    issued_at: str
    expires_at: str
    organization: OrganizationOfMe
    permissions: Sequence[str]
    id: str
    email: str
    name: str
    role: Literal["owner", "member"]
    created_at: str
    updated_at: str


class Membership(Struct, frozen=True):
    id: str
    role: Literal["owner"] = "owner"


class SignedIn(Tokens, frozen=True, kw_only=True):
    """Answer of POST /auth/email/verify for an address that has an account."""

    type: Literal["login"] = "login"
    user_id: str
    email: str
    organizations: Sequence[Membership]


class MaySignUp(Struct, frozen=True, kw_only=True):
    """Its answer for any other address."""

    type: Literal["signup"] = "signup"
    signup_token: str
    email: str
    expires_in: int = CODE_SECONDS


class OrganizationOfSignup(Struct, frozen=True):
    id: str
    name: str
    slug: str
    billing_email: str


class SignedUp(Tokens, frozen=True, kw_only=True):
    """Answer of POST /auth/signup/complete."""

    api_key: str
    organization: OrganizationOfSignup


class CodeSent(Struct, frozen=True, kw_only=True):
    """Answer of POST /auth/email/start: the same whether or not the address is known."""

    success: bool = True
    sent: bool = True
    message: str = "If this address can sign in, a code is on its way to it"
    email_sent_to: str
    expires_in: int = CODE_SECONDS
    code_expires_in: int = CODE_SECONDS


class ConfirmationSent(Struct, frozen=True, kw_only=True):
    """Answer of POST /organizations/{id}/billing-email/code."""

    success: bool = True
    email_sent_to: str
    expires_in: int = CODE_SECONDS


class EmailChecked(Struct, frozen=True, kw_only=True):
    """Answer of the three spellings of the check of an address."""

    exists: bool
    available: bool
    signup_enabled: bool
    has_organizations: bool
    can_register: bool
    provider: None = None
