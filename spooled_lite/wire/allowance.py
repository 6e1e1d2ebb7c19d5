"""How much one peer may ask for in a row, and how fast that comes back."""


class Allowance:
    """Full at first; use it with the time of one clock."""

    __slots__ = ("_at", "_left", "_most", "_per_second")

    def __init__(self, most: float, *, per_second: float, now: float) -> None:
        self._most = self._left = most
        self._per_second = per_second
        self._at = now

    def take(self, amount: float, now: float) -> bool:
        """False: there is not that much left. Then nothing is taken."""
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < amount:
            return False
        self._left -= amount
        return True
