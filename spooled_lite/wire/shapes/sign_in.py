"""Bodies and answers of sign-in. Contract: platform, section 7."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Self

import msgspec
from msgspec import Meta, Struct

from spooled_lite.core.auth.columns import SignedInRow
from spooled_lite.core.auth.records import (
    CODE_SECONDS,
    CREDENTIAL_CHARS_MAX,
    CREDENTIAL_CHARS_MIN,
    Claims,
    EpochSeconds,
    TokenKind,
    TokenPair,
)
from spooled_lite.core.keys.records import Scope, shown_permissions
from spooled_lite.times import format_ms
from spooled_lite.wire.shapes.about import a_count, a_time, about, one_of
from spooled_lite.wire.shapes.billing import PlanTier
from spooled_lite.wire.shapes.common import CreatedAt, Id, IsSuccess, OrganizationId, UpdatedAt
from spooled_lite.wire.shapes.keys import A_SECRET, Permissions, Queues
from spooled_lite.wire.shapes.organizations import (
    A_KEY_ID,
    AN_EMAIL,
    BillingEmail,
    CodeExpiresIn,
    Email,
    KeyId,
    KeyName,
    MaskedEmail,
    Name,
    Role,
    Slug,
)

FOR_EVER: Final = "9999-12-31T23:59:59Z"  # shown as the expiry of a key that never expires
NO_TOKEN: Final = "The token is wrong, expired or revoked"
A_TOKEN: Final = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…"
_SENT: Final = "If this address can sign in, a code is on its way to it"
_CREDENTIAL: Final = Meta(min_length=CREDENTIAL_CHARS_MIN, max_length=CREDENTIAL_CHARS_MAX)

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
ApiKeyGiven = Annotated[str, _CREDENTIAL, about("The key", A_SECRET)]
FirstKey = Annotated[str, about("The first key, shown only here", A_SECRET)]
AccessToken = Annotated[str, about("Sent with calls, as a bearer token", A_TOKEN)]
RefreshToken = Annotated[str, about("Exchanged for a new access token", A_TOKEN)]
RefreshTokenGiven = Annotated[RefreshToken, _CREDENTIAL]
AlsoRevoked = Annotated[str, about("Revoked too; a text that is not a token is ignored", A_TOKEN)]
TokenType = Annotated[Literal["Bearer"], about("How it is sent", "Bearer")]
ExpiresIn = Annotated[int, a_count("Seconds until it ends", 86_400)]
RefreshExpiresIn = Annotated[int, a_count("Seconds until the refresh token ends", 2_073_600)]
TokenToCheck = Annotated[str, about("The token to check", A_TOKEN)]
IsValid = Annotated[bool, about("Whether the token is valid", True)]
Kind = Annotated[TokenKind, one_of("What it is for", "access", "refresh")]
Organization = Annotated[str, about("The organization", A_KEY_ID)]
SecretId = Annotated[str, about("Which of the key's secrets it was made with", A_KEY_ID)]
IssuedAtSeconds = Annotated[EpochSeconds, a_count("When it was made, in Unix seconds", 1_790_845_200)]
NotBefore = Annotated[EpochSeconds, a_count("Not before, in Unix seconds", 1_790_845_200)]
EndsAtSeconds = Annotated[EpochSeconds, a_count("When it ends, in Unix seconds", 1_790_931_600)]
TokenId = Annotated[str, about("Its own id", A_KEY_ID)]
WhyNot = Annotated[str, about("Why it is not valid; the exact reason is not told", NO_TOKEN)]
SameWhyNot = Annotated[str, about("The same as `error`", NO_TOKEN)]
IssuedAt = Annotated[str, a_time("When it was created")]
ExpiresAt = Annotated[str, a_time("When it ends")]
SameKeyId = Annotated[str, about("The same as `api_key_id`", A_KEY_ID)]
EmailOrEmpty = Annotated[str, about("The address of the organization, or empty", AN_EMAIL)]
CodeGiven = Annotated[str, Meta(pattern=r"\A[0-9]{6}\Z"), about("The code that was mailed: six digits", "123456")]
SignupTokenGiven = Annotated[str, _CREDENTIAL, about("Signs up, within 15 minutes", A_TOKEN)]
SignupToken = Annotated[str, about("Signs up, within 15 minutes", A_TOKEN)]
NewName = Annotated[str, Meta(min_length=3, max_length=100), about("The name of the organization", "Acme")]
IsSent = Annotated[bool, about("Always true", True)]
SentInWords = Annotated[str, about("The result in words", _SENT)]
SameExpiresIn = Annotated[int, a_count("The same as `expires_in`", CODE_SECONDS)]
IsLogin = Annotated[Literal["login"], about("The address has an account", "login")]
IsSignup = Annotated[Literal["signup"], about("The address is new", "signup")]
Exists = Annotated[bool, about("Whether the address has an account", False)]
SameExists = Annotated[bool, about("The same as `exists`", False)]
IsAvailable = Annotated[bool, about("Whether it is free", True)]
MaySignUpByMail = Annotated[bool, about("Whether it could sign up by mail", True)]
CanRegister = Annotated[bool, about("Whether anybody may register", True)]
NoProvider = Annotated[None, about("Always null")]
# fmt: on


class Login(Struct, kw_only=True):
    """Body of POST /auth/login."""

    api_key: ApiKeyGiven


class Refresh(Struct, kw_only=True):
    """Body of POST /auth/refresh."""

    refresh_token: RefreshTokenGiven


class Logout(Struct, kw_only=True):
    """Body of POST /auth/logout."""

    refresh_token: AlsoRevoked | None = None


class Validate(Struct, kw_only=True):
    """Body of POST /auth/validate."""

    token: TokenToCheck


class EmailAddress(Struct, kw_only=True):
    """Body of POST /auth/email/start and /auth/email/check."""

    email: Email


class EmailCode(Struct, kw_only=True):
    """Body of POST /auth/email/verify."""

    email: Email
    code: CodeGiven


class CompleteSignup(Struct, kw_only=True):
    """Body of POST /auth/signup/complete. Without a slug it gets one made from its name."""

    signup_token: SignupTokenGiven
    name: NewName
    slug: Slug | None = None


class Tokens(Struct, frozen=True, kw_only=True):
    """The five fields of a sign-in. Contract: platform, section 7.1."""

    access_token: AccessToken
    refresh_token: RefreshToken
    token_type: TokenType = "Bearer"
    expires_in: ExpiresIn
    refresh_expires_in: RefreshExpiresIn

    @classmethod
    def of(cls, made: TokenPair, **more: Any) -> Self:
        """`more` are the additional fields of a subclass."""
        return cls(
            access_token=made.access_token,
            refresh_token=made.refresh_token,
            expires_in=made.access_seconds,
            refresh_expires_in=made.refresh_seconds,
            **more,
        )


class Refreshed(Struct, frozen=True, kw_only=True):
    """A new access token. The refresh token stays valid: clients go on using it."""

    access_token: AccessToken
    token_type: TokenType = "Bearer"
    expires_in: ExpiresIn


class ClaimsShown(Struct, frozen=True, kw_only=True):
    """The claims of a token, with another name for the organization."""

    sub: Organization
    org_id: Organization
    api_key_id: KeyId
    secret_id: SecretId
    queues: Queues
    token_type: Kind
    iat: IssuedAtSeconds
    nbf: NotBefore
    exp: EndsAtSeconds
    jti: TokenId
    organization_id: OrganizationId


class Validated(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Answer of POST /auth/validate. Contract: platform, section 7.5."""

    valid: IsValid
    claims: Annotated[ClaimsShown | None, about("The claims of the token")] = None
    organization_id: OrganizationId | None = None
    api_key_id: KeyId | None = None
    queues: Queues | None = None
    expires_at: ExpiresAt | None = None
    error: WhyNot | None = None
    message: SameWhyNot | None = None

    @classmethod
    def of(cls, claims: Claims | None) -> Self:
        """None stands for a token that is not valid."""
        if claims is None:
            return cls(valid=False, error=NO_TOKEN, message=NO_TOKEN)
        said = msgspec.structs.asdict(claims)
        return cls(
            valid=True,
            claims=ClaimsShown(**said, organization_id=claims.org_id),
            organization_id=claims.org_id,
            api_key_id=claims.api_key_id,
            queues=claims.queues,
            expires_at=format_ms(claims.exp * 1000),
        )


