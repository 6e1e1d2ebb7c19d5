"""The open streams of topics, the patterns that lead to them, and who is present."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

from spooled_lite.core.topics.pattern import tokens_of
from spooled_lite.core.topics.trie import Trie
from spooled_lite.wire.live.stream import HeldBytes, TopicStream

# Of the distinct patterns that the open streams of an organization listen to. A word takes some 400
# bytes; a topic that all of them match takes 15 ms of the loop.
WORDS_OF_ORG_MAX: Final = 50_000

StreamGroup = dict[TopicStream, None]


class TopicStreamsOfOrg:
    """Those of one organization. Streams with the same pattern are found together."""

    __slots__ = ("_groups", "_present", "_trie", "_word_count", "held", "streams", "to_wake")

    def __init__(self, held: HeldBytes) -> None:
        self.streams: StreamGroup = {}
        self.held = held
        self.to_wake: StreamGroup = {}  # they have got something since they were woken
        self._trie: Trie[str] = Trie()
        self._groups: dict[str, StreamGroup] = {}
        self._present: dict[str, Counter[str]] = {}
        self._word_count = 0

    def has_room_for(self, patterns: Sequence[str]) -> bool:
        """Whether the patterns that nobody listens to yet are not too many."""
        more = sum(len(tokens_of(each)) for each in patterns if each not in self._groups)
        return self._word_count + more <= WORDS_OF_ORG_MAX

    def add(self, stream: TopicStream) -> list[str]:
        """The topics at which somebody has come who was not there."""
        self.streams[stream] = None
        stream.held = self.held
        for pattern in stream.patterns:
            group = self._groups.get(pattern)
            if group is None:
                group = self._groups[pattern] = {}
                self._trie.add(pattern, pattern)
                self._word_count += len(tokens_of(pattern))
            group[stream] = None
        return list(self._count_presence(stream, 1))

    def remove(self, stream: TopicStream) -> list[str]:
        """The topics at which somebody is not there any more."""
        del self.streams[stream]
        self.to_wake.pop(stream, None)
        stream.forget()
        for pattern in stream.patterns:
            group = self._groups[pattern]
            del group[stream]
            if not group:
                del self._groups[pattern]
                self._trie.remove(pattern, pattern)
                self._word_count -= len(tokens_of(pattern))
        return list(self._count_presence(stream, -1))

    def listening(self, topic: str) -> Sequence[TopicStream]:
        """The streams with a pattern that matches, each once."""
        patterns = self._trie.matches(topic)
        if len(patterns) == 1:
            return tuple(self._groups[patterns[0]])
        return tuple(dict.fromkeys(chain.from_iterable(self._groups[each] for each in patterns)))

    def present(self, topic: str) -> list[str]:
        return sorted(self._present.get(topic, ()))

    def _count_presence(self, stream: TopicStream, by: int) -> Iterator[str]:
        identity = stream.identity
        if identity is None:
            return
        for topic in stream.patterns:
            counts = self._present.setdefault(topic, Counter())
            was = counts[identity]
            counts[identity] = was + by
            if not counts[identity]:
                del counts[identity]
                if not counts:
                    del self._present[topic]
            if not was or not was + by:
                yield topic


class TopicStreams:
    """Those of all organizations."""

    def __init__(self) -> None:
        self._orgs: dict[int, TopicStreamsOfOrg] = {}
        self.count = 0
        self.held = HeldBytes()

    def __iter__(self) -> Iterator[TopicStream]:
        """Over a copy, since streams may come and go while the caller awaits."""
        return iter([stream for of_org in self._orgs.values() for stream in of_org.streams])

    def __contains__(self, stream: TopicStream) -> bool:
        of_org = self._orgs.get(stream.org)
        return of_org is not None and stream in of_org.streams

    def of_org(self, org: int) -> TopicStreamsOfOrg | None:
        """None: it has none open."""
        return self._orgs.get(org)

    def add(self, stream: TopicStream) -> list[str]:
        """As `TopicStreamsOfOrg.add`."""
        self.count += 1
        of_org = self._orgs.get(stream.org)
        if of_org is None:
            of_org = self._orgs[stream.org] = TopicStreamsOfOrg(HeldBytes(self.held))
        return of_org.add(stream)

    def remove(self, stream: TopicStream) -> list[str]:
        """As `TopicStreamsOfOrg.remove`."""
        self.count -= 1
        of_org = self._orgs[stream.org]
        gone = of_org.remove(stream)
        if not of_org.streams:
            del self._orgs[stream.org]
        return gone
