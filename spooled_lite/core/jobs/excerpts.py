"""A few characters around a place in a long text."""

import unicodedata
from typing import Final

BYTES_BEFORE: Final = 80  # of the text that is shown before the place
PIECE_BYTES: Final = 320  # read of it, all in all
CHARS_MAX: Final = 200
CUT: Final = "…"

_JOINER: Final = "\u200d"
_SKIN_TONES: Final = range(0x1F3FB, 0x1F400)


def excerpt(piece: bytes, *, is_begin: bool, is_end: bool) -> str:
    """The piece as text, without what was cut in two, and with a mark where it was cut.

    `is_begin`, `is_end`: whether the piece begins, or ends, where the text does.
    """
    text = piece.decode("utf-8", "ignore")
    begin, end = 0, min(len(text), CHARS_MAX)
    is_end = is_end and end == len(text)
    if not is_begin:
        while begin < end and _goes_on(text, begin):
            begin += 1
    if not is_end:
        # What follows the last character is not always there to be looked at.
        while end > begin and (end == len(text) or _goes_on(text, end)):
            end -= 1
    return f"{'' if is_begin else CUT}{text[begin:end]}{'' if is_end else CUT}"


def _goes_on(text: str, at: int) -> bool:
    """Whether the character belongs to the one before it."""
    character = text[at]
    return (
        character == _JOINER
        or unicodedata.category(character).startswith("M")
        or ord(character) in _SKIN_TONES
        or (at > 0 and text[at - 1] == _JOINER)
    )
