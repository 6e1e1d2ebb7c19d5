"""Which streams are open, and where to look for those that something may concern."""

from collections.abc import Hashable, Iterator

from msgspec import Struct

from spooled_lite.wire.realtime.audience import Audience
from spooled_lite.wire.realtime.stream import Kind, Place, Stream

_Audiences = dict[Hashable, Audience]  # by what they see


class _OfOrg(Struct):
    streams: dict[Stream, None]
    counts: dict[Kind, int]
    places: dict[Place, _Audiences]


class Streams:
    """By organization, and by the narrowest thing that a stream is about."""

    def __init__(self) -> None:
        self._orgs: dict[int, _OfOrg] = {}

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

    def audiences(self, org: int) -> list[Audience]:
        of_org = self._orgs.get(org)
        return [] if of_org is None else [a for at in of_org.places.values() for a in at.values()]

    def at(self, org: int, *places: Place) -> list[Audience]:
        of_org = self._orgs.get(org)
        if of_org is None:
            return []
        return [each for place in places for each in of_org.places.get(place, {}).values()]

    def flush(self) -> None:
        """Have everybody told what is in line."""
        for org in tuple(self._orgs):
            for audience in self.audiences(org):
                audience.flush()

    def add(self, stream: Stream) -> None:
        of_org = self._orgs.setdefault(stream.org, _OfOrg({}, {"sse": 0, "websocket": 0}, {}))
        of_org.streams[stream] = None
        of_org.counts[stream.kind] += 1
        self._join(of_org, stream)

    def remove(self, stream: Stream) -> None:
        of_org = self._orgs[stream.org]
        self._leave(of_org, stream)
        del of_org.streams[stream]
        of_org.counts[stream.kind] -= 1
        if not of_org.streams:
            del self._orgs[stream.org]

    def regroup(self, stream: Stream) -> None:
        """It may see other things than before, or be told them in other words."""
        if stream.view != stream.seen_as and stream in self:
            of_org = self._orgs[stream.org]
            self._leave(of_org, stream)
            self._join(of_org, stream)

    def _join(self, of_org: _OfOrg, stream: Stream) -> None:
        there = of_org.places.setdefault(stream.place, {})
        stream.seen_as = stream.view
        audience = there.setdefault(stream.seen_as, Audience())
        audience.flush()  # it has missed that
        audience.members[stream] = None
        stream.audience = audience

    def _leave(self, of_org: _OfOrg, stream: Stream) -> None:
        audience, there = stream.audience, of_org.places[stream.place]
        assert audience is not None, "it has joined one"
        audience.flush()
        stream.audience = None
        del audience.members[stream]
        if not audience.members:
            del there[stream.seen_as]
        if not there:
            del of_org.places[stream.place]
