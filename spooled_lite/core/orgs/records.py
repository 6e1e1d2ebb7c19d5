"""Organizations: what core is asked to make and to change, and the rules for what is stored."""

from collections.abc import Mapping
from typing import Any, Final, Literal, Self

import msgspec
from msgspec import Raw, Struct

from spooled_lite.core.auth.records import checked_email
from spooled_lite.core.orgs.slugs import slug_problem
from spooled_lite.errors import Problem, RuleBroken

Tier = Literal["free", "starter", "pro", "enterprise"]

ORG_SETTINGS_BYTES_MAX: Final = 65_536
TOKEN_CHARS_MAX: Final = 255  # of a webhook token that a caller chose
SECRET_CHARS_MAX: Final = 255  # of what a provider signs its webhooks with
WEBHOOK_TOKEN: Final = "webhook_token"  # a member of the settings that is not kept in them
PROVIDER_SECRETS: Final = ("github_webhook_secret", "stripe_webhook_secret")  # likewise
_KEPT_APART: Final = (WEBHOOK_TOKEN, *PROVIDER_SECRETS)


class NewOrganization(Struct, frozen=True, kw_only=True):
    """An organization to create. When it comes from a caller, call `checked` first."""

    name: str
    slug: str | None  # None: made from the name
    tier: Tier
    billing_email: str | None = None
    is_email_verified: bool = False  # its creator has shown a code that was mailed to the address
    settings: bytes = b"{}"
    custom_limits: bytes | None = None
    github_webhook_secret: str | None = None
    stripe_webhook_secret: str | None = None

    def __repr__(self) -> str:
        return f"NewOrganization({self.slug})"

    def checked(self, *, may_be_reserved: bool = False) -> Self:
        """The organization itself. Raises RuleBroken with every broken rule (platform, 8.2)."""
        found = [
            None if self.slug is None else slug_problem(self.slug, may_be_reserved=may_be_reserved),
            None if self.billing_email is None else email_problem(self.billing_email),
        ]
        if problems := [each for each in found if each is not None]:
            raise RuleBroken(problems)
        return self


class OrganizationChanges(Struct, frozen=True):
    """What core is asked to change: new values by column. A new webhook token is one of them."""

    columns: Mapping[str, Any] = {}


def check_email(address: str, field: str = "billing_email") -> None:
    """Raises RuleBroken when it is no email address."""
    problem = email_problem(address, field)
    if problem is not None:
        raise RuleBroken([problem])


def email_problem(address: str, field: str = "billing_email") -> Problem | None:
    """The same rule as for sign-in codes, which may be mailed to this address later."""
    try:
        checked_email(address)
    except RuleBroken:
        return Problem(field, f"Field `{field}` must be an email address", "email")
    return None


# Where a text is expected, the inside of a list or an object is not decoded.
_Shallow: Final[Any] = None | bool | int | float | str | list[Raw] | dict[str, Raw]


def settings_columns(given: bytes) -> dict[str, Any]:
    """The columns that the settings of a caller change; none when it sent no settings.

    A webhook token and secrets of providers move into columns of their own, so that they are not
    shown with the settings. Null or an empty text clears a secret; what is left out is kept.

    Raises:
        RuleBroken: the settings are not an object, are too large or cannot be read back, or a
            token or a secret in them is not valid.
    """
    if given == b"null":
        return {}
    if given.strip()[:1] == b"[" and not given.strip()[1:-1].strip():
        given = b"{}"  # PHP writes an empty map so
    if given[:1] != b"{":
        raise _bad_settings("must be an object", "invalid_value")
    if len(given) > ORG_SETTINGS_BYTES_MAX:
        raise _bad_settings(f"is larger than {ORG_SETTINGS_BYTES_MAX} bytes", "settings_too_large")
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
    """Senders repeat it in a header, so it must be text that a header can hold."""
    is_readable = token.isascii() and token.isprintable() and token == token.strip()
    if len(token) <= TOKEN_CHARS_MAX and is_readable:
        return token
    field = f"settings.{WEBHOOK_TOKEN}"
    raise RuleBroken.of(
        field, f"Field `{field}` may have {TOKEN_CHARS_MAX} ASCII characters", "invalid_value"
    )


def _checked_secret(name: str, value: Any) -> str | None:
    """The message never repeats the secret."""
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
