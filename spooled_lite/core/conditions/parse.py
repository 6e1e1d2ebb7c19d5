"""The language of conditions: one test of one field of JSON, such as `input.amount gte 100`.

    condition = ["not" SP] test
    test      = field SP op SP value / field SP "exists" / field
    op        = "eq" / "ne" / "gt" / "gte" / "lt" / "lte" / "in" / "contains"
    field     = segment *( "." segment / "[" 1*DIGIT "]" )
    value     = a JSON array, number, string, true or false / a word

Contract: catbird-capabilities, section 9.
"""

import re
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from spooled_lite.errors import RuleBroken

CONDITION_CHARACTERS_MAX: Final = 1_024

Op = Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "contains", "exists", "is_true"]

_WITH_VALUE: Final[dict[str, Op]] = {
    "eq": "eq", "ne": "ne", "gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte", "in": "in",
    "contains": "contains",
}  # fmt: skip
_WORD: Final = re.compile(r"\S+")
_FIELD: Final = re.compile(r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+|\[[0-9]{1,9}\])*")
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_]+")
_BAREWORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_JSON_STARTS: Final = frozenset('["-0123456789')
_JSON_WORDS: Final = {"true": True, "false": False}


class ParsedCondition(Struct, frozen=True):
    """A condition that was understood. `path` leads to its field: names, and places in arrays."""

    path: tuple[str, ...]
    op: Op
    value: Any = None
    is_negated: bool = False


def parse_condition(text: str, field: str = "condition") -> ParsedCondition:
    """Raises RuleBroken, which shows the place: it is no condition. `field` is where it stands."""
    if len(text) > CONDITION_CHARACTERS_MAX:
        raise RuleBroken.of(
            field,
            f"Field `{field}` is longer than {CONDITION_CHARACTERS_MAX} characters",
            "length",
        )
    words = list(_WORD.finditer(text))
    is_negated = bool(words) and words[0][0] == "not"
    words = words[is_negated:]
    if not words:
        raise _wrong(field, text, len(text), "a field is missing")
    path = _path(field, text, words[0])
    if len(words) == 1:
        return ParsedCondition(path, "is_true", is_negated=is_negated)
    word = words[1]
    if word[0] == "exists":
        if len(words) > 2:
            raise _wrong(field, text, words[2].start(), "nothing may follow `exists`")
        return ParsedCondition(path, "exists", is_negated=is_negated)
    op = _WITH_VALUE.get(word[0])
    if op is None:
        known = ", ".join([*_WITH_VALUE, "exists"])
        raise _wrong(field, text, word.start(), f"an operator is expected, one of {known}")
    if len(words) == 2:
        raise _wrong(field, text, len(text), f"a value is missing behind `{op}`")
    value = _value(field, text, words[2].start())
    return ParsedCondition(path, op, value, is_negated)


def _path(field: str, text: str, word: re.Match[str]) -> tuple[str, ...]:
    if _FIELD.fullmatch(word[0]) is None:
        raise _wrong(field, text, word.start(), "a field is expected, such as `input.total`")
    return tuple(_SEGMENT.findall(word[0]))


def _value(field: str, text: str, start: int) -> Any:
    rest = text[start:].rstrip()
    if rest in _JSON_WORDS:
        return _JSON_WORDS[rest]
    if rest[0] in _JSON_STARTS:
        try:
            return msgspec.json.decode(rest)
        except (msgspec.DecodeError, RecursionError):
            raise _wrong(field, text, start, "this is no JSON value") from None
    if _BAREWORD.fullmatch(rest) is None:
        raise _wrong(
            field, text, start, "a value is expected: a word, a number, true, false, or JSON"
        )
    return rest


def _wrong(field: str, text: str, at: int, what: str) -> RuleBroken:
    """`at` counts from 0; people count from 1."""
    return RuleBroken.of(
        field, f"Field `{field}`, character {at + 1}: {what} (`{text}`)", "invalid_condition"
    )
