"""Texts that callers give, as SQLite takes them: nothing is cut off at NUL, all letters fold."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

import msgspec

PART_CHARS_MAX: Final = 255  # of an id, a name or a type
LAST_CASED: Final = 0x1E943  # of Unicode: no letter behind it has a case
_NUL: Final = "\0"
_SPECIAL: Final = frozenset("*?[")  # of GLOB


def array_of(texts: Iterable[str]) -> str:
    """A JSON array for `json_each`, which stops at NUL: no row has such a text, so it is left out.

    Each text once.
    """
    kept = dict.fromkeys(each for each in texts if _NUL not in each)
    return msgspec.json.encode(list(kept)).decode()


def is_findable(text: str) -> bool:
    """Whether anything can be found by a part of it: no name has NUL in it or is so long."""
    return _NUL not in text and len(text) <= PART_CHARS_MAX


def pattern_of(text: str) -> str:
    """What stands for a findable text in a pattern of GLOB, whatever the case of its letters.

    For a text of ASCII `instr` over `lower` says the same, and is twice as fast; `lower` of SQLite
    knows no other letters.
    """
    return "".join(map(_choice, text))


def _choice(character: str) -> str:
    letters = _cases().get(character)
    if letters is not None:
        return f"[{letters}]"
    return f"[{character}]" if character in _SPECIAL else character


@cache
def _cases() -> Mapping[str, str]:
    """All letters that are the same but for their case, by each of them. Made when first needed."""
    same: dict[str, list[str]] = defaultdict(list)
    for letter in map(chr, range(LAST_CASED + 1)):
        if letter.isalpha():
            # What folds into two letters is the same as its own lower case only.
            folded = letter.casefold()
            same[folded if len(folded) == 1 else letter.lower()].append(letter)
    groups = (letters for letters in same.values() if len(letters) > 1)
    return {letter: "".join(letters) for letters in groups for letter in letters}
