"""How a text may stand in JSON, which programs write in several ways."""

import json
import re
from collections.abc import Iterator
from typing import Final

import msgspec

# At most so many ways besides the text itself: the parameters of the statements of a search.
OTHERS_MAX: Final = 5

_ESCAPE: Final = re.compile(r"\\u[0-9a-f]{4}")
_MARKUP: Final = re.compile("[<>&\u2028\u2029]")  # which some programs escape, for browsers


def spellings(text: str) -> tuple[bytes, ...]:
    """The text as it is, and each other way in which it is written within a JSON text, if any."""
    return tuple(dict.fromkeys(each.encode() for each in _written(text)))


def _written(text: str) -> Iterator[str]:
    yield text  # also a piece of JSON, with its quotation marks
    shortest = msgspec.json.encode(text).decode()[1:-1]
    yield shortest
    ascii_only = json.dumps(text)[1:-1]
    yield ascii_only
    yield _ESCAPE.sub(lambda found: "\\u" + found[0][2:].upper(), ascii_only)
    yield ascii_only.replace("/", "\\/")
    yield _MARKUP.sub(lambda found: f"\\u{ord(found[0]):04x}", shortest)
