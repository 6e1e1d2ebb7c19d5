"""How exactly each place of an answer is compared: by a file of rules, then by the defaults."""

import re
from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

from msgspec import Struct

from spooled_lite.recording.patterns import Pattern

PLACES_KNOWN: Final = 10_000  # for which the rule is remembered
RULES_MAX: Final = 1_000

_LINE: Final = re.compile(r"(ignore|same-shape|exact|invented|within\s+(\d+)\s*%)\s+(\S+)")


class BadRules(Exception):
    """A line of the file says nothing that this program knows."""


class Strictness(Enum):
    IGNORE = "ignore"  # it may be missing, too
    INVENTED = "invented"  # by the server: anything at first, and the same one from then on
    SAME_SHAPE = "same-shape"  # the same names and kinds of values
    WITHIN = "within"
    EXACT = "exact"


class DiffRule(Struct, frozen=True):
    kind: Strictness
    pattern: Pattern
    percent: int = 0
    is_default: bool = False

    @property
    def name(self) -> str:
        return f"within {self.percent} %" if self.kind is Strictness.WITHIN else self.kind.value


# Times are compared by no rule of these: two times are equal unless a rule of the caller's says
# otherwise (diff.py).
_DEFAULTS: Final = """
ignore      *_at
ignore      *request_id
invented    id
invented    *_id
invented    *_ids.*
invented    ids.*
invented    *cursor
invented    *token
invented    *secret
invented    key_prefix
same-shape  *_ms
same-shape  *duration*
same-shape  *uptime*
same-shape  *age_seconds
same-shape  *_per_second
same-shape  text
exact       *
"""


class DiffRules:
    """The first rule that fits a place holds."""

    def __init__(self, rules: Iterable[DiffRule]) -> None:
        self._rules: Sequence[DiffRule] = (*rules, *DEFAULTS)
        self.at = lru_cache(PLACES_KNOWN)(self._at)

    def _at(self, place: str) -> DiffRule:
        return next(rule for rule in self._rules if rule.pattern.matches(place))

    @classmethod
    def read(cls, path: str) -> Self:
        """Raises BadRules: it cannot be read, or a line is no rule."""
        try:
            lines = Path(path).read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise BadRules(f"{path}: {getattr(error, 'strerror', None) or error}") from None
        rules: list[DiffRule] = []
        for number, line in enumerate(lines, 1):
            text = line.split("#", 1)[0].strip()
            if text:
                try:
                    rules.append(_rule(text))
                except BadRules as error:
                    raise BadRules(f"{path}, line {number}: {error}") from None
        if len(rules) > RULES_MAX:
            raise BadRules(f"{path} has more than {RULES_MAX} rules")
        return cls(rules)


def _rule(text: str, *, is_default: bool = False) -> DiffRule:
    found = _LINE.fullmatch(text)
    if found is None:
        raise BadRules(
            f"{text!r} is no rule; one is `ignore`, `invented`, `same-shape`, `within 20 %` or"
            " `exact`, and a place, like `exact *_at`"
        )
    word = found[1].split()[0]
    return DiffRule(Strictness(word), Pattern.of(found[3]), int(found[2] or 0), is_default)


DEFAULTS: Final = tuple(
    _rule(line.strip(), is_default=True) for line in _DEFAULTS.splitlines() if line.strip()
)
