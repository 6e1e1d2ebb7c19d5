"""API keys: what core is asked to make and to change, and what a key may do."""

import hashlib
from collections.abc import Sequence
from typing import Final, Self

import msgspec
from msgspec import UNSET, Struct, UnsetType

from spooled_lite.core.keys.columns import KeyRow
from spooled_lite.core.keys.words import EVERYTHING, implied_words, word_problem
from spooled_lite.errors import AccessDenied, Problem, RuleBroken
from spooled_lite.plans import OwnLimits

PREFIX_CHARS: Final = 12  # of a key, kept for display
SECRET_BYTES: Final = 32
KEY_NAME_CHARS_MAX: Final = 100
KEY_QUEUES_MAX: Final = 50
QUEUE_CHARS_MAX: Final = 255
PERMISSIONS_MAX: Final = 50
KEY_RATE_LIMIT_MAX: Final = 10_000  # requests per minute

_NAME_MARKS: Final = frozenset(" -_.()")
_QUEUE_MARKS: Final = frozenset("-_.*")


class Scope:
    """The queues a key may use: all of them, or those that an entry names or matches.

    Contract: platform, section 2.3.
    """

    __slots__ = ("_names", "_patterns", "entries", "is_unrestricted")

    def __init__(self, entries: Sequence[str] = ()) -> None:
        self.entries = tuple(entries)
        self.is_unrestricted = not entries or "*" in entries
        self._names = frozenset(each for each in entries if "*" not in each)
        self._patterns = tuple(each.split("*") for each in entries if "*" in each)

    def allows(self, queue_name: str) -> bool:
        if self.is_unrestricted or queue_name in self._names:
            return True
        return any(_matches(parts, queue_name) for parts in self._patterns)

    def check(self, queue_name: str) -> None:
        """Raises AccessDenied."""
        if not self.allows(queue_name):
            raise AccessDenied("This key may not use this queue")

    def covers(self, other: "Scope") -> bool:
        """Whether this allows all that the other does. Only the same pattern covers a pattern."""
        if self.is_unrestricted or other.is_unrestricted:
            return self.is_unrestricted
        return all(
            each in self.entries or ("*" not in each and self.allows(each))
            for each in other.entries
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scope) and self.entries == other.entries

    def __hash__(self) -> int:
        return hash(self.entries)

    def __repr__(self) -> str:
        return f"Scope({list(self.entries)!r})"


ALL_QUEUES: Final = Scope()


class Grants(Struct, frozen=True):
    """What a key may give to another key: what it has itself. Contract: platform, section 9.1.

    A key that is limited in queues or permissions cannot change or revoke one that is not.
    """

    scope: Scope = ALL_QUEUES
    words: frozenset[str] | None = None  # every permission it has; None: all

    @classmethod
    def of(cls, queues: Sequence[str], permissions: Sequence[str] | None) -> Self:
        return cls(Scope(queues), None if permissions is None else implied_words(permissions))

    @property
    def is_unlimited(self) -> bool:
        return self.scope.is_unrestricted and (self.words is None or EVERYTHING in self.words)

    def covers(self, other: "Grants") -> bool:
        """Whether this has every queue and permission of the other."""
        if not self.scope.covers(other.scope):
            return False
        if self.words is None or EVERYTHING in self.words:
            return True
        return other.words is not None and other.words <= self.words

    def check_over(self, other: "Grants") -> None:
        """Before a key is changed, revoked or given a new secret. Raises AccessDenied."""
        if other.is_unlimited and not self.is_unlimited:
            raise AccessDenied("A key with limits cannot change or revoke a key without limits")

    def check(self, queues: Sequence[str] | None, permissions: Sequence[str] | None) -> None:
        """`permissions` None means all of them. Raises AccessDenied."""
        if queues is not None and not self.scope.covers(Scope(queues)):
            raise AccessDenied("The new key may not have queues that your key does not have")
        if self.words is None or EVERYTHING in self.words:
            return
        if permissions is None or not implied_words(permissions) <= self.words:
            raise AccessDenied("The new key may not have permissions that your key does not have")


class Credential(Struct, frozen=True, kw_only=True):
    """A stored key, with what decides about it in its organization."""

    key: int
    key_id: str
    org: int
    org_id: str
    scope: Scope
    permissions: tuple[str, ...] | None
    rate_limit: int | None
    is_active: bool
    expires_at_ms: int | None
    last_used_ms: int | None
    secret_id: str
    plan_tier: str
    custom_limits: OwnLimits | None
    org_is_active: bool
    org_is_deleted: bool


