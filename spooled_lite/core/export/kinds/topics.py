"""Lines of bindings."""

from typing import Final

from spooled_lite.core.export.fields import checked, organization, text, time
from spooled_lite.core.export.kind import LineKind
from spooled_lite.core.topics.pattern import checked_pattern

BINDING: Final = LineKind(
    name="binding",
    table="bindings",
    fields=(
        text("id"),
        organization(),
        text("target_type"),
        text("target_name"),
        checked("pattern", checked_pattern),
        time("created_at"),
    ),
    left_out={"seq": "a number in the file"},
)
