"""Rendering: what the renderers of an organization make of one message."""

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from spooled_lite.core.renderers.records import (
    FRAGMENTS_CHARACTERS_MAX,
    LABEL_CHARACTERS_MAX,
    WRITTEN_CHARACTERS_MAX,
    ContentType,
)
from spooled_lite.core.renderers.statements import RendererRow
from spooled_lite.core.renderers.template import Path, Template, parse_template
from spooled_lite.core.topics.trie import Trie

_MISSING: Final = object()
_INDEX_DIGITS_MAX: Final = 6  # no message has a list of a million values
# In a label, which becomes a line of a stream.
_NO_LINE_ENDS: Final = str.maketrans("\r\n\0", "   ")
# A JSON value is no markup then, wherever it is put.
_NO_MARKUP: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


class Fragment(Struct, frozen=True):
    """What a listener is given of a message: one renderer's work, or the message itself."""

    event: str
    data: str
    id: str | None = None
    content_type: ContentType = "text/html"


class Renderer(Struct, frozen=True):
    """A renderer with its templates parsed."""

    name: str
    pattern: str
    event: Template
    id: Template
    template: Template
    content_type: ContentType

    @classmethod
    def of(cls, row: RendererRow) -> "Renderer":
        return cls(
            row["name"],
            row["pattern"],
            parse_template(row["event"] or "", "event"),
            parse_template(row["event_id"] or "", "id"),
            parse_template(row["template"], "template"),
            row["content_type"],
        )

    @property
    def names(self) -> frozenset[str]:
        """The kinds of values that it shows: `topic`, `message`, `identity`, `data`."""
        return frozenset(
            path[0] for each in (self.event, self.id, self.template) for path in each.paths
        )


class Renderers:
    """The renderers of an organization, by what they match."""

    def __init__(self, rows: Iterable[RendererRow]) -> None:
        found = [Renderer.of(row) for row in rows]
        self._trie = Trie([(each.pattern, each) for each in found])

    def rendering(self, topic: str, message: str) -> "Rendering | None":
        """None: none of them matches the topic."""
        matching = sorted(self._trie.matches(topic), key=lambda each: each.name)
        return Rendering(matching, topic, message) if matching else None


class Rendering:
    """What these renderers make of one message, for one listener after the other."""

    def __init__(self, renderers: Sequence[Renderer], topic: str, message: str) -> None:
        self._renderers = renderers
        self._topic = topic
        self._message = message
        self._names = frozenset[str]().union(*(each.names for each in renderers))
        self._data = _decoded(message) if "data" in self._names else _MISSING
        self._written: dict[tuple[ContentType, Path], str] = {}
        self._identity = ""

    @property
    def is_the_same_for_all(self) -> bool:
        """Whether every listener gets the same, whoever it is."""
        return "identity" not in self._names

    def fragments(self, identity: str | None) -> list[Fragment]:
        """In the order of the names of the renderers.

        One that shows `data` makes nothing of a message that is no JSON. Fragments are dropped that
        are too long, by themselves or with those before them.
        """
        self._identity = identity or ""
        made, left, work_left = [], FRAGMENTS_CHARACTERS_MAX, WRITTEN_CHARACTERS_MAX
        for each in self._renderers:
            if work_left <= 0:
                break
            if "data" in each.names and self._data is _MISSING:
                continue
            data, size = self._filled(each, left)
            work_left -= size
            if data is not None:
                left -= size
                event = self._label(each.event) or self._topic
                fragment_id = self._label(each.id) or None
                made.append(Fragment(event, data, fragment_id, each.content_type))
        return made

    def _filled(self, renderer: Renderer, most: int) -> tuple[str | None, int]:
        """The text, None when it would be too long; and how much of it was written."""
        texts = renderer.template.texts
        parts, size = [texts[0]], len(texts[0])
        for path, text in zip(renderer.template.paths, texts[1:], strict=True):
            value = self._value(path, renderer.content_type)
            parts += (value, text)
            size += len(value) + len(text)
            if size > most:
                break
        return (None if size > most else "".join(parts)), size

    def _label(self, template: Template) -> str:
        parts = [template.texts[0]]
        for path, text in zip(template.paths, template.texts[1:], strict=True):
            parts += (self._value(path, "text/plain")[:LABEL_CHARACTERS_MAX], text)
        return "".join(parts)[:LABEL_CHARACTERS_MAX].translate(_NO_LINE_ENDS)

    def _value(self, path: Path, content_type: ContentType) -> str:
        if path == ("identity",):
            return _WRITERS[content_type](self._identity)
        written = self._written.get((content_type, path))
        if written is None:
            written = _WRITERS[content_type](self._found(path))
            self._written[content_type, path] = written
        return written

    def _found(self, path: Path) -> Any:
        if path[0] != "data":
            return self._topic if path[0] == "topic" else self._message
        found = self._data
        for name in path[1:]:
            if isinstance(found, dict):
                found = found.get(name, _MISSING)
            elif isinstance(found, list) and _is_index(name, len(found)):
                found = found[int(name)]
            else:
                return _MISSING
        return found


def _is_index(name: str, length: int) -> bool:
    return name.isdecimal() and len(name) <= _INDEX_DIGITS_MAX and int(name) < length


def _decoded(message: str) -> Any:
    try:
        return msgspec.json.decode(message)
    except (msgspec.MsgspecError, RecursionError):
        return _MISSING


def _plain(value: Any) -> str:
    """A text as it is, anything else as JSON; nothing for null and for what is not there."""
    if value is None or value is _MISSING:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _as_html(value: Any) -> str:
    return html.escape(_plain(value))


def _as_json(value: Any) -> str:
    """A JSON value, a text in quotes; null for what is not there."""
    found = None if value is _MISSING else value
    return msgspec.json.encode(found).decode().translate(_NO_MARKUP)


_WRITERS: Final[Mapping[ContentType, Callable[[Any], str]]] = {
    "text/html": _as_html,
    "text/plain": _plain,
    "application/json": _as_json,
}
