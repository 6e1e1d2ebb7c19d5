"""The faults that a world is told to make, and when each of them strikes."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Final, Protocol

from msgspec import Struct

from spooled_lite.errors import NotFound
from spooled_lite.testing.clock import VirtualClock
from spooled_lite.testing.faults.shapes import Do, FaultView, NewFault, On
from spooled_lite.testing.refusals import FaultsFull
from spooled_lite.times import parse_ms

RULES_MAX: Final = 100  # each request asks them all
_DRAWN_BYTES: Final = 6  # every such number is exact as a float


class StruckStream(Protocol):
    """A stream that is open, over HTTP or gRPC."""

    @property
    def what(self) -> str: ...
    async def holds(self, on: On) -> bool: ...
    def struck(self, do: Do) -> None: ...


class FaultRule:
    """One fault, with what has come of it. What is struck was let in before."""

    def __init__(self, rule_id: str, said: NewFault, seed: int) -> None:
        """Raises WrongShape: a time that is none."""
        self.id = rule_id
        self.said = said
        self.seen = 0
        self.struck = 0
        self._seed = seed
        when = said.when
        self._after_ms = None if when.after is None else parse_ms(when.after, "when.after")
        self._until_ms = None if when.until is None else parse_ms(when.until, "when.until")
        self._matches = None if when.matches is None else frozenset(when.matches)

    @property
    def ends_leases(self) -> bool:
        """Whether it is asked when a lease is given or renewed, and not before the request."""
        do = self.said.do
        return bool(do.redeliver or do.expire_lease)

    @property
    def is_for_open_streams(self) -> bool:
        """Whether it strikes also those that are open when it is made."""
        do = self.said.do
        return do.end_stream is not None or do.mute_ms is not None

    @property
    def is_spent(self) -> bool:
        return self.said.times is not None and self.struck >= self.said.times

    def is_asleep(self, now_ms: int) -> bool:
        """Whether it does not even count at this time of the world."""
        return (
            self.is_spent
            or (self._after_ms is not None and now_ms < self._after_ms)
            or (self._until_ms is not None and now_ms >= self._until_ms)
        )

    def strikes(self) -> bool:
        """Count one that it is for. Returns whether it strikes it."""
        if self.is_spent:
            return False
        self.seen += 1
        if not self._is_chosen():
            return False
        self.struck += 1
        return True

    def latency_ms(self) -> int:
        """Of the last one that it struck."""
        latency = self.said.do.latency_ms
        if latency is None or isinstance(latency, int):
            return latency or 0
        least, most = latency
        return least + int((most - least + 1) * self._draw("latency"))

    def of_seed(self, seed: int) -> "FaultRule":
        """The same, but with the draws of another world."""
        other = copy(self)
        other._seed = seed
        return other

    def view(self) -> FaultView:
        said = self.said
        return FaultView(
            id=self.id,
            on=said.on,
            when=said.when,
            do=said.do,
            times=said.times,
            note=said.note,
            seen=self.seen,
            struck=self.struck,
        )

    def _is_chosen(self) -> bool:
        when, count = self.said.when, self.seen
        return (
            (self._matches is None or count in self._matches)
            and (when.first is None or count <= when.first)
            and (when.every is None or count % when.every == 0)
            and (when.probability is None or self._draw("strike") < when.probability)
        )

    def _draw(self, what: str) -> float:
        """From 0 to 1. Other requests do not shift it."""
        drawn = hashlib.blake2b(
            f"{self._seed} {self.id} {self.seen} {what}".encode(), digest_size=_DRAWN_BYTES
        ).digest()
        return int.from_bytes(drawn) / 256**_DRAWN_BYTES


class Strike(Struct):
    """What is to become of one request, call, delivery or mail."""

    rule_ids: list[str]
    before_ms: int = 0
    after_ms: int = 0
    do: Do | None = None  # None: it only comes late

    def add(self, rule: FaultRule) -> None:
        self.rule_ids.append(rule.id)
        do = rule.said.do
        if do.latency_ms is None:
            self.do = do
        elif do.where == "answer":
            self.after_ms += rule.latency_ms()
        else:
            self.before_ms += rule.latency_ms()


# Hears of each strike: the id of its rule, and what it struck.
StruckTold = Callable[[str, str], None]


class Faults:
    """The rules of a world, in the order in which they are asked.

    Used on the loop's thread, but for `strike_lease`.
    """

    def __init__(self, clock: VirtualClock, seed: int) -> None:
        self._clock = clock
        self._seed = seed
        self._rules: dict[str, FaultRule] = {}
        self._made = 0
        self._promised = 0  # rules for which room is kept
        self._listeners: list[StruckTold] = []
        self.streams: dict[StruckStream, None] = {}  # in the order in which they were opened
        self._loop = asyncio.get_running_loop()
        self.over = asyncio.Event()  # set when the world ends: nobody waits any longer

    def __bool__(self) -> bool:
        return bool(self._rules)

    def listen(self, listener: StruckTold) -> None:
        self._listeners.append(listener)

    def add(self, said: NewFault) -> FaultRule:
        """Ask this one after all others. Raises: FaultsFull; WrongShape, as `FaultRule`."""
        rule = FaultRule(f"f{self._made + 1}", said, self._seed)
        self._make_room(1)
        self._made += 1
        self._rules[rule.id] = rule
        return rule

    def promise(self, said: Sequence[NewFault]) -> "PromisedFaults":
        """Keep room for rules that come later, or not at all. Raises: as `add`."""
        self._make_room(len(said))
        self._promised += len(said)
        return PromisedFaults(self, said)

    def end_promise(self, count: int) -> None:
        self._promised -= count

    def copied(self) -> list[FaultRule]:
        """The rules as they are now, with what has come of them."""
        return [copy(rule) for rule in self.all()]

    def take_over(self, rules: Sequence[FaultRule]) -> None:
        """Begin with copies of another world's rules, under their ids."""
        self._rules = {rule.id: rule.of_seed(self._seed) for rule in rules}
        self._made = max((int(rule.id[1:]) for rule in rules), default=0)

    def all(self) -> list[FaultRule]:
        return list(self._rules.values())

    def remove(self, rule_id: str) -> None:
        """Raises NotFound."""
        if self._rules.pop(rule_id, None) is None:
            raise NotFound.thing("Fault")

    def clear(self) -> None:
        self._rules.clear()

    def end(self) -> None:
        self.over.set()
        self.clear()

    async def strike(self, what: str, holds: Callable[[On], Awaitable[bool]]) -> Strike | None:
        """Ask the rules, in order, up to the first that strikes and is not a latency.

        `holds` says whether what a rule is for holds; `what` is the name for those who listen.
        """
        found: Strike | None = None
        for rule in self.all():
            if rule.ends_leases or rule.is_asleep(self._clock.now_ms()):
                continue
            if not await holds(rule.said.on):
                continue
            if rule.id not in self._rules or not rule.strikes():
                continue
            found = found or Strike([])
            found.add(rule)
            self._tell(rule.id, what)
            if found.do is not None:
                break
        return found

    @contextmanager
    def open_stream(self, stream: StruckStream) -> Iterator[None]:
        """Count it among those that rules strike which are made while it is open."""
        self.streams[stream] = None
        try:
            yield
        finally:
            del self.streams[stream]

    async def strike_open(self, rule: FaultRule) -> None:
        """Ask a new rule about the streams that are open."""
        if not rule.is_for_open_streams or rule.is_asleep(self._clock.now_ms()):
            return
        for stream in tuple(self.streams):
            if not await stream.holds(rule.said.on) or stream not in self.streams:
                continue
            if rule.id in self._rules and rule.strikes():
                self._tell(rule.id, stream.what)
                stream.struck(rule.said.do)

    def strike_lease(self, what: str, holds: Callable[[On, Do], bool]) -> tuple[str, On, Do] | None:
        """Ask the rules that end leases, in order, up to the first that strikes.

        Called on the writing thread, which alone asks those.
        """
        for rule in self.all():
            if not rule.ends_leases or rule.is_asleep(self._clock.now_ms()):
                continue
            said = rule.said
            if holds(said.on, said.do) and rule.id in self._rules and rule.strikes():
                self._loop.call_soon_threadsafe(self._tell, rule.id, what)
                return rule.id, said.on, said.do
        return None

    def _tell(self, rule_id: str, what: str) -> None:
        for listener in self._listeners:
            listener(rule_id, what)

    def _make_room(self, count: int) -> None:
        """Forget the oldest rules that strike no more, as far as more need their place."""
        excess = len(self._rules) + self._promised + count - RULES_MAX
        if excess <= 0:
            return
        spent = [rule_id for rule_id, rule in self._rules.items() if rule.is_spent]
        if len(spent) < excess:
            raise FaultsFull(RULES_MAX)
        for rule_id in spent[:excess]:
            del self._rules[rule_id]


class PromisedFaults:
    """Rules that there is room for. Either `keep` or `let_go` ends this."""

    def __init__(self, faults: Faults, said: Sequence[NewFault]) -> None:
        self._faults = faults
        self._said = said
        self.ids: list[str] = []  # once they are kept

    def keep(self) -> None:
        self.let_go()
        self.ids = [self._faults.add(each).id for each in self._said]

    def let_go(self) -> None:
        self._faults.end_promise(len(self._said))
