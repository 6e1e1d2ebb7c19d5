"""Which streams are open, and where to look for those that something may concern."""

from collections.abc import Iterator

from msgspec import Struct

from spooled_lite.wire.realtime.stream import Kind, Place, Stream


class _OfOrg(Struct):
    streams: dict[Stream, None]
    counts: dict[Kind, int]


class Streams:
    """By organization, and by the narrowest thing that a stream is about."""

    def __init__(self) -> None:
        self._orgs: dict[int, _OfOrg] = {}
        self._places: dict[Place, dict[Stream, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._orgs)

    def __iter__(self) -> Iterator[Stream]:
        """All of them as they are now: whoever walks along may wait, and some may go."""
        return iter([stream for of_org in self._orgs.values() for stream in of_org.streams])

    def __contains__(self, stream: Stream) -> bool:
        return stream in self.of_org(stream.org)

    def count(self, kind: Kind) -> int:
        return sum(each.counts[kind] for each in self._orgs.values())

    def count_of(self, org: int, kind: Kind) -> int:
        of_org = self._orgs.get(org)
        return 0 if of_org is None else of_org.counts[kind]

    def has_org(self, org: int) -> bool:
        return org in self._orgs

    def of_org(self, org: int) -> dict[Stream, None]:
        of_org = self._orgs.get(org)
        return {} if of_org is None else of_org.streams

    def at(self, *places: Place) -> Iterator[Stream]:
        for place in places:
            yield from self._places.get(place, ())

    def add(self, stream: Stream) -> None:
        of_org = self._orgs.setdefault(stream.org, _OfOrg({}, {"sse": 0, "websocket": 0}))
        of_org.streams[stream] = None
        of_org.counts[stream.kind] += 1
        self._places.setdefault(stream.place, {})[stream] = None

    def remove(self, stream: Stream) -> None:
        of_org, there = self._orgs[stream.org], self._places[stream.place]
        del of_org.streams[stream], there[stream]
        of_org.counts[stream.kind] -= 1
        if not of_org.streams:
            del self._orgs[stream.org]
        if not there:
            del self._places[stream.place]
