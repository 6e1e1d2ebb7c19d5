"""Organizations: what callers send, what core is asked for, and what callers get."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

import msgspec
from msgspec import Meta, Raw, Struct

from spooled_lite.core.auth.records import checked_email
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.core.orgs.slugs import slug_problem
from spooled_lite.errors import Problem, RuleBroken
from spooled_lite.times import format_ms

Tier = Literal["free", "starter", "pro", "enterprise"]

SETTINGS_BYTES_MAX: Final = 65_536
TOKEN_CHARS_MAX: Final = 255  # of a webhook token that somebody chose
SECRET_CHARS_MAX: Final = 255  # of what a provider signs its webhooks with
NULL: Final = Raw(b"null")
WEBHOOK_TOKEN: Final = "webhook_token"  # a member of the settings that is not kept in them
PROVIDER_SECRETS: Final = ("github_webhook_secret", "stripe_webhook_secret")  # likewise
_KEPT_APART: Final = (WEBHOOK_TOKEN, *PROVIDER_SECRETS)

OrganizationName = Annotated[str, Meta(min_length=3, max_length=100)]


class CreateOrganization(Struct, kw_only=True):
    """Body of POST /organizations. Without a slug it gets one made from its name."""

    name: OrganizationName
    slug: str | None = None
    billing_email: str | None = None


class NewOrganization(Struct, frozen=True, kw_only=True):
    """An organization to be made. Whoever takes it from a caller has it `checked`."""

    name: str
    slug: str | None  # None: made from the name
    tier: Tier
    billing_email: str | None = None
    is_email_verified: bool = False  # whoever makes it has shown a code from a mail to the address
    settings: bytes = b"{}"
    custom_limits: bytes | None = None
    github_webhook_secret: str | None = None
    stripe_webhook_secret: str | None = None

    def __repr__(self) -> str:
        return f"NewOrganization({self.slug})"

    @classmethod
    def from_wire(cls, body: CreateOrganization, tier: Tier) -> Self:
        """Raises RuleBroken with every broken rule."""
        made = cls(
            name=body.name, slug=body.slug, tier=tier, billing_email=body.billing_email or None
        )
        return made.checked()

    def checked(self, *, may_be_reserved: bool = False) -> Self:
        """The organization itself. Raises RuleBroken with every broken rule (platform, 8.2)."""
        found = [
            None if self.slug is None else slug_problem(self.slug, may_be_reserved=may_be_reserved),
            None if self.billing_email is None else email_problem(self.billing_email),
        ]
        if problems := [each for each in found if each is not None]:
            raise RuleBroken(problems)
        return self


class UpdateOrganization(Struct, kw_only=True):
    """Body of PUT /organizations/{id}. What is left out or null is kept; an empty text clears.

    Slug and tier are not changed here: they are unknown fields, and ignored like all of those.
    """

    name: OrganizationName | None = None
    billing_email: str | None = None
    description: Annotated[str, Meta(max_length=500)] | None = None
    logo_url: Annotated[str, Meta(max_length=2048)] | None = None
    settings: Raw = NULL  # replaces the whole value


class OrganizationChanges(Struct, frozen=True):
    """What core is asked to change: new values by column. A new webhook token is one of them."""

    columns: Mapping[str, Any] = {}

    @classmethod
    def from_wire(cls, body: UpdateOrganization) -> Self:
        """Raises RuleBroken for a bad address or bad settings."""
        columns: dict[str, Any] = {}
        if body.name is not None:
            columns["name"] = body.name
        if body.billing_email:
            check_email(body.billing_email)
        for name in ("billing_email", "description", "logo_url"):
            value = getattr(body, name)
            if value is not None:
                columns[name] = value or None
        return cls(columns | settings_columns(bytes(body.settings)))


class OrganizationView(Struct, frozen=True, kw_only=True):
    """An organization as it goes over the wire. Contract: platform, section 8.1."""

    id: str
    name: str
    slug: str
    plan_tier: str
    plan: str
    billing_email: str | None
    billing_email_verified: bool
    description: str | None
    logo_url: str | None
    settings: Raw
    custom_limits: Raw | None
    stripe_customer_id: str | None
    stripe_subscription_id: str | None
    stripe_subscription_status: str | None
    stripe_current_period_end: str | None = None
    stripe_cancel_at_period_end: bool | None = None
    is_active: bool
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, row: OrgRow) -> Self:
        custom_limits = row["custom_limits"]
        return cls(
            id=row["id"],
            name=row["name"],
            slug=row["slug"],
            plan_tier=row["plan_tier"],
            plan=row["plan_tier"],
            billing_email=row["billing_email"],
            billing_email_verified=row["billing_email_verified_at_ms"] is not None,
            description=row["description"],
            logo_url=row["logo_url"],
            settings=Raw(row["settings"]),
            custom_limits=None if custom_limits is None else Raw(custom_limits),
            stripe_customer_id=row["stripe_customer_id"],
            stripe_subscription_id=row["stripe_subscription_id"],
            stripe_subscription_status=row["stripe_subscription_status"],
            is_active=bool(row["is_active"]),
            created_at=format_ms(row["created_at_ms"]),
            updated_at=format_ms(row["updated_at_ms"]),
        )


class Member(Struct, frozen=True, kw_only=True):
    """One of GET /organizations/{id}/members: people are known by their API keys."""

    id: str
    user_id: str
    organization_id: str
    email: str
    name: str
    role: Literal["owner", "member"]
    joined_at: str


class SlugAnswer(Struct, frozen=True, kw_only=True):
    """Answer of GET /organizations/check-slug."""

    available: bool
    valid: bool
    slug: str
    error: str | None = None
    message: str | None = None
    suggestion: str | None = None
    suggestions: tuple[str, ...] = ()


class GenerateSlug(Struct, kw_only=True):
    """Body of POST /organizations/generate-slug."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]


