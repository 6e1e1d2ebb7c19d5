"""Patterns for places in a body: `payload.card.number`, `*.id`, `jobs.*.result`."""

import re
from typing import Self

from msgspec import Struct


class Pattern(Struct, frozen=True):
    """A `*` stands for anything, dots included. A pattern also matches the end of a place."""

    text: str
    expression: re.Pattern[str]

    @classmethod
    def of(cls, text: str) -> Self:
        parts = (re.escape(each) for each in re.sub(r"\*+", "*", text.strip()).split("*"))
        return cls(text, re.compile(rf"(?:.*\.)?{'.*'.join(parts)}", re.DOTALL))

    def matches(self, place: str) -> bool:
        return self.expression.fullmatch(place) is not None
