"""How many deliveries are under way: in all, and to each endpoint. Nobody crowds out the others."""

from collections import Counter
from typing import Final

EACH_MAX: Final = 4
SLOW_SECONDS: Final = 2.0  # an answer that takes longer is a slow one
SLOW_SHARE: Final = 0.5  # of all places that the slow ones may take together
UNPROVEN_SHARE: Final = 0.875  # of all places that they and those without an answer may take
KNOWN_MAX: Final = 10_000  # endpoints whose manners are remembered


class Places:
    """Contract: schedules-workflows-webhooks, section 3.5: so many in all, EACH_MAX to each.

    Below these bounds the places go to those who answer. An endpoint begins with one place, and
    has EACH_MAX from its first quick answer on, whatever that says. One whose last answer was
    slow has one, and all of these together have half of the places: a few dozen dead receivers
    hold up each other and nobody else. A thousand new ones, of which nobody knows yet whether
    they answer, still leave an eighth of the places to those who do.
    """

    def __init__(self, places_max: int) -> None:
        self._places_max = places_max
        self._slow_max = max(1, int(places_max * SLOW_SHARE))
        self._unproven_max = max(1, int(places_max * UNPROVEN_SHARE))
        self._taken: Counter[str] = Counter()
        self._slow: Counter[str] = Counter()  # of these, those that were taken by slow ones
        self._unproven: Counter[str] = Counter()  # and those by slow ones and new ones
        self._is_slow: dict[str, bool] = {}  # what is not there has not answered yet

    @property
    def taken(self) -> int:
        return self._taken.total()

    @property
    def left(self) -> int:
        return self._places_max - self.taken

    def take(self, endpoint: str) -> bool:
        """Take a place, if there is one for this endpoint now."""
        is_slow = self._is_slow.get(endpoint)
        is_proven = is_slow is False
        if self._taken[endpoint] >= (EACH_MAX if is_proven else 1) or self.left <= 0:
            return False
        if not is_proven:
            if self._unproven.total() >= self._unproven_max:
                return False
            if is_slow and self._slow.total() >= self._slow_max:
                return False
            self._unproven[endpoint] += 1
            self._slow[endpoint] += bool(is_slow)
        self._taken[endpoint] += 1
        return True

    def give_back(self, endpoint: str, *, seconds: float) -> None:
        """A delivery is over, after so many seconds."""
        for counted in (self._taken, self._slow, self._unproven):
            counted[endpoint] -= 1
            if counted[endpoint] <= 0:
                del counted[endpoint]
        self._is_slow.pop(endpoint, None)  # to the end of the line of those to be forgotten
        self._is_slow[endpoint] = seconds > SLOW_SECONDS
        while len(self._is_slow) > KNOWN_MAX:
            del self._is_slow[next(iter(self._is_slow))]
