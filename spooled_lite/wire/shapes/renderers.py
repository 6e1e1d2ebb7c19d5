"""Bodies and answers about renderers. Contract: catbird-capabilities, sections 13 and 19.9."""

from typing import Annotated, get_args

from msgspec import Meta, Struct

from spooled_lite.core.renderers.markup import check_markup
from spooled_lite.core.renderers.records import (
    LABEL_CHARACTERS_MAX,
    TEMPLATE_BYTES_MAX,
    ContentType,
    NewRenderer,
    checked_renderer_name,
)
from spooled_lite.core.renderers.statements import RendererRow
from spooled_lite.core.renderers.template import parse_template
from spooled_lite.core.topics.pattern import checked_pattern
from spooled_lite.errors import RuleBroken
from spooled_lite.times import format_ms
from spooled_lite.wire.shapes.about import about, one_of
from spooled_lite.wire.shapes.common import CreatedAt, UpdatedAt
from spooled_lite.wire.shapes.topics import Pattern

LABEL = Meta(max_length=LABEL_CHARACTERS_MAX)

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
RendererName = Annotated[str, about("Its name; fragments come in the order of names", "order_li")]
EventTemplate = Annotated[str, LABEL, about("The event of its fragments in a stream; the topic where it is left out", "order-update")]
IdTemplate = Annotated[str, LABEL, about("The id of its fragments in a stream; none where it is left out", "{{data.id}}")]
TemplateText = Annotated[str, about(f"What becomes of a message: up to {TEMPLATE_BYTES_MAX} bytes of text with `{{{{topic}}}}`, `{{{{message}}}}`, `{{{{identity}}}}` and, of a message that is JSON, `{{{{data.NAME}}}}`", "<li>{{data.step}}</li>", maxLength=TEMPLATE_BYTES_MAX)]
Media = Annotated[ContentType, one_of("What a fragment is, and so how values are written into it: escaped for HTML, as they are, or as JSON values", *get_args(ContentType))]
# fmt: on


class PutRenderer(Struct, frozen=True, kw_only=True):
    """Body of PUT /realtime/renderers/{name}."""

    pattern: Pattern
    template: TemplateText
    event: EventTemplate | None = None
    id: IdTemplate | None = None
    content_type: Media = "text/html"

    def new_renderer(self, name: str) -> NewRenderer:
        """Raises RuleBroken: the name or the pattern is none, a template cannot be read or is unsafe."""
        if len(self.template.encode()) > TEMPLATE_BYTES_MAX:
            raise RuleBroken.of(
                "template", f"Field `template` is larger than {TEMPLATE_BYTES_MAX} bytes", "length"
            )
        for field, text in (("event", self.event), ("id", self.id), ("template", self.template)):
            parse_template(text or "", field)
        if self.content_type == "text/html":
            check_markup(self.template, "template")
        return NewRenderer(
            name=checked_renderer_name(name),
            pattern=checked_pattern(self.pattern),
            event=self.event or None,
            id=self.id or None,
            template=self.template,
            content_type=self.content_type,
        )


class RendererView(Struct):
    """A renderer."""

    name: RendererName
    pattern: Pattern
    event: EventTemplate | None
    id: IdTemplate | None
    template: TemplateText
    content_type: Media
    created_at: CreatedAt
    updated_at: UpdatedAt

    @classmethod
    def of(cls, row: RendererRow) -> "RendererView":
        return cls(
            name=row["name"],
            pattern=row["pattern"],
            event=row["event"],
            id=row["event_id"],
            template=row["template"],
            content_type=row["content_type"],
            created_at=format_ms(row["created_at_ms"]),
            updated_at=format_ms(row["updated_at_ms"]),
        )
