"""Topics, such as `events.user.created`, and the patterns that match them.

    pattern  = token *( "." token )
    token    = literal / "*" / "#"
    literal  = 1*( A-Z / a-z / 0-9 / "_" / "-" )

`*` stands for one token, `#` for any number of them, also none; it may only be the last token.

Contract: catbird-capabilities, sections 3 and 5.
"""

import re
from collections.abc import Sequence
from typing import Final

from spooled_lite.core.messages.records import TOPIC_CHARACTERS_MAX
from spooled_lite.errors import RuleBroken

# Of a list of them, as tokens and webhooks have one: how many, and their characters together.
PATTERNS_MAX: Final = 64
PATTERNS_CHARS_MAX: Final = 4_096

_LITERAL: Final = r"[A-Za-z0-9_-]+"
_TOPIC: Final = re.compile(rf"{_LITERAL}(?:\.{_LITERAL})*")
_PATTERN: Final = re.compile(rf"(?:(?:{_LITERAL}|\*)(?:\.(?:{_LITERAL}|\*))*(?:\.#)?|#)")


def checked_topic(topic: str, field: str = "topic") -> str:
    """Raises RuleBroken: nothing can be published under it."""
    _check_length(topic, field)
    if _TOPIC.fullmatch(topic) is None:
        raise RuleBroken.of(
            field,
            f"Field `{field}` must be words of letters, digits, `_` and `-` with dots between them",
            "invalid_topic",
        )
    return topic


def checked_pattern(pattern: str, field: str = "pattern") -> str:
    """Raises RuleBroken: it is no pattern."""
    _check_length(pattern, field)
    if _PATTERN.fullmatch(pattern) is None:
        raise RuleBroken.of(
            field,
            f"Field `{field}` must be words of letters, digits, `_` and `-`, or `*` for one word,"
            " with dots between them; the last one may be `#` for any number of words",
            "invalid_pattern",
        )
    return pattern


def checked_patterns(given: Sequence[str], field: str) -> tuple[str, ...]:
    """Patterns, each once. Raises RuleBroken: they are too many, or one is no pattern."""
    if len(given) > PATTERNS_MAX or sum(map(len, given)) > PATTERNS_CHARS_MAX:
        raise RuleBroken.of(
            field,
            f"Field `{field}` must have at most {PATTERNS_MAX} patterns, with at most"
            f" {PATTERNS_CHARS_MAX} characters together",
            "length",
        )
    checked = (checked_pattern(each, f"{field}[{at}]") for at, each in enumerate(given))
    return tuple(dict.fromkeys(checked))


def tokens_of(text: str) -> list[str]:
    """Of a topic or a pattern."""
    return text.split(".")


def _check_length(text: str, field: str) -> None:
    if not 1 <= len(text) <= TOPIC_CHARACTERS_MAX:
        raise RuleBroken.of(
            field, f"Field `{field}` must have 1 to {TOPIC_CHARACTERS_MAX} characters", "length"
        )
