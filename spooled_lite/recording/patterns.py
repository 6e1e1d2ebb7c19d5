"""Patterns for places in a body: `payload.card.number`, `*.id`, `jobs.*.result`."""

from typing import Self

from msgspec import Struct


class Pattern(Struct, frozen=True):
    """A `*` stands for anything, dots included. A pattern also matches the end of a place.

    Servers choose the names in a place, so the time that a match takes grows with its length only.
    """

    text: str
    parts: tuple[str, ...]  # what stands between the stars

    @classmethod
    def of(cls, text: str) -> Self:
        return cls(text, tuple(text.strip().split("*")))

    def matches(self, place: str) -> bool:
        first, *others = self.parts
        if not others:
            return place == first or place.endswith(f".{first}")
        at = _after(first, place)
        if at is None:
            return False
        *inner, last = others
        for part in inner:  # the soonest leaves the most for those that follow
            found = place.find(part, at)
            if found < 0:
                return False
            at = found + len(part)
        return len(place) - len(last) >= at and place.endswith(last)


def _after(first: str, place: str) -> int | None:
    """Where the soonest name that begins like this goes on; None: there is none."""
    if place.startswith(first):
        return len(first)
    found = place.find(f".{first}")
    return None if found < 0 else found + 1 + len(first)
