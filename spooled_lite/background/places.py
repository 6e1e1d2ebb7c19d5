"""How many deliveries are under way: in all, and to each endpoint. Nobody crowds out the others."""

from collections import Counter
from typing import Final

from msgspec import Struct

EACH_MAX: Final = 4
SLOW_SECONDS: Final = 2.0  # an answer that takes longer is a slow one
SLOW_SHARE: Final = 0.5  # of all places that the slow ones may take together
UNPROVEN_SHARE: Final = 0.875  # of all places that they and those without an answer may take
NEWCOMERS_SHARE: Final = 0.125  # of a share, for organizations that hold no place of it
KNOWN_MAX: Final = 10_000  # endpoints whose manners are remembered


class Place(Struct, frozen=True):
    """One call to an endpoint. Give it back."""

    endpoint: str
    shares: "tuple[Share, ...]"  # that it was taken from
    org: int


class Share:
    """A part of all places that organizations take in turns.

    An organization that holds none has one at once, as a rule: some are kept for that. Of those
    that become free the organization that holds fewer has the next, if it has asked for one. So
    three hundred dead endpoints of one hold up the first call of another not at all.
    """

    def __init__(self, places_max: int) -> None:
        self._places_max = places_max
        self._kept = int(places_max * NEWCOMERS_SHARE)
        self._taken: Counter[int] = Counter()  # by organization
        self._waiting: set[int] = set()  # organizations that were refused
        self._refused: set[int] = set()  # of these, those that were refused in this round

    def has_room_for(self, org: int) -> bool:
        """Whether it is the turn of this organization. If not, it is noted that it waits."""
        held = self._taken[org]
        is_full = self._taken.total() >= self._places_max - (self._kept if held else 0)
        if is_full or any(self._taken[other] < held for other in self._waiting):
            self._waiting.add(org)
            self._refused.add(org)
            return False
        return True

    def take(self, org: int) -> None:
        self._taken[org] += 1
        self._waiting.discard(org)

    def give_back(self, org: int) -> None:
        self._taken[org] -= 1
        if not self._taken[org]:
            del self._taken[org]

    def end_round(self) -> bool:
        """Everything that is due was looked at. Whether somebody waits no more without a place."""
        has_left = not self._waiting <= self._refused
        self._waiting &= self._refused
        self._refused = set()
        return has_left


class Places:
    """Contract: schedules-workflows-webhooks, section 3.5: so many in all, EACH_MAX to each.

    Below these bounds the places go to those who answer. An endpoint begins with one place, and
    has EACH_MAX from its first quick answer on, whatever that says. One whose last answer was
    slow has one, and all of these together have half of the places: a few dozen dead receivers
    hold up each other and nobody else. A thousand new ones, of which nobody knows yet whether
    they answer, still leave an eighth of the places to those who do. Both shares are had in turns
    by organization.
    """

    def __init__(self, places_max: int) -> None:
        self._places_max = places_max
        self._slow = Share(max(1, int(places_max * SLOW_SHARE)))
        self._unproven = Share(max(1, int(places_max * UNPROVEN_SHARE)))
        self._taken: Counter[str] = Counter()
        self._is_slow: dict[str, bool] = {}  # what is not there has not answered this server yet

    @property
    def taken(self) -> int:
        return self._taken.total()

    @property
    def left(self) -> int:
        return self._places_max - self.taken

    def take(self, endpoint: str, org: int, last_seconds: float | None = None) -> Place | None:
        """Take a place, if there is one for this endpoint now.

        `last_seconds` is what its last call took according to the file. It counts until this
        server has called it.
        """
        is_slow = self._is_slow.get(endpoint)
        if is_slow is None and last_seconds is not None:
            is_slow = last_seconds > SLOW_SECONDS
        is_proven = is_slow is False
        if self._taken[endpoint] >= (EACH_MAX if is_proven else 1) or self.left <= 0:
            return None
        shares = (self._unproven, self._slow) if is_slow else (self._unproven,)
        place = Place(endpoint, () if is_proven else shares, org)
        if not all(share.has_room_for(org) for share in place.shares):
            return None
        for share in place.shares:
            share.take(org)
        self._taken[endpoint] += 1
        return place

    def give_back(self, place: Place, *, seconds: float) -> None:
        """A delivery is over, after so many seconds."""
        for share in place.shares:
            share.give_back(place.org)
        endpoint = place.endpoint
        self._taken[endpoint] -= 1
        if not self._taken[endpoint]:
            del self._taken[endpoint]
        self._is_slow.pop(endpoint, None)  # to the end of the line of those to be forgotten
        self._is_slow[endpoint] = seconds > SLOW_SECONDS
        while len(self._is_slow) > KNOWN_MAX:
            del self._is_slow[next(iter(self._is_slow))]

    def end_round(self) -> bool:
        """Everything that is due was looked at. Whether there may be places for those refused."""
        return any([share.end_round() for share in (self._unproven, self._slow)])
