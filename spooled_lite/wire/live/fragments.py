"""What one stream is sent of a notice: fragments, and how they are written.

Contract: catbird-capabilities, section 13, R5 and R7.
"""

import re
from collections.abc import Sequence
from typing import Final

from spooled_lite.core.renderers.render import Fragment

# Everything that ends a line for who reads an event stream. A message must not be able to begin a
# line of its own.
_LINE_END: Final = re.compile(r"\r\n?")
_END, _NEXT, _EMPTY, _BARE = "\n", "\ndata: ", "\ndata: \n", "\ndata:\n"
_NOT_IN_A_NAME: Final = re.compile(r"[\r\n\0]")


def as_it_is(topic: str, message: str | None) -> tuple[Fragment, ...]:
    """The message itself, as the one fragment of a notice that nothing renders."""
    return (Fragment(topic, message or ""),)


def written(fragments: Sequence[Fragment]) -> bytes:
    """The fragments as frames of an event stream: a line of `data:` for each of their lines."""
    return "".join(map(_frame, fragments)).encode()


def _frame(fragment: Fragment) -> str:
    event = _NOT_IN_A_NAME.sub(" ", fragment.event)
    shown_id = "" if fragment.id is None else f"\nid: {_NOT_IN_A_NAME.sub(' ', fragment.id)}"
    return f"event: {event}\n{_data_of(fragment.data)}{shown_id}\n\n"


def _data_of(text: str) -> str:
    """A line for each line, without a loop over them: there may be a hundred thousand."""
    if "\r" in text:
        text = _LINE_END.sub("\n", text)
    lines = f"\ndata: {text.replace(_END, _NEXT)}\n"
    # Twice, since of two empty lines that follow each other the first one takes the end between.
    return lines.replace(_EMPTY, _BARE).replace(_EMPTY, _BARE)[1:-1]
