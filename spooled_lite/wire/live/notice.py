"""A message to a topic on its way to open streams."""

from typing import Self

from msgspec import Struct

from spooled_lite.core.topics.notify import NoticeRow, Reached
from spooled_lite.events import Event

# What one costs in memory besides its message.
_FIXED_BYTES = 500


class Notice(Struct, frozen=True, gc=False):
    org: int
    topic: str
    message: str | None = None
    sent_by: str | None = None  # the client that does not get it
    reached: Reached | None = None  # to be told how many streams got it

    @classmethod
    def of(cls, event: Event) -> Self:
        """That of a committed event of a notice."""
        row: NoticeRow = event.row
        return cls(event.org, **row, reached=event.facts.get("reached"))

    @property
    def size_bytes(self) -> int:
        return _FIXED_BYTES + len(self.message or "")

    def tell_reached(self, count: int) -> None:
        if self.reached is not None:
            self.reached(count)
