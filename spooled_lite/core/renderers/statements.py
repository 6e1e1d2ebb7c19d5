"""Every statement about renderers."""

from typing import Final, TypedDict

from spooled_lite.core.renderers.records import ContentType
from spooled_lite.storage.statement import Statement, Value


class RendererRow(TypedDict):
    """A whole row of `renderers`. `event_id` is the template of the ids of fragments."""

    seq: int
    org: int
    name: str
    pattern: str
    event: str | None
    event_id: str | None
    template: str
    content_type: ContentType
    created_at_ms: int
    updated_at_ms: int


# Unique index renderers_by_name.
PUT: Final = Statement(
    RendererRow,
    """
INSERT INTO renderers (org, name, pattern, event, event_id, template, content_type,
                       created_at_ms, updated_at_ms)
VALUES (:org, :name, :pattern, :event, :id, :template, :content_type, :now_ms, :now_ms)
    ON CONFLICT (org, name) DO UPDATE
   SET pattern = excluded.pattern, event = excluded.event, event_id = excluded.event_id,
       template = excluded.template, content_type = excluded.content_type,
       updated_at_ms = excluded.updated_at_ms
RETURNING *
""",
)

BY_NAME: Final = Statement(RendererRow, "SELECT * FROM renderers WHERE org = :org AND name = :name")

DELETE: Final = Statement(
    RendererRow, "DELETE FROM renderers WHERE org = :org AND name = :name RETURNING *"
)

COUNT: Final = Value(int, "SELECT count(*) FROM renderers WHERE org = :org")

# Index renderers_by_name: at most RENDERERS_MAX rows.
ALL: Final = Statement(RendererRow, "SELECT * FROM renderers WHERE org = :org ORDER BY name")
