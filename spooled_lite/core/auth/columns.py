"""The rows that sign-in reads, each with what its columns hold."""

from typing import TypedDict


class RevokedRow(TypedDict):
    """A token that was logged out."""

    id: str
    expires_at_ms: int


class SignedInRow(TypedDict):
    """A key with what is told about its organization."""

    id: str
    name: str
    queues: str
    permissions: str | None
    created_at_ms: int
    updated_at_ms: int
    expires_at_ms: int | None
    org_id: str
    org_name: str
    slug: str
    plan_tier: str
    billing_email: str | None


class AccountRow(TypedDict):
    """An organization that an address may sign in to."""

    seq: int
    id: str
    is_active: int


class SubjectRow(TypedDict):
    """What a token says about its key."""

    id: str
    queues: str
    secret_id: str


class CodeRow(TypedDict):
    """A code that was mailed to an address."""

    code_hash: bytes
    tries_left: int
    expires_at_ms: int


class ConfirmationRow(CodeRow):
    """A code that was mailed to the address of an organization."""

    email: str


class ToConfirmRow(TypedDict):
    """An organization whose address is not confirmed."""

    slug: str
    billing_email: str
    billing_email_asked_at_ms: int | None
