"""How many connections there may be, in all and of one address, and who makes room for whom."""

import asyncio
from ipaddress import IPv6Address, ip_address
from typing import Final

IPV6_NETWORK_BITS: Final = 64  # whoever has one address of such a network has all of it


def address_of(client: tuple[str, int] | None) -> str:
    """What counts as one address: that of the peer, or its network of 64 bits."""
    if client is None:
        return ""  # a socket of the file system
    try:
        found = ip_address(client[0].partition("%")[0])
    except ValueError:
        return client[0]
    if not isinstance(found, IPv6Address):
        return client[0]
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{found.exploded[: IPV6_NETWORK_BITS // 4 + 3]}::/{IPV6_NETWORK_BITS}"


class _Address:
    __slots__ = ("count", "idle")

    def __init__(self) -> None:
        self.count = 0
        self.idle: dict[asyncio.Transport, None] = {}  # the longest idle one first


class ConnectionPlaces:
    """One place for each connection, whatever protocol it speaks. Every step is O(1).

    A newcomer that finds no place takes that of the connection that has been idle the longest: of
    its own address when that address has its share, else of all.
    """

    def __init__(self, count_max: int, *, per_address_max: int) -> None:
        """`per_address_max` 0: no bound."""
        self._count_max = count_max
        self._per_address_max = per_address_max
        self._addresses: dict[str, _Address] = {}
        self._taken: dict[asyncio.Transport, str] = {}
        self._idle: dict[asyncio.Transport, None] = {}  # the longest idle one first

    @property
    def count(self) -> int:
        return len(self._taken)

    def take(self, transport: asyncio.Transport, address: str) -> bool:
        """Take a place; False when there is none."""
        known = self._addresses.get(address)
        if known is not None and 0 < self._per_address_max <= known.count:
            if not self._end_longest(known.idle):
                return False
        elif len(self._taken) >= self._count_max and not self._end_longest(self._idle):
            return False
        known = self._addresses.setdefault(address, _Address())
        known.count += 1
        self._taken[transport] = address
        return True

    def idle(self, transport: asyncio.Transport) -> None:
        """Nothing is asked and nothing is owed on it, from now on."""
        address = self._taken.get(transport)
        if address is not None:
            self._idle[transport] = self._addresses[address].idle[transport] = None

    def busy(self, transport: asyncio.Transport) -> None:
        if transport in self._idle:
            del self._idle[transport]
            del self._addresses[self._taken[transport]].idle[transport]

    def leave(self, transport: asyncio.Transport) -> None:
        """Give a place back. May be called again."""
        self.busy(transport)
        address = self._taken.pop(transport, None)
        if address is None:
            return
        known = self._addresses[address]
        known.count -= 1
        if not known.count:
            del self._addresses[address]

    def _end_longest(self, idle: dict[asyncio.Transport, None]) -> bool:
        """Close the longest idle connection; False when none is idle."""
        longest = next(iter(idle), None)
        if longest is None:
            return False
        self.leave(longest)
        longest.close()
        return True
