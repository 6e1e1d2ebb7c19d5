"""Lines of renderers."""

from typing import Final

from spooled_lite.core.export.fields import Field, checked, organization, plain, text, time
from spooled_lite.core.export.kind import LineKind
from spooled_lite.core.renderers.records import checked_renderer_name
from spooled_lite.core.renderers.template import parse_template
from spooled_lite.core.topics.pattern import checked_pattern


def _template(name: str, column: str | None = None, *, may_lack: bool = False) -> Field:
    def stored(value: str) -> str:
        parse_template(value, name)
        return value

    return plain(name, str, column, may_lack=may_lack, stored=stored)


RENDERER: Final = LineKind(
    name="renderer",
    table="renderers",
    fields=(
        organization(),
        checked("name", checked_renderer_name),
        checked("pattern", checked_pattern),
        _template("event", may_lack=True),
        _template("id", "event_id", may_lack=True),
        _template("template"),
        text("content_type"),
        time("created_at"),
        time("updated_at"),
    ),
    left_out={"seq": "a number in the file"},
)
