"""What one stream is sent of a notice: fragments, and how they are written.

Contract: catbird-capabilities, section 13, R5 and R7.
"""

import re
from collections.abc import Sequence
from typing import Final

from spooled_lite.core.renderers.render import Fragment

# Everything that ends a line for who reads an event stream. A message must not be able to begin a
# line of its own.
_LINE_END: Final = re.compile(r"\r\n|\n|\r")
_NOT_IN_A_NAME: Final = re.compile(r"[\r\n\0]")


def as_it_is(topic: str, message: str | None) -> tuple[Fragment, ...]:
    """The message itself, as the one fragment of a notice that nothing renders."""
    return (Fragment(topic, message or ""),)


def written(fragments: Sequence[Fragment]) -> bytes:
    """The fragments as frames of an event stream: a line of `data:` for each of their lines."""
    return "".join(map(_frame, fragments)).encode()


def _frame(fragment: Fragment) -> str:
    lines = [f"event: {_NOT_IN_A_NAME.sub(' ', fragment.event)}"]
    lines += (f"data: {line}" if line else "data:" for line in _LINE_END.split(fragment.data))
    if fragment.id is not None:
        lines.append(f"id: {_NOT_IN_A_NAME.sub(' ', fragment.id)}")
    return "\n".join(lines) + "\n\n"
