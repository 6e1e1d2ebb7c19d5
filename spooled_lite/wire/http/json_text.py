"""Questions about JSON text that is not decoded: its depth, its numbers, its strings.

Every check reads the text in slices, stops at its first finding, and never loops over single bytes
in Python, since a body may have five million of them.
"""

import math
import time
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final

NESTING_MAX: Final = 100  # levels of a JSON value, over REST and gRPC
SLICE_BYTES: Final = 65_536  # read in one step, during which no other thread gets the interpreter
DIGITS_MAX: Final = 308  # before the point: a number with more digits is too large for a double

# -- text outside strings --------------------------------------------------------------------------


def outside_strings(text: bytes) -> Iterator[bytes]:
    """The text outside of strings, in slices. Exact for valid JSON."""
    at, is_inside = 0, False
    while at < len(text):
        part = text[at : at + SLICE_BYTES]
        backslashes = len(part) - len(part.rstrip(b"\\"))
        if backslashes % 2:  # the slice must include the character that its backslash escapes
            part = text[at : at + SLICE_BYTES + 1]
        at += len(part)
        if b"\\" in part:
            # Escaped quotes end no string. Pairs of backslashes go first: they escape no quote.
            part = part.replace(b"\\\\", b"").replace(b'\\"', b"")
        pieces = part.split(b'"')
        yield b"".join(pieces[is_inside::2])
        is_inside ^= len(pieces) % 2 == 0
        _let_others_run(at, text)


def _let_others_run(at: int, text: bytes) -> None:
    """Give up the interpreter between two slices: other threads would wait 5 ms for it."""
    if at < len(text) - SLICE_BYTES:
        time.sleep(0)


# -- nesting ---------------------------------------------------------------------------------------

_STEP: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in _STEP)
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_AT_ONCE: Final = 64  # brackets counted in one step


def is_nested_over(text: bytes, levels_max: int) -> bool:
    """Whether brackets outside of strings are nested deeper than this. Exact for valid JSON."""
    # So few brackets cannot be nested too deep, even if all of them are outside of strings.
    if text.count(b"[") + text.count(b"{") <= levels_max:
        return False
    depth = 0
    for piece in outside_strings(text):
        brackets = piece.translate(_ONE_KIND, _NO_BRACKETS)
        for at in range(0, len(brackets), _AT_ONCE):
            part = brackets[at : at + _AT_ONCE]
            opened = part.count(b"[")
            if depth + opened > levels_max:
                deepest = depth + max(accumulate(map(_STEP.__getitem__, part)))
                if deepest > levels_max:
                    return True
            depth += 2 * opened - len(part)
    return False


# -- numbers ---------------------------------------------------------------------------------------

_NUMBER_BYTES: Final = b"0123456789+-.eE"
_SHAPES: Final = bytes.maketrans(b"123456789E", b"000000000e")
_NO_NUMBERS: Final = bytes(byte if byte in _NUMBER_BYTES else ord(" ") for byte in range(256))
# In every number too large for a double, with its digits made 0, one of these is found: a number
# with a short exponent needs many digits.
_EXPONENT: Final = b"0e"
_LONG_EXPONENT: Final = b"0e000"
_LONG_SIGNED_EXPONENT: Final = b"0e+000"
_LONG_DIGITS: Final = b"0" * 200
_SHORTEST: Final = len(b"1e309")
# Numbers converted in one step. By `float`: the decoder takes 40 µs for one like 1e308.
_IN_A_ROW: Final = 1_000


def may_have_number_beyond_doubles(text: bytes) -> bool:
    """A quick check: False is certain, True may come from a string that looks like a number."""
    if len(text) <= SLICE_BYTES:  # nearly always
        return _looks_beyond(text)
    for at in range(0, len(text), SLICE_BYTES):
        if _looks_beyond(text[at : at + SLICE_BYTES + len(_LONG_DIGITS)]):
            return True
        _let_others_run(at, text)
    return False


def _looks_beyond(part: bytes) -> bool:
    # `find` is faster than `in`, which first tries the pattern as a number and handles an error.
    find = part.translate(_SHAPES).find
    if find(_EXPONENT) >= 0 and (find(_LONG_EXPONENT) >= 0 or find(_LONG_SIGNED_EXPONENT) >= 0):
        return True
    return len(part) >= len(_LONG_DIGITS) and find(_LONG_DIGITS) >= 0


def has_number_beyond_doubles(text: bytes) -> bool:
    """Whether this JSON contains a number too large for a double. It must be valid JSON."""
    if not may_have_number_beyond_doubles(text):
        return False
    rest = b""  # the start of a number that goes on in the next slice
    for piece in outside_strings(text):
        piece = rest + piece
        numbers = piece.translate(_NO_NUMBERS).split()
        rest = numbers.pop() if numbers and piece[-1:] in _NUMBER_BYTES else b""
        if _is_any_beyond(numbers) or _has_too_many_digits(rest):
            return True
    return _is_any_beyond([rest])


def _is_any_beyond(numbers: Sequence[bytes]) -> bool:
    # The `e` of `true` and `false` is left among them, and is too short to be looked at.
    long = [each for each in numbers if len(each) >= _SHORTEST]
    if any(_has_too_many_digits(each) for each in long if len(each) > DIGITS_MAX):
        return True
    for at in range(0, len(long), _IN_A_ROW):
        doubles = set(map(float, long[at : at + _IN_A_ROW]))
        if math.inf in doubles or -math.inf in doubles:
            return True
    return False


def _has_too_many_digits(number: bytes) -> bool:
    digits = number.removeprefix(b"-")[: DIGITS_MAX + 1]
    return len(digits) > DIGITS_MAX and digits.isdigit()


# -- strings ---------------------------------------------------------------------------------------

_BACKSLASH: Final = ord("\\")  # `in` finds a number much faster than bytes
_ESCAPED_NUL: Final = b"\\u0000"  # the only way to write NUL in JSON


def may_have_nul(text: bytes) -> bool:
    """A quick check: False is certain, True may come from an escaped backslash before `u0000`."""
    return _BACKSLASH in text and _ESCAPED_NUL in text


def has_nul(text: bytes) -> bool:
    """Whether a string of the JSON holds the character NUL."""
    return may_have_nul(text) and may_have_nul(text.replace(b"\\\\", b""))
