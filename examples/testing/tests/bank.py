"""A bank for the tests of the shop."""

from shop.charges import Declined


class Bank:
    """A card. It says what it was asked, and what it has charged."""

    def __init__(self) -> None:
        self.declines = False
        self.asked: list[int] = []
        self.charged: list[int] = []
        self._keys: set[str] = set()

    def charge(self, order: int, *, key: str) -> None:
        self.asked.append(order)
        if self.declines:
            raise Declined("declined")
        if key not in self._keys:
            self._keys.add(key)
            self.charged.append(order)
