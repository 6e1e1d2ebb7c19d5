"""What an organization may be called in an address. Contract: platform, sections 8.2 and 8.3."""

import re
from typing import Final

from spooled_lite.errors import Problem

SLUG_CHARS_MIN: Final = 3
SLUG_CHARS_MAX: Final = 50
RESERVED: Final = frozenset(
    {
        "admin", "api", "app", "auth", "dashboard", "docs", "help", "internal", "login", "logout",
        "metrics", "root", "settings", "signup", "status", "support", "system", "test", "www",
    }
)  # fmt: skip

_SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def slug_problem(slug: str, *, may_be_reserved: bool = False) -> Problem | None:
    """The first rule that a slug breaks."""
    if not SLUG_CHARS_MIN <= len(slug) <= SLUG_CHARS_MAX:
        return _problem(f"must have {SLUG_CHARS_MIN} to {SLUG_CHARS_MAX} characters", "length")
    if not _SLUG.fullmatch(slug):
        return _problem("may contain a-z, 0-9 and single hyphens between them", "regex")
    if slug in RESERVED and not may_be_reserved:
        return _problem("is reserved", "reserved_slug")
    return None


def slug_of(name: str) -> str | None:
    """The slug that a name suggests; None when too little is left of it, or it is reserved."""
    text = re.sub(r"[^a-z0-9-]", "", re.sub(r"\s", "-", name.lower()))
    slug = re.sub(r"-+", "-", text).strip("-")[:SLUG_CHARS_MAX].rstrip("-")
    return None if slug_problem(slug) else slug


def with_suffix(slug: str, suffix: str) -> str:
    """`slug-suffix`, the slug cut so that the whole is not too long."""
    return f"{slug[: SLUG_CHARS_MAX - len(suffix) - 1].rstrip('-')}-{suffix}"


def _problem(what: str, code: str) -> Problem:
    return Problem("slug", f"Field `slug` {what}", code)
