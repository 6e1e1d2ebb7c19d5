"""How many deliveries may be under way: in all, to each endpoint, and of each organization."""

from collections import Counter
from typing import Final

from msgspec import Struct

from spooled_lite.core.webhooks.deliveries import CALLS_PER_ENDPOINT_MAX

SLOW_SECONDS: Final = 2.0  # an answer that takes longer counts as slow
SLOW_SHARE: Final = 0.5  # of all places, for slow endpoints together
UNPROVEN_SHARE: Final = 0.875  # of all places, for slow ones and those without an answer yet
NEWCOMERS_SHARE: Final = 0.125  # of shared places, kept for organizations that hold none of them
KNOWN_MAX: Final = 10_000  # endpoints of which it is remembered whether they are slow


class CallPlace(Struct, frozen=True):
    """The right to one call to an endpoint. Give it back afterwards."""

    endpoint: str
    shares: "tuple[SharedPlaces, ...]"  # it counts in each of them
    org: int


class SharedPlaces:
    """A part of all places, which organizations take in turns.

    An organization that holds none of them usually gets one at once, because some are kept for
    that. A place that becomes free goes to the organization that holds the fewest of those that
    were refused one. So three hundred dead endpoints of one organization do not delay the first
    call of another.
    """

    def __init__(self, places_max: int) -> None:
        self._places_max = places_max
        self._kept = int(places_max * NEWCOMERS_SHARE)
        self._taken: Counter[int] = Counter()  # by organization
        self._waiting: set[int] = set()  # organizations that were refused
        self._refused: set[int] = set()  # of these, those that were refused in this round

    def has_room_for(self, org: int) -> bool:
        """Whether it is the turn of this organization. If not, it is noted as waiting."""
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
        """End a round over everything due: whether an organization that waited no longer does."""
        has_left = not self._waiting <= self._refused
        self._waiting &= self._refused
        self._refused = set()
        return has_left


class CallPlaces:
    """The places of all deliveries. Contract: schedules-workflows-webhooks, section 3.5.

    Endpoints that answer come first. An endpoint begins with one place, and has
    CALLS_PER_ENDPOINT_MAX from its first quick answer on, whatever the answer says. One whose last
    answer was slow has one, and all slow ones together have half of the places: a few dozen dead
    receivers delay each other and nobody else. A thousand new endpoints that have not answered yet
    leave an eighth of the places to those that have. Organizations take turns within both shares.
    """

    def __init__(self, places_max: int) -> None:
        self._places_max = places_max
        self._slow = SharedPlaces(max(1, int(places_max * SLOW_SHARE)))
        self._unproven = SharedPlaces(max(1, int(places_max * UNPROVEN_SHARE)))
        self._taken: Counter[str] = Counter()
        self._is_slow: dict[str, bool] = {}  # missing: no answer to this server yet

    @property
    def taken(self) -> int:
        return self._taken.total()

    @property
    def left(self) -> int:
        return self._places_max - self.taken

    def take(self, endpoint: str, org: int, last_seconds: float | None = None) -> CallPlace | None:
        """Take a place, if there is one for this endpoint now.

        `last_seconds` is how long its last call took, as the database has it. It counts until this
        server has called the endpoint.
        """
        is_slow = self._is_slow.get(endpoint)
        if is_slow is None and last_seconds is not None:
            is_slow = last_seconds > SLOW_SECONDS
        is_proven = is_slow is False
        if self._taken[endpoint] >= (CALLS_PER_ENDPOINT_MAX if is_proven else 1) or self.left <= 0:
            return None
        shares = (self._unproven, self._slow) if is_slow else (self._unproven,)
        place = CallPlace(endpoint, () if is_proven else shares, org)
        if not all(share.has_room_for(org) for share in place.shares):
            return None
        for share in place.shares:
            share.take(org)
        self._taken[endpoint] += 1
        return place

    def give_back(self, place: CallPlace, *, seconds: float) -> None:
        """A delivery is over; it took this long."""
        for share in place.shares:
            share.give_back(place.org)
        endpoint = place.endpoint
        self._taken[endpoint] -= 1
        if not self._taken[endpoint]:
            del self._taken[endpoint]
        self._is_slow.pop(endpoint, None)  # it is then the last to be forgotten
        self._is_slow[endpoint] = seconds > SLOW_SECONDS
        while len(self._is_slow) > KNOWN_MAX:
            del self._is_slow[next(iter(self._is_slow))]

    def end_round(self) -> bool:
        """End a round over everything due: whether there may be places now for those refused."""
        return any([share.end_round() for share in (self._unproven, self._slow)])
