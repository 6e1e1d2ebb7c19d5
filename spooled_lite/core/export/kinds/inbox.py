"""Lines of notifications."""

from typing import Final

from spooled_lite.core.export.fields import Field, checked, organization, text, time
from spooled_lite.core.export.kind import LineKind
from spooled_lite.core.inbox.records import checked_identity
from spooled_lite.core.topics.pattern import checked_topic

# Kept where it is higher than every number of the file, so that readers can go on behind theirs.
_NUMBER: Final = Field(
    name="id",
    column="id",
    read="each.id",
    write="CASE WHEN :id > coalesce((SELECT seq FROM sqlite_sequence"
    " WHERE name = 'notifications'), 0) THEN :id END",
    type=int,
)

NOTIFICATION: Final = LineKind(
    name="notification",
    table="notifications",
    fields=(
        _NUMBER,
        organization(),
        checked("identity", checked_identity),
        checked("topic", checked_topic),
        text("message", may_lack=True),
        text("collapse_key", may_lack=True),
        time("created_at"),
        time("expires_at", may_lack=True),
        time("seen_at", may_lack=True),
    ),
    order="id",
)
