"""Lines of what came in from other services, and of what people did."""

from typing import Final

from spooled_lite.core.export.fields import number, organization, text, time
from spooled_lite.core.export.kind import LineKind

INBOUND: Final = LineKind(
    name="inbound_webhook",
    table="inbound_log",
    fields=(
        text("id"),
        organization(),
        text("provider"),
        text("event_type"),
        text("matched_queue", may_lack=True),
        text("job_id", may_lack=True),
        text("status", may_lack=True),
        time("created_at"),
    ),
    left_out={"seq": "a number in the file"},
)

ACT: Final = LineKind(
    name="act",
    table="acts",
    fields=(
        organization(),
        text("key_id"),
        text("key_name"),
        text("act"),
        # `kind` says what kind of line it is.
        text("subject_kind", "kind"),
        text("subject"),
        text("subject_name", may_lack=True),
        number("count"),
        text("reason", may_lack=True),
        time("at", "created_at_ms"),
    ),
    left_out={"seq": "a number in the file"},
)