class OrganizationOfMe(Struct, frozen=True):
    id: Id
    name: Name
    slug: Slug
    plan_tier: PlanTier
    billing_email: BillingEmail | None


class Me(Struct, frozen=True, kw_only=True):
    """Answer of GET /auth/me. Contract: platform, section 7.4."""

    organization_id: OrganizationId
    api_key_id: KeyId
    queues: Queues
    issued_at: IssuedAt
    expires_at: ExpiresAt
    organization: Annotated[OrganizationOfMe, about("The organization")]
    permissions: Permissions
    id: SameKeyId
    email: EmailOrEmpty
    name: KeyName
    role: Role
    created_at: CreatedAt
    updated_at: UpdatedAt

    @classmethod
    def of(cls, row: SignedInRow, scope: Scope, token: Claims | None) -> Self:
        """`token` holds the claims of the caller's token; None when it showed its key."""
        ends_at_ms = row["expires_at_ms"]
        if token is not None:
            issued_at, expires_at = format_ms(token.iat * 1000), format_ms(token.exp * 1000)
        else:
            issued_at = format_ms(row["created_at_ms"])
            expires_at = FOR_EVER if ends_at_ms is None else format_ms(ends_at_ms)
        return cls(
            organization_id=row["org_id"],
            api_key_id=row["id"],
            queues=scope.entries,
            issued_at=issued_at,
            expires_at=expires_at,
            organization=OrganizationOfMe(
                row["org_id"], row["org_name"], row["slug"], row["plan_tier"], row["billing_email"]
            ),
            permissions=shown_permissions(row["permissions"]),
            id=row["id"],
            email=row["billing_email"] or "",
            name=row["name"],
            role="owner" if scope.is_unrestricted else "member",
            created_at=format_ms(row["created_at_ms"]),
            updated_at=format_ms(row["updated_at_ms"]),
        )


