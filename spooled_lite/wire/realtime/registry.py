"""The open streams, and an index that finds those that an event may concern."""

from collections import Counter
from collections.abc import Hashable, Iterator
from functools import partial
from typing import Final

from msgspec import Struct

from spooled_lite.events import EventType
from spooled_lite.wire.realtime.audience import Audience
from spooled_lite.wire.realtime.filters import EVERYWHERE, AudienceKey, Filter
from spooled_lite.wire.realtime.stream import Stream, StreamKind, nothing_waits
from spooled_lite.wire.realtime.subscriptions import Subscriptions

# The names in the filters and subscriptions of all streams of an organization. A name takes some
# 300 bytes, so all of them take 30 MiB at most.
NAMES_OF_ORG_MAX: Final = 100_000


class _OfOrg(Struct):
    streams: dict[Stream, None]
    counts: dict[StreamKind, int]
    audiences: dict[Hashable, Audience]  # by the view of their members
    places: dict[AudienceKey, dict[Audience, None]]
    lengths: Counter[int]  # the lengths of the beginnings among the places
    events: Counter[EventType]  # how many audiences may want them
    name_count: int = 0

    def audience_of(self, stream: Stream) -> Audience:
        return self.audiences[stream.seen_as]


class Streams:
    """The open streams by organization, and by the narrowest thing that each is about.

    Finding the streams that an event concerns costs by their number, however many others there are.
    """

    def __init__(self) -> None:
        self._orgs: dict[int, _OfOrg] = {}

    def __bool__(self) -> bool:
        return bool(self._orgs)

    def __iter__(self) -> Iterator[Stream]:
        """Over a copy, since streams may come and go while the caller awaits."""
        return iter([stream for of_org in self._orgs.values() for stream in of_org.streams])

    def __contains__(self, stream: Stream) -> bool:
        return stream in self.of_org(stream.org)

    def count(self, kind: StreamKind) -> int:
        return sum(each.counts[kind] for each in self._orgs.values())

    def count_of(self, org: int, kind: StreamKind) -> int:
        of_org = self._orgs.get(org)
        return 0 if of_org is None else of_org.counts[kind]

    def names_left(self, org: int) -> int:
        """How many more names the streams of this organization may have."""
        of_org = self._orgs.get(org)
        return NAMES_OF_ORG_MAX - (0 if of_org is None else of_org.name_count)

    def has_org(self, org: int) -> bool:
        return org in self._orgs

    def may_want(self, org: int, event_type: EventType) -> bool:
        """Whether any stream of the organization may want frames of such an event."""
        of_org = self._orgs.get(org)
        return of_org is not None and event_type in of_org.events

    def of_org(self, org: int) -> dict[Stream, None]:
        of_org = self._orgs.get(org)
        return {} if of_org is None else of_org.streams

    def audiences(self, org: int) -> list[Audience]:
        of_org = self._orgs.get(org)
        return [] if of_org is None else list(of_org.audiences.values())

    def concerned(self, org: int, queue_name: str, job_id: str | None = None) -> list[Audience]:
        """The streams that an event of this queue and job may concern."""
        of_org = self._orgs.get(org)
        if of_org is None:
            return []
        places: list[AudienceKey] = [EVERYWHERE, ("queue", queue_name)]
        places += (("beginning", queue_name[:length]) for length in of_org.lengths)
        if job_id is not None:
            places.append(("job", job_id))
        found: dict[Audience, None] = {}
        for place in places:
            found |= of_org.places.get(place, {})
        return list(found)

    def of_job(self, org: int, job_id: str) -> list[Stream]:
        """The streams that follow this one job."""
        of_org = self._orgs.get(org)
        audiences = () if of_org is None else of_org.places.get(("job", job_id), ())
        return [each for audience in audiences for each in audience.members if each.job_id]

    def flush(self) -> None:
        """Flush the waiting frames of all audiences."""
        for org in tuple(self._orgs):
            for audience in self.audiences(org):
                audience.flush()

    def add(self, stream: Stream) -> None:
        if not self.has_org(stream.org):
            counts: dict[StreamKind, int] = {"sse": 0, "websocket": 0}
            self._orgs[stream.org] = _OfOrg({}, counts, {}, {}, Counter(), Counter())
        of_org = self._orgs[stream.org]
        of_org.streams[stream] = None
        of_org.counts[stream.kind] += 1
        of_org.name_count += stream.name_count
        _join(of_org, stream)

    def remove(self, stream: Stream) -> None:
        of_org = self._orgs[stream.org]
        _leave(of_org, stream)
        del of_org.streams[stream]
        of_org.counts[stream.kind] -= 1
        of_org.name_count -= stream.name_count
        if not of_org.streams:
            del self._orgs[stream.org]

    def subscribe(self, stream: Stream, wanted: Filter) -> None:
        """Add a subscription to an open stream."""
        of_org = self._orgs[stream.org]
        subscriptions = stream.subscriptions = stream.subscriptions or Subscriptions()
        had_some = subscriptions.count > 0
        if subscriptions.add(wanted):
            of_org.name_count += wanted.name_count
            if had_some and stream.is_where_it_subscribes:
                _put(of_org, of_org.audience_of(stream), wanted)
        if not had_some:
            self.regroup(stream)

    def unsubscribe(self, stream: Stream, unwanted: Filter) -> None:
        """Remove one such subscription from a stream, if it has one."""
        subscriptions = stream.subscriptions
        if subscriptions is None or not subscriptions.remove(unwanted):
            return
        of_org = self._orgs[stream.org]
        of_org.name_count -= unwanted.name_count
        if not subscriptions.count:
            self.regroup(stream)
        elif stream.is_where_it_subscribes:
            _take(of_org, of_org.audience_of(stream), unwanted)

    def regroup(self, stream: Stream) -> None:
        """Move a stream to another audience, after its scope, filters or dialect changed."""
        if stream.view != stream.seen_as and stream in self:
            of_org = self._orgs[stream.org]
            _leave(of_org, stream)
            _join(of_org, stream)


