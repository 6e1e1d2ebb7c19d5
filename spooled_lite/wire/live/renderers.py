"""Renderers of the organizations that use them, in memory: they are asked for every message."""

from collections.abc import Sequence
from typing import Final

from spooled_lite.core.renderers.define import all_renderers
from spooled_lite.core.renderers.render import Renderers
from spooled_lite.core.renderers.statements import RendererRow
from spooled_lite.events import Event, EventBus
from spooled_lite.storage.database import Database
from spooled_lite.wire.live.registry import TopicStreams

ORGS_MAX: Final = 100  # kept beside those with open streams

_NONE: Final = Renderers(())


class _Reading:
    """Calls that read the renderers of an organization, and changes of these meanwhile."""

    __slots__ = ("changes", "count")

    def __init__(self) -> None:
        self.count = self.changes = 0


class LiveRenderers:
    """Those of an organization are read when it is asked for them, and follow each commit."""

    def __init__(self, db: Database, bus: EventBus, streams: TopicStreams) -> None:
        """Organizations with open `streams` are not forgotten."""
        self._db = db
        self._streams = streams
        self._rows: dict[int, dict[str, RendererRow]] = {}
        self._parsed: dict[int, Renderers] = {}  # made of the rows when they are asked for
        self._readings: dict[int, _Reading] = {}
        self._stale: set[int] = set()
        bus.listen(self._listen)

    def known(self, org: int) -> Renderers:
        """Those of an organization that has been `loaded`; none of any other."""
        parsed = self._parsed.get(org)
        if parsed is None:
            rows = self._rows.get(org)
            if not rows:
                return _NONE
            parsed = self._parsed[org] = Renderers(rows.values())
        return parsed

    async def loaded(self, org: int) -> Renderers:
        """Those of an organization, read if need be."""
        while not self._is_fresh(org):
            reading = self._readings.setdefault(org, _Reading())
            reading.count += 1
            change = reading.changes
            try:
                rows = await self._db.readers.of(org).read(all_renderers, org)
            finally:
                reading.count -= 1
                if not reading.count:
                    del self._readings[org]
            if reading.changes == change and not self._is_fresh(org):
                self._keep(org, {row["name"]: row for row in rows})
        return self.known(org)

    def _is_fresh(self, org: int) -> bool:
        return org in self._rows and org not in self._stale

    def _keep(self, org: int, rows: dict[str, RendererRow]) -> None:
        for other in list(self._rows):
            if len(self._rows) < ORGS_MAX:
                break
            if self._streams.of_org(other) is None:
                self._forget(other)
        self._rows[org] = rows
        self._parsed.pop(org, None)
        self._stale.discard(org)

    def _forget(self, org: int) -> None:
        del self._rows[org]
        self._parsed.pop(org, None)
        self._stale.discard(org)

    def _listen(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.type == "renderer.changed":
                self._note(event)
            elif event.type == "storage.reopened":
                # What was committed last is not known: read again where it is asked for next.
                self._stale |= self._rows.keys()

    def _note(self, event: Event) -> None:
        org, row = event.org, event.row
        if org in self._readings:
            self._readings[org].changes += 1
        rows = self._rows.get(org)
        if rows is None:
            return
        if event.facts.get("is_gone"):
            rows.pop(row["name"], None)
        else:
            rows[row["name"]] = row
        self._parsed.pop(org, None)
