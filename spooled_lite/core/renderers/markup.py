"""Where a placeholder may stand in HTML: where the escaping of its value holds.

That is between tags and in quoted attributes, but for those that are read as script or style.
"""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from spooled_lite.core.renderers.template import OPEN, place_of
from spooled_lite.errors import RuleBroken

# What is in them is no text with entities.
_RAW: Final = frozenset(
    ("script", "style", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext")
)
_TEXT_ONLY: Final = frozenset(("textarea", "title"))  # text with entities, and no tags
_READ_AS_CODE: Final = re.compile(r"on|style$|srcdoc$", re.IGNORECASE)

# One step of a tag: its end, white space, or an attribute with its value as it is written.
_NAME: Final = re.compile(r"/?[A-Za-z][^\s/>{]*")
_UNQUOTED: Final = re.compile(r"[^\s>]*")
_ATTRIBUTE: Final = re.compile(r"""[\s/]*([^\s/>={"']*)(\s*=\s*)?""")


class _Found(Struct, frozen=True):
    """A placeholder, and why it may not stand there; None: it may."""

    at: int
    trouble: str | None


def check_markup(text: str, field: str) -> None:
    """Raises RuleBroken: a placeholder of this template stands where escaping does not help.

    The template has been parsed before.
    """
    for found in _Scan(text).placeholders():
        if found.trouble is not None:
            line, column = place_of(text, found.at)
            raise RuleBroken.of(
                field,
                f"Field `{field}`: the placeholder at line {line}, column {column} stands"
                f" {found.trouble}, where escaping does not make a value safe; put it between tags"
                " or into a quoted attribute",
                "unsafe_place",
            )


class _Scan:
    """One walk over a template. Values cannot change where it is: they are escaped."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lower = text.lower()
        self._at = 0

    def placeholders(self) -> Iterator[_Found]:
        text = self._text
        while self._at < len(text):
            begin = text.find("<", self._at)
            end = len(text) if begin < 0 else begin
            yield from self._up_to(end, None)
            if begin >= 0:
                yield from self._markup()

    def _markup(self) -> Iterator[_Found]:
        """From a `<` on."""
        text, at = self._text, self._at
        if text.startswith("<!--", at):
            yield from self._until("-->", at + 4, "in a comment")
        elif text.startswith(("<!", "<?"), at):
            yield from self._until(">", at + 2, "in a declaration")
        elif text.startswith((f"<{OPEN}", f"</{OPEN}"), at):
            yield _Found(text.index(OPEN, at), "where the name of a tag is")
            self._at = text.index(OPEN, at) + len(OPEN)
        elif (name := _NAME.match(text, at + 1)) is not None:
            self._at = name.end()
            yield from self._tag(name[0].lower())
        else:
            self._at = at + 1

    def _tag(self, name: str) -> Iterator[_Found]:
        """Behind its name."""
        text = self._text
        while self._at < len(text) and text[self._at] != ">":
            if text.startswith(OPEN, self._at):
                yield from self._one("in a tag, outside of quotes")
                continue
            begin, attribute = self._at, _ATTRIBUTE.match(text, self._at)
            assert attribute is not None, "it matches nothing as well"
            self._at = attribute.end()
            if attribute[2] is None:
                if self._at == begin:
                    self._at += 1  # a sign that belongs to nothing
            elif text.startswith(("'", '"'), self._at):
                is_code = _READ_AS_CODE.match(attribute[1]) is not None
                trouble = f"in the attribute `{attribute[1]}`" if is_code else None
                yield from self._until(text[self._at], self._at + 1, trouble)
            else:
                value = _UNQUOTED.match(text, self._at)
                assert value is not None, "it matches nothing as well"
                yield from self._up_to(value.end(), "in a value without quotes")
        self._at += 1
        if name in _RAW:
            yield from self._until(f"</{name}", self._at, f"in <{name}>", is_name=True)
        elif name in _TEXT_ONLY:
            yield from self._until(f"</{name}", self._at, None, is_name=True)

    def _until(
        self, end: str, begin: int, trouble: str | None, *, is_name: bool = False
    ) -> Iterator[_Found]:
        """The placeholders up to the next `end`. That of an element is a tag, which comes next."""
        text = self._text
        found = (self._lower if is_name else text).find(end, begin)
        self._at = begin
        yield from self._up_to(len(text) if found < 0 else found, trouble)
        if found >= 0 and not is_name:
            self._at = found + len(end)

    def _up_to(self, end: int, trouble: str | None) -> Iterator[_Found]:
        while (begin := self._text.find(OPEN, self._at, end)) >= 0:
            yield from self._one(trouble, begin)
        self._at = max(self._at, end)

    def _one(self, trouble: str | None, begin: int | None = None) -> Iterator[_Found]:
        begin = self._at if begin is None else begin
        yield _Found(begin, trouble)
        closed = self._text.find("}}", begin)
        self._at = len(self._text) if closed < 0 else closed + 2