class GeneratedSlug(Struct, frozen=True):
    slug: str


class WebhookTokenView(Struct, frozen=True, kw_only=True):
    """The token that inbound webhooks must show, and where they go. Platform, section 8.3."""

    webhook_token: str
    token: str
    webhook_url: str
    created_at: str
    expires_at: None = None

    @classmethod
    def of(cls, row: OrgRow, base_url: str) -> Self:
        return cls(
            webhook_token=row["webhook_token"],
            token=row["webhook_token"],
            webhook_url=f"{base_url}/api/v1/webhooks/{row['id']}/custom",
            created_at=format_ms(row["webhook_token_created_at_ms"]),
        )


def check_email(address: str, field: str = "billing_email") -> None:
    """Raises RuleBroken when it is no email address."""
    problem = email_problem(address, field)
    if problem is not None:
        raise RuleBroken([problem])


def email_problem(address: str, field: str = "billing_email") -> Problem | None:
    """The rule of sign-in codes: an address that is kept here must be good for one."""
    try:
        checked_email(address)
    except RuleBroken:
        return Problem(field, f"Field `{field}` must be an email address", "email")
    return None


# Nothing is made of what stands in a list or an object where a text is expected.
_Shallow: Final[Any] = None | bool | int | float | str | list[Raw] | dict[str, Raw]


def settings_columns(given: bytes) -> dict[str, Any]:
    """What to store of the settings a caller sent; nothing when there are none.

    A webhook token and secrets of providers in them become the organization's, and are not kept in
    them: nobody is shown them. Null or an empty text clears a secret; what is left out stays.

    Raises:
        RuleBroken: they are no object, too large, cannot be read back, or one of these is none.
    """
    if given == b"null":
        return {}
    if given.strip()[:1] == b"[" and not given.strip()[1:-1].strip():
        given = b"{}"  # PHP writes an empty map so
    if given[:1] != b"{":
        raise _bad_settings("must be an object", "invalid_value")
    if len(given) > SETTINGS_BYTES_MAX:
        raise _bad_settings(f"is larger than {SETTINGS_BYTES_MAX} bytes", "settings_too_large")
    try:
        members = msgspec.json.decode(given, type=dict[str, Raw])
    except (msgspec.DecodeError, ValueError) as error:
        raise _bad_settings(f"cannot be read: {error}", "invalid_value") from None
    if members.keys().isdisjoint(_KEPT_APART):
        return {"settings": given}
    apart = {
        name: msgspec.json.decode(members.pop(name), type=_Shallow)
        for name in _KEPT_APART
        if name in members
    }
    columns: dict[str, Any] = {"settings": msgspec.json.encode(members)}
    token = apart.pop(WEBHOOK_TOKEN, None)
    if isinstance(token, str) and token:
        columns[WEBHOOK_TOKEN] = _checked_token(token)
    return columns | {name: _checked_secret(name, value) for name, value in apart.items()}


def _checked_token(token: str) -> str:
    """It comes back in a header, so it must be something that a header can hold."""
    is_readable = token.isascii() and token.isprintable() and token == token.strip()
    if len(token) <= TOKEN_CHARS_MAX and is_readable:
        return token
    field = f"settings.{WEBHOOK_TOKEN}"
    raise RuleBroken.of(
        field, f"Field `{field}` may have {TOKEN_CHARS_MAX} ASCII characters", "invalid_value"
    )


def _checked_secret(name: str, value: Any) -> str | None:
    """Never repeats what it was given."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and len(value) <= SECRET_CHARS_MAX:
        return value
    field = f"settings.{name}"
    raise RuleBroken.of(
        field,
        f"Field `{field}` must be a text of at most {SECRET_CHARS_MAX} characters, or null",
        "invalid_value",
    )


def _bad_settings(what: str, code: str) -> RuleBroken:
    return RuleBroken.of("settings", f"Field `settings` {what}", code)
