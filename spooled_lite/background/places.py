"""How many deliveries are under way: in all, and to each endpoint. Nobody crowds out the others."""

from collections import Counter
from typing import Final

EACH_MAX: Final = 4
SLOW_SECONDS: Final = 2.0  # an answer that takes longer is a slow one
SLOW_SHARE: Final = 0.5  # of all places that the slow ones may take together
KNOWN_MAX: Final = 10_000  # endpoints whose manners are remembered


class Places:
    """Contract: schedules-workflows-webhooks, section 3.5: so many in all, EACH_MAX to each.

    Below these bounds the places go to those who answer. An endpoint begins with one place, and
    has EACH_MAX from its first quick answer on, whatever that says. One whose last answer was
    slow has one, and all of these together have half of the places: a few dozen dead receivers
    hold up each other and nobody else.
    """

    def __init__(self, places_max: int) -> None:
        self._places_max = places_max
        self._slow_max = max(1, int(places_max * SLOW_SHARE))
        self._taken: Counter[str] = Counter()
        self._slow_taken = 0
        self._is_slow: dict[str, bool] = {}  # what is not there has not answered yet
        self._counted_slow: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        return self._taken.total()

    @property
    def left(self) -> int:
        return self._places_max - self.taken

    def take(self, endpoint: str) -> bool:
        """Take a place, if there is one for this endpoint now."""
        is_slow = self._is_slow.get(endpoint, False)
        each_max = EACH_MAX if self._is_slow.get(endpoint) is False else 1
        if self.taken >= self._places_max or self._taken[endpoint] >= each_max:
            return False
        if is_slow:
            if self._slow_taken >= self._slow_max:
                return False
            self._slow_taken += 1
            self._counted_slow[endpoint] += 1
        self._taken[endpoint] += 1
        return True

    def give_back(self, endpoint: str, *, seconds: float) -> None:
        """A delivery is over, after so many seconds."""
        self._taken[endpoint] -= 1
        if not self._taken[endpoint]:
            del self._taken[endpoint]
        if self._counted_slow[endpoint]:
            self._counted_slow[endpoint] -= 1
            self._slow_taken -= 1
        if not self._counted_slow[endpoint]:
            del self._counted_slow[endpoint]
        self._is_slow.pop(endpoint, None)  # to the end of the line of those to be forgotten
        self._is_slow[endpoint] = seconds > SLOW_SECONDS
        while len(self._is_slow) > KNOWN_MAX:
            del self._is_slow[next(iter(self._is_slow))]
