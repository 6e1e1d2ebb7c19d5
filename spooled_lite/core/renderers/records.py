"""The commands that core is given about renderers, and their bounds."""

import re
from typing import Final, Literal

from msgspec import Struct

from spooled_lite.errors import RuleBroken

ContentType = Literal["text/html", "text/plain", "application/json"]

RENDERERS_MAX: Final = 100  # of an organization, kept in memory where they are used
NAME_CHARACTERS_MAX: Final = 100
TEMPLATE_BYTES_MAX: Final = 16_384
LABEL_CHARACTERS_MAX: Final = 255  # of the event or the id of a fragment, and of their templates
PLACEHOLDERS_MAX: Final = 100  # in one template
# Of all fragments of one message together, twice the longest message: what goes beyond is dropped.
FRAGMENTS_CHARACTERS_MAX: Final = 131_072
# Written for one message, what is dropped included: some milliseconds of the loop.
WRITTEN_CHARACTERS_MAX: Final = 4 * FRAGMENTS_CHARACTERS_MAX

_NAME: Final = re.compile(rf"[A-Za-z0-9_.-]{{1,{NAME_CHARACTERS_MAX}}}")


class NewRenderer(Struct, frozen=True, kw_only=True):
    """A renderer that core is asked to store. Its templates have been parsed once."""

    name: str
    pattern: str
    event: str | None
    id: str | None
    template: str
    content_type: ContentType


def checked_renderer_name(name: str) -> str:
    """Raises RuleBroken: no renderer has such a name."""
    if _NAME.fullmatch(name) is None:
        raise RuleBroken.of(
            "name",
            f"Field `name` must consist of 1 to {NAME_CHARACTERS_MAX} letters, digits, `_`, `-`"
            " and `.`",
            "invalid_name",
        )
    return name
