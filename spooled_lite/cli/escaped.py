"""Text of a server for a terminal: nothing in it moves the cursor, rings or hides what follows."""

import re
from typing import Final

from rich.cells import cell_len, set_cell_size

# Control characters (C0, DEL, C1), lone surrogates, and what breaks lines or turns the direction
# of writing.
_HOSTILE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_NAMED: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
MESSAGE_CHARS_MAX: Final = 2_000  # of a message of a server; ours are shorter


def escaped(text: str) -> str:
    r"""The text on one line, with `\x1b` and the like in place of what would do something."""
    return _HOSTILE.sub(_escape, text)


def escaped_json(text: str) -> str:
    """JSON that means the same, in which such characters are escaped as JSON escapes them."""
    return _HOSTILE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def cut(text: str, cells_max: int) -> str:
    """The beginning of a text, as wide as that many columns of a terminal, with `…` if cut."""
    if len(text) <= cells_max and text.isascii():
        return text
    text = text[: cells_max + 1]  # no character is narrower than a column, but those of no width
    return (
        text if cell_len(text) <= cells_max else set_cell_size(text, cells_max - 1).rstrip() + "…"
    )


def message_of(text: str) -> str:
    """A message of a server, on one line and not too long."""
    return cut(escaped(text.strip()), MESSAGE_CHARS_MAX)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if (name := _NAMED.get(character)) is not None:
        return name
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
