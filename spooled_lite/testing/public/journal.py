"""The journal of a world, as a test reads it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

from spooled_lite.testing.public.link import Link
from spooled_lite.testing.public.told import told

EntryKind = Literal["request", "event", "step", "delivery", "mail", "fault"]


@dataclass(frozen=True, kw_only=True)
class JournalEntry:
    """One thing that happened. What does not belong to its kind is None."""

    n: int  # from 1 in each world, never used again
    at: datetime  # by the clock of the world
    kind: EntryKind
    what: str  # of a request its route, of an event its name, else the kind
    job_id: str | None = None
    message_id: str | None = None
    queue_name: str | None = None
    worker_id: str | None = None
    schedule_id: str | None = None
    workflow_id: str | None = None
    id: str | None = None  # of a delivery, or of the fault that struck
    attempt: int | None = None
    status_code: int | None = None  # None as well: nobody was answered
    error: str | None = None
    method: str | None = None
    path: str | None = None
    url: str | None = None
    to: str | None = None
    subject: str | None = None


class Journal:
    """What happened, in order: the newest 10,000 lines, up to 8 MiB."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def entries(
        self, kind: EntryKind | Sequence[EntryKind] | None = None, *, after: int = 0
    ) -> list[JournalEntry]:
        """Those of a kind, of several, or all; only those with a number above `after`.

        Raises:
            RefusedCall: there is no such kind.
        """
        return [told(JournalEntry, each) for each in self._lines(kind, after)]

    def clear(self) -> None:
        """Forget all of it; numbers go on."""
        self._link.call("DELETE", "/test/journal")

    def save(self, file: str | PathLike[str]) -> None:
        """Write the whole journal, a line of JSON each. Raises OSError."""
        text = "".join(f"{_text(each)}\n" for each in self._lines(None, 0))
        Path(file).write_text(text, encoding="utf-8")

    def tail(self, count: int) -> str:
        """The last so many entries as a person reads them, one on each line."""
        return "\n".join(_sentence(each) for each in self._lines(None, 0)[-count:])

    def __iter__(self) -> Iterator[JournalEntry]:
        return iter(self.entries())

    def _lines(
        self, kind: EntryKind | Sequence[EntryKind] | None, after: int
    ) -> list[dict[str, Any]]:
        query: dict[str, object] = {"after": after}
        if kind is not None:
            query["kind"] = kind if isinstance(kind, str) else ",".join(kind)
        lines: list[dict[str, Any]] = self._link.call("GET", f"/test/journal?{urlencode(query)}")[
            "lines"
        ]
        return lines


def _text(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


def _sentence(line: dict[str, Any]) -> str:
    first = (line["n"], line["at"], line["kind"], line["what"])
    others = (f"{name}={line[name]}" for name in line if name not in ("n", "at", "kind", "what"))
    return " ".join(map(str, (*first, *others)))
