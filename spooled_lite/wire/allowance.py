"""How much one peer may ask for in a row, and how fast its allowance fills up again."""


class Allowance:
    """An allowance that is full at first. All times must come from the same clock."""

    __slots__ = ("_at", "_left", "_most", "_per_second")

    def __init__(self, most: float, *, per_second: float, now: float) -> None:
        self._most = self._left = most
        self._per_second = per_second
        self._at = now

    def take(self, amount: float, now: float) -> bool:
        """Take an amount; False when less is left, and then nothing is taken."""
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < amount:
            return False
        self._left -= amount
        return True
