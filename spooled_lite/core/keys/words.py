"""The permissions, and which of them imply others. Contract: platform, section 2.4."""

from collections.abc import Iterable, Mapping
from typing import Final

from spooled_lite.config_names import nearest

_ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "jobs": ("read", "write", "delete"),
    "queues": ("read", "write", "admin"),
    "workers": ("read", "write"),
    "schedules": ("read", "write"),
    "workflows": ("read", "write"),
    "webhooks": ("read", "write"),
    "api-keys": ("read", "write"),
    "organization": ("read", "admin"),
    "users": ("read", "admin"),
    "system": ("admin",),
}
EVERYTHING: Final = "*"
WORDS: Final = (
    EVERYTHING,
    *(f"{resource}:{action}" for resource, of in _ACTIONS.items() for action in (*of, "*")),
)
SHOWN_CHARS_MAX: Final = 64  # of an unknown word, in the message

# Resources that `jobs:read` and `jobs:write` open as well.
_LIKE_JOBS: Final = ("queues", "workers", "schedules", "workflows")
_IMPLIED: Final[Mapping[str, tuple[str, ...]]] = {
    "write": ("read",),
    "admin": ("write", "read"),
    "*": ("write", "read", "admin", "delete"),
}


def word_problem(word: str) -> str | None:
    """Why this is not a permission, with the nearest one; None when it is one."""
    if word in WORDS:
        return None
    shown = word[:SHOWN_CHARS_MAX]
    return f"`{shown}` is not a permission; the nearest is `{nearest(word, WORDS)}`"


def implied_words(given: Iterable[str]) -> frozenset[str]:
    """Every permission that a list of permissions grants."""
    words = set(given)
    for word in given:
        resource, _, action = word.partition(":")
        words |= {f"{resource}:{implied}" for implied in _IMPLIED.get(action, ())}
    for action in ("read", "write"):
        if f"jobs:{action}" in words:
            words |= {f"{resource}:{action}" for resource in _LIKE_JOBS}
    return frozenset(words)
