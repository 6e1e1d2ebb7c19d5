"""Deliveries as chat services take them: one line of plain text about the event.

Contract: schedules-workflows-webhooks, section 3.4.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec
from msgspec import Raw, Struct

SLACK_CHARS_MAX: Final = 40_000
DISCORD_CHARS_MAX: Final = 2_000
TEAMS_BYTES_MAX: Final = 28 * 1024
CUT: Final = "…"

# Which fields a message names, in this order, and the word before each.
_SAID: Final = (
    ("topic", "topic"),
    ("job_id", "job"),
    ("workflow_id", "workflow"),
    ("schedule_id", "schedule"),
    ("schedule_name", "named"),
    ("worker_id", "worker"),
    ("webhook_id", "webhook"),
    ("name", "named"),
    ("hostname", "on"),
    ("queue_name", "queue"),
    ("status", "status"),
    ("reason", "reason"),
    ("trigger", "trigger"),
    ("message", "message"),
    ("error", "error"),
)
# A backslash before one of these takes away its meaning as markup.
_MARKDOWN: Final = frozenset("\\*_~`|#>[]()<")
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_NO_BREAK: Final = "\u200b"  # a space without width, which separates what stands around it


class _Told(Struct):
    """An envelope. Fields that no message names stay undecoded: a result may hold any number."""

    event: str
    data: dict[str, Raw] = {}


_TOLD: Final = msgspec.json.Decoder(_Told)


def formatted(name: str, envelope: bytes) -> bytes:
    """The body of a call in this format: the envelope itself, or a message made from it."""
    render = _FORMATS.get(name)
    return envelope if render is None else render(_line_of(_TOLD.decode(envelope)))


def _line_of(told: _Told) -> str:
    """The event and its fields, in one line."""
    data = {key: msgspec.json.decode(told.data[key]) for key, _ in _SAID if key in told.data}
    said = [f"{word} {data[key]}" for key, word in _SAID if data.get(key) not in (None, "")]
    line = ", ".join((f"{told.event}: {said[0]}", *said[1:])) if said else told.event
    return " ".join("".join(c if c.isprintable() else " " for c in line).split())


def _slack(line: str) -> bytes:
    text = _cut(line, lambda c: _ENTITIES.get(c, c), SLACK_CHARS_MAX, _utf16_units)
    return msgspec.json.encode({"text": text})


def _discord(line: str) -> bytes:
    return msgspec.json.encode(
        {"content": _cut(line, _escaped_for_discord, DISCORD_CHARS_MAX, _utf16_units)}
    )


def _teams(line: str) -> bytes:
    bytes_max = TEAMS_BYTES_MAX - len(_card(""))
    return _card(_cut(line, _escaped, bytes_max, _json_bytes))


def _card(text: str) -> bytes:
    block = {"type": "TextBlock", "text": text, "wrap": True}
    card = {"type": "AdaptiveCard", "version": "1.4", "body": [block]}
    kind = "application/vnd.microsoft.card.adaptive"
    attachment = {"contentType": kind, "content": card}
    return msgspec.json.encode({"type": "message", "attachments": [attachment]})


def _escaped(character: str) -> str:
    return f"\\{character}" if character in _MARKDOWN else character


def _escaped_for_discord(character: str) -> str:
    # A backslash does not stop `@everyone` from notifying everyone.
    return f"@{_NO_BREAK}" if character == "@" else _escaped(character)


def _cut(
    line: str, escape: Callable[[str], str], size_max: int, size_of: Callable[[str], int]
) -> str:
    """The escaped line, cut between two characters where it would become too long."""
    pieces: list[str] = []
    fits, size, room = 0, 0, size_max - size_of(CUT)
    for piece in _pieces(line, escape, size_max):
        size += size_of(piece)
        if size > size_max:
            return "".join((*pieces[:fits], CUT))
        pieces.append(piece)
        if size <= room:
            fits = len(pieces)
    return "".join(pieces)


def _pieces(line: str, escape: Callable[[str], str], size_max: int) -> Iterator[str]:
    return map(escape, line[: size_max + 1])


def _utf16_units(text: str) -> int:
    return sum(2 if ord(c) > 0xFFFF else 1 for c in text)


def _json_bytes(text: str) -> int:
    return len(msgspec.json.encode(text)) - 2  # without the quotes


_FORMATS: Final[Mapping[str, Callable[[str], bytes]]] = {
    "slack": _slack,
    "discord": _discord,
    "teams": _teams,
}
