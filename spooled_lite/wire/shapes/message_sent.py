"""What answers say of several messages that were sent or published."""

from typing import Annotated

from spooled_lite.wire.shapes.about import a_count, about
from spooled_lite.wire.shapes.common import AN_ID

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
StoredIds = Annotated[list[str], about("Of several: those that were stored, in the order of the call", [AN_ID])]
StoredCount = Annotated[int, a_count("Of several: so many were stored", 2)]
DuplicateCount = Annotated[int, a_count("Of several: so many have the key of another message", 1)]
# fmt: on
