"""Bodies and answers about API keys. Contract: platform, section 9."""

from collections.abc import Sequence
from typing import Annotated, Final, Self

from msgspec import UNSET, Meta, Struct, UnsetType

from spooled_lite.core.keys.columns import KeyRow
from spooled_lite.core.keys.records import (
    KEY_NAME_CHARS_MAX,
    KEY_QUEUES_MAX,
    KEY_RATE_LIMIT_MAX,
    PERMISSIONS_MAX,
    QUEUE_CHARS_MAX,
    IssuedKey,
    KeyChanges,
    NewKey,
    queues_of,
    shown_permissions,
)
from spooled_lite.core.keys.words import WORDS
from spooled_lite.times import Time, format_ms, format_optional_ms, parse_optional_ms
from spooled_lite.wire.shapes.about import a_time, about
from spooled_lite.wire.shapes.common import CreatedAt, Id, OrganizationId, UpdatedAt

A_SECRET: Final = "sk_test_9qX0…"
A_PREFIX: Final = "sk_test_9qX0"

# Rules for the JSON Schema only: core checks them, and names all broken rules of a key at once.
_PERMISSION_RULES: Final = {"minItems": 1, "maxItems": PERMISSIONS_MAX}
_Permission = Annotated[str, Meta(extra_json_schema={"enum": list(WORDS)})]

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
Name = Annotated[str, about(f"The name: 1 to {KEY_NAME_CHARS_MAX} letters, digits, spaces, `-`, `_`, `.`, `(` and `)`", "Worker", minLength=1, maxLength=KEY_NAME_CHARS_MAX)]
QueuesGiven = Annotated[list[str], about(f"The queues it opens, up to {KEY_QUEUES_MAX}, each of 1 to {QUEUE_CHARS_MAX} letters, digits, `-`, `_`, `.` and `*`, which stands for anything; none: all", ["emails"], maxItems=KEY_QUEUES_MAX)]
NewQueues = Annotated[list[str], about("As when the key is created", ["emails"], maxItems=KEY_QUEUES_MAX)]
Queues = Annotated[Sequence[str], about(f"The queues it opens, up to {KEY_QUEUES_MAX}; `*` in a name stands for anything; none: all", ["emails"])]
PermissionsGiven = Annotated[list[_Permission], about(f"1 to {PERMISSIONS_MAX} permission words; null: all", ["jobs:read"], **_PERMISSION_RULES)]
NewPermissions = Annotated[list[_Permission], about("As when the key is created", ["jobs:read"], **_PERMISSION_RULES)]
Permissions = Annotated[Sequence[str], about(f"The permission words it has, up to {PERMISSIONS_MAX}; none or `*`: all", ["jobs:read", "jobs:write"])]
RateLimit = Annotated[int, about(f"Requests per minute, 1 to {KEY_RATE_LIMIT_MAX}; null: no limit of its own", 600, minimum=1, maximum=KEY_RATE_LIMIT_MAX)]
ExpiresAtGiven = Annotated[Time | None, about("When it ends: in the future; null: never", "2030-01-01T00:00:00Z")]
ExpiresAt = Annotated[str, a_time("When it ends; null: never", "2030-01-01T00:00:00.000Z")]
IsActive = Annotated[bool, about("False when it is switched off", True)]
SameActive = Annotated[bool, about("The same as `is_active`", True)]
Prefix = Annotated[str, about("The first characters of the key", A_PREFIX)]
SamePrefix = Annotated[str, about("The same as `key_prefix`", A_PREFIX)]
LastUsed = Annotated[str, a_time("When it was last used, to about five minutes")]
SameLastUsed = Annotated[str, a_time("The same as `last_used`")]
Secret = Annotated[str, about("The key itself, shown only here", A_SECRET)]
# fmt: on


class CreateKey(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /api-keys. Without queues a key may use all; without permissions it has all.

    A misspelled field would therefore make a key for everything, so unknown fields are refused.
    """

    name: Name
    queues: QueuesGiven | None = None
    rate_limit: RateLimit | None = None
    expires_at: ExpiresAtGiven = None
    permissions: PermissionsGiven | None = None

    def new_key(self, *, queues: tuple[str, ...] = ()) -> NewKey:
        """`queues` are those of a body that names none. Raises WrongShape: a bad time."""
        return NewKey(
            name=self.name,
            queues=queues if self.queues is None else tuple(self.queues),
            permissions=None if self.permissions is None else tuple(self.permissions),
            rate_limit=self.rate_limit,
            expires_at_ms=parse_optional_ms(self.expires_at, "expires_at"),
        )


class UpdateKey(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of PUT /api-keys/{id}. What is left out is kept; a null clears `rate_limit` only."""

    name: Name | None = None
    queues: NewQueues | None = None
    rate_limit: RateLimit | UnsetType | None = UNSET
    is_active: IsActive | None = None
    permissions: NewPermissions | None = None

    def changes(self) -> KeyChanges:
        return KeyChanges(
            name=self.name,
            queues=None if self.queues is None else tuple(self.queues),
            permissions=None if self.permissions is None else tuple(self.permissions),
            rate_limit=self.rate_limit,
            is_active=self.is_active,
        )


class KeyView(Struct, frozen=True, kw_only=True):
    """A key; some values are there under two names that clients read. Platform, section 9.1."""

    id: Id
    organization_id: OrganizationId
    name: Name
    key_prefix: Prefix
    prefix: SamePrefix
    queues: Queues
    permissions: Permissions
    rate_limit: RateLimit | None
    is_active: IsActive
    active: SameActive
    created_at: CreatedAt
    updated_at: UpdatedAt
    last_used: LastUsed | None
    last_used_at: SameLastUsed | None
    expires_at: ExpiresAt | None

    @classmethod
    def of(cls, row: KeyRow, org_id: str, **more: str) -> Self:
        last_used, is_active = format_optional_ms(row["last_used_ms"]), bool(row["is_active"])
        return cls(
            id=row["id"],
            organization_id=org_id,
            name=row["name"],
            key_prefix=row["key_prefix"],
            prefix=row["key_prefix"],
            queues=queues_of(row["queues"]),
            permissions=shown_permissions(row["permissions"]),
            rate_limit=row["rate_limit"],
            is_active=is_active,
            active=is_active,
            created_at=format_ms(row["created_at_ms"]),
            updated_at=format_ms(row["updated_at_ms"]),
            last_used=last_used,
            last_used_at=last_used,
            expires_at=format_optional_ms(row["expires_at_ms"]),
            **more,
        )


class KeyShown(KeyView, frozen=True, kw_only=True):
    """A key with its secret, which only the answer that creates or replaces it shows."""

    key: Secret

    @classmethod
    def issued(cls, issued: IssuedKey, org_id: str) -> Self:
        return cls.of(issued.row, org_id, key=issued.secret)
