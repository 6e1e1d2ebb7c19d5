"""What reading the journal answers."""

from typing import Annotated

from msgspec import Struct

from spooled_lite.testing.journal import JournalLine
from spooled_lite.wire.shapes.about import a_count, about


class JournalView(Struct, frozen=True, kw_only=True):
    """Answer of GET /test/journal."""

    lines: Annotated[list[JournalLine], about("What happened, the oldest first")]
    last: Annotated[int, a_count("The number of the newest line of the world: `after` next time")]
    dropped: Annotated[int, a_count("Older lines that made room for newer ones")]