class NewKey(Struct, frozen=True, kw_only=True):
    """A key to create. Call `checked` before it is stored."""

    name: str
    queues: tuple[str, ...] = ()
    permissions: tuple[str, ...] | None = None  # None: all
    rate_limit: int | None = None  # requests per minute
    expires_at_ms: int | None = None

    def checked(self, *, now_ms: int) -> Self:
        """The key itself. Raises RuleBroken with every broken rule (platform, section 9.2)."""
        problems = list(_problems(self, now_ms))
        if problems:
            raise RuleBroken(problems)
        return self


class KeyChanges(Struct, frozen=True, kw_only=True):
    """What to change in a key; None keeps the present value."""

    name: str | None = None
    queues: tuple[str, ...] | None = None
    permissions: tuple[str, ...] | None = None
    rate_limit: int | UnsetType | None = UNSET  # None: no limit any more
    is_active: bool | None = None


class IssuedKey(Struct, frozen=True):
    row: KeyRow
    secret: str  # the key itself: shown once, stored nowhere


def queues_of(stored: str) -> tuple[str, ...]:
    """The column `queues`; none are all."""
    return msgspec.json.decode(stored, type=tuple[str, ...])


def permissions_of(stored: str | None) -> tuple[str, ...] | None:
    """The column `permissions`; None is everything."""
    return None if stored is None else msgspec.json.decode(stored, type=tuple[str, ...])


def shown_permissions(stored: str | None) -> tuple[str, ...]:
    """The column `permissions` as callers see it: everything is `*`."""
    permissions = permissions_of(stored)
    return (EVERYTHING,) if permissions is None else permissions


def hash_of(key: str) -> bytes:
    """What is stored instead of a key. Both spellings of its prefix are one key."""
    return hashlib.sha256(normalized(key).encode("utf-8")).digest()


def normalized(key: str) -> str:
    return f"sk_{key[3:]}" if key.startswith("sp_") else key


def _problems(key: NewKey, now_ms: int) -> list[Problem]:
    found: list[Problem] = []

    def check(holds: bool, field: str, message: str, code: str) -> None:
        if not holds:
            found.append(Problem(field, f"Field `{field}` {message}", code))

    check(
        1 <= len(key.name) <= KEY_NAME_CHARS_MAX,
        "name", f"must have 1 to {KEY_NAME_CHARS_MAX} characters", "length",
    )  # fmt: skip
    check(
        _has_only(key.name, _NAME_MARKS),
        "name", "may contain letters, digits, spaces, `-`, `_`, `.`, `(` and `)`",
        "invalid_name_chars",
    )  # fmt: skip
    check(
        len(key.queues) <= KEY_QUEUES_MAX,
        "queues", f"may have at most {KEY_QUEUES_MAX} entries", "too_many_queues",
    )  # fmt: skip
    for position, queue in enumerate(key.queues[:KEY_QUEUES_MAX]):
        field = f"queues[{position}]"
        check(
            1 <= len(queue) <= QUEUE_CHARS_MAX,
            field, f"must have 1 to {QUEUE_CHARS_MAX} characters", "length",
        )  # fmt: skip
        check(
            _has_only(queue, _QUEUE_MARKS),
            field, "may contain letters, digits, `-`, `_`, `.` and `*`", "invalid_queue_chars",
        )  # fmt: skip
    if key.permissions is not None:
        check(
            1 <= len(key.permissions) <= PERMISSIONS_MAX,
            "permissions", f"must have 1 to {PERMISSIONS_MAX} entries", "length",
        )  # fmt: skip
        for position, word in enumerate(key.permissions[:PERMISSIONS_MAX]):
            wrong = word_problem(word)
            check(
                wrong is None,
                f"permissions[{position}]",
                f"is wrong: {wrong}",
                "unknown_permission",
            )
    if key.rate_limit is not None:
        check(
            1 <= key.rate_limit <= KEY_RATE_LIMIT_MAX,
            "rate_limit", f"must be between 1 and {KEY_RATE_LIMIT_MAX}", "range",
        )  # fmt: skip
    if key.expires_at_ms is not None:
        check(key.expires_at_ms > now_ms, "expires_at", "must be in the future", "expires_in_past")
    return found


def _has_only(text: str, marks: frozenset[str]) -> bool:
    return all(each.isalnum() or each in marks for each in text)


def _matches(parts: Sequence[str], name: str) -> bool:
    """Whether the parts of a pattern, split at its stars, stand in the name in this order.

    Taking each part as early as it comes is enough. A regular expression would try every way to
    share the name among the stars, and a pattern of many stars could keep it busy for ever.
    """
    first, *middle, last = parts
    if len(name) < len(first) + len(last) or not (name.startswith(first) and name.endswith(last)):
        return False
    at, end = len(first), len(name) - len(last)
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