def _join(of_org: _OfOrg, stream: Stream) -> None:
    stream.seen_as = stream.view
    audience = of_org.audiences.get(stream.seen_as)
    if audience is None:
        audience = of_org.audiences[stream.seen_as] = Audience(stream.filter.events)
        of_org.events.update(audience.events)
        for place in stream.places:
            _put_at(of_org, audience, place)
    audience.join(stream)
    stream.catch_up = partial(audience.catch_up, stream)


def _leave(of_org: _OfOrg, stream: Stream) -> None:
    audience = of_org.audience_of(stream)
    audience.leave(stream)
    stream.catch_up = nothing_waits
    if not audience.members:
        del of_org.audiences[stream.seen_as]
        for each in audience.events:
            of_org.events[each] -= 1
            if not of_org.events[each]:
                del of_org.events[each]
        for place in tuple(audience.places):
            audience.places[place] = 1
            _take_from(of_org, audience, place)


def _put(of_org: _OfOrg, audience: Audience, wanted: Filter) -> None:
    for place in wanted.places:
        _put_at(of_org, audience, place)


def _take(of_org: _OfOrg, audience: Audience, unwanted: Filter) -> None:
    for place in unwanted.places:
        _take_from(of_org, audience, place)


def _put_at(of_org: _OfOrg, audience: Audience, place: AudienceKey) -> None:
    audience.places[place] += 1
    if audience.places[place] > 1:
        return
    there = of_org.places.setdefault(place, {})
    if not there and place[0] == "beginning":
        of_org.lengths[len(place[1])] += 1
    there[audience] = None


def _take_from(of_org: _OfOrg, audience: Audience, place: AudienceKey) -> None:
    audience.places[place] -= 1
    if audience.places[place]:
        return
    del audience.places[place]
    there = of_org.places[place]
    del there[audience]
    if there:
        return
    del of_org.places[place]
    if place[0] == "beginning":
        length = len(place[1])
        of_org.lengths[length] -= 1
        if not of_org.lengths[length]:
            del of_org.lengths[length]