class Membership(Struct, frozen=True):
    id: Id
    role: Annotated[Literal["owner"], about("Always the same", "owner")] = "owner"


class SignedIn(Tokens, frozen=True, kw_only=True):
    """Answer of POST /auth/email/verify for an address that has an account."""

    type: IsLogin = "login"
    user_id: KeyId
    email: Email
    organizations: Annotated[Sequence[Membership], about("Where the address belongs")]


class MaySignUp(Struct, frozen=True, kw_only=True):
    """Answer of POST /auth/email/verify for an address that has no account."""

    type: IsSignup = "signup"
    signup_token: SignupToken
    email: Email
    expires_in: CodeExpiresIn = CODE_SECONDS


class OrganizationOfSignup(Struct, frozen=True):
    id: Id
    name: Name
    slug: Slug
    billing_email: BillingEmail


class SignedUp(Tokens, frozen=True, kw_only=True):
    """Answer of POST /auth/signup/complete."""

    api_key: FirstKey
    organization: Annotated[OrganizationOfSignup, about("What was made")]


class CodeSent(Struct, frozen=True, kw_only=True):
    """Answer of POST /auth/email/start: the same whether or not the address is known."""

    success: IsSuccess = True
    sent: IsSent = True
    message: SentInWords = _SENT
    email_sent_to: MaskedEmail
    expires_in: CodeExpiresIn = CODE_SECONDS
    code_expires_in: SameExpiresIn = CODE_SECONDS


class EmailChecked(Struct, frozen=True, kw_only=True):
    """Answer of the check of an address, which has three routes."""

    exists: Exists
    available: IsAvailable
    signup_enabled: MaySignUpByMail
    has_organizations: SameExists
    can_register: CanRegister
    provider: NoProvider = None
