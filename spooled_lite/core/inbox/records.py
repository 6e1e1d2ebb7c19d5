"""The commands that core is given about inboxes, and their bounds."""

from typing import Final

from msgspec import Struct

from spooled_lite.errors import RuleBroken

IDENTITY_CHARACTERS_MAX: Final = 255
MESSAGE_BYTES_MAX: Final = 65_536
ID_MAX: Final = 2**63 - 1  # as far as SQLite counts
IDS_SEEN_MAX: Final = 1_000  # that one call names: some ten milliseconds
READ_MAX: Final = 1_000
READ_BYTES_MAX: Final = 4 * 1024 * 1024  # of messages that one call reads


class NewNotification(Struct, frozen=True, kw_only=True, gc=False):
    """A notification that core is asked to store."""

    identity: str  # as `checked_identity`
    topic: str  # as `checked_topic`
    message: str | None = None
    collapse_key: str | None = None
    expires_at_ms: int | None = None
    expires_in_ms: int | None = None  # from the moment it is stored


def checked_identity(identity: str, field: str = "identity") -> str:
    """Raises RuleBroken: it names nobody."""
    if not 1 <= len(identity) <= IDENTITY_CHARACTERS_MAX:
        raise RuleBroken.of(
            field, f"Field `{field}` must have 1 to {IDENTITY_CHARACTERS_MAX} characters", "length"
        )
    if not identity.isprintable():
        raise RuleBroken.of(
            field, f"Field `{field}` must consist of printable characters", "invalid_identity"
        )
    return identity
