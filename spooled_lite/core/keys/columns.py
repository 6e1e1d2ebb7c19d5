"""The columns of an API key, once, with what each of them holds."""

from typing import Final, TypedDict


class KeyRow(TypedDict):
    """A row of `api_keys` without the hash of its secret, which is never read.

    Times are milliseconds since the epoch; `is_active` is 0 or 1. `queues` and `permissions` are
    JSON: read them with `queues_of` and `permissions_of`.
    """

    seq: int
    id: str
    org: int
    name: str
    key_prefix: str
    queues: str
    permissions: str | None
    rate_limit: int | None
    is_active: int
    created_at_ms: int
    updated_at_ms: int
    last_used_ms: int | None
    expires_at_ms: int | None
    secret_id: str


class CredentialRow(TypedDict):
    """A key with what its organization says about who may enter."""

    seq: int
    id: str
    org: int
    queues: str
    permissions: str | None
    rate_limit: int | None
    is_active: int
    expires_at_ms: int | None
    last_used_ms: int | None
    secret_id: str
    org_id: str
    plan_tier: str
    custom_limits: bytes | None
    org_is_active: int
    org_deleted_at_ms: int | None


class MemberRow(TypedDict):
    """What is told of a key that counts as a member of its organization."""

    id: str
    name: str
    queues: str
    created_at_ms: int


class KeysUsedRow(TypedDict):
    """How many keys an organization has, and how many of them were ever used."""

    count: int
    used: int


# Every column of a KeyRow, in its order.
KEY_COLUMNS: Final = ", ".join(KeyRow.__annotations__)
