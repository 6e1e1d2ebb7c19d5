"""Templates: text with placeholders, each of which stands for a value of one message.

    placeholder = "{{" ( "topic" / "message" / "identity" / "data" *( "." name ) ) "}}"
    name        = 1*( A-Z / a-z / 0-9 / "_" / "-" )

`data` is the message read as JSON; names lead into its objects, and numbers into its lists.
"""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from spooled_lite.core.renderers.records import PLACEHOLDERS_MAX
from spooled_lite.errors import RuleBroken

OPEN: Final = "{{"
SHOWN_CHARS_MAX: Final = 40  # of what is no placeholder
_PLACEHOLDER: Final = re.compile(
    r"\{\{[ \t]*(topic|message|identity|data(?:\.[A-Za-z0-9_-]+)*)[ \t]*\}\}"
)

Path = tuple[str, ...]  # such as ("topic",) or ("data", "order", "id")


class Template(Struct, frozen=True):
    """Texts, and the placeholders between them: one text more than there are placeholders."""

    texts: tuple[str, ...]
    paths: tuple[Path, ...]


def parse_template(text: str, field: str) -> Template:
    """Raises RuleBroken: it names the field and the place of what is no placeholder."""
    texts: list[str] = []
    paths: list[Path] = []
    end = 0
    for begin in _opened(text, field):
        found = _PLACEHOLDER.match(text, begin)
        if found is None:
            raise _unknown(text, begin, field)
        texts.append(text[end:begin])
        paths.append(tuple(found[1].split(".")))
        end = found.end()
        if len(paths) > PLACEHOLDERS_MAX:
            raise RuleBroken.of(
                field, f"Field `{field}` has more than {PLACEHOLDERS_MAX} placeholders", "length"
            )
    return Template((*texts, text[end:]), tuple(paths))


def place_of(text: str, at: int) -> tuple[int, int]:
    """Its line and its column, from 1."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _opened(text: str, field: str) -> Iterator[int]:
    """Where placeholders begin. What is found before is checked before the next one is sought."""
    begin = text.find(OPEN)
    while begin >= 0:
        yield begin
        closed = text.find("}}", begin)
        begin = -1 if closed < 0 else text.find(OPEN, closed + 2)


def _unknown(text: str, begin: int, field: str) -> RuleBroken:
    line, column = place_of(text, begin)
    closed = text.find("}}", begin)
    shown = text[begin:] if closed < 0 else text[begin : closed + 2]
    what = "is not closed" if closed < 0 else "is no placeholder"
    return RuleBroken.of(
        field,
        f"Field `{field}`: `{shown[:SHOWN_CHARS_MAX]}` at line {line}, column {column} {what};"
        " there are {{topic}}, {{message}}, {{identity}} and {{data.NAME}}",
        "invalid_template",
    )
