"""How many connections may be open, in all and per address, and which one a newcomer replaces."""

import asyncio
from ipaddress import IPv6Address, ip_address
from typing import Final

IPV6_NETWORK_BITS: Final = 64  # a client that has one address of such a network has them all


def address_of(client: tuple[str, int] | None) -> str:
    """What counts as one address: the IPv4 address of the peer, or its IPv6 network of 64 bits."""
    if client is None:
        return ""  # a Unix socket
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
    """One place for each connection, HTTP or WebSocket. Every step is O(1).

    When no place is free, a new connection gets the place of the connection that has been idle
    the longest, which is closed: one of its own address when the address holds as many as it may,
    else any.
    """

    def __init__(self, count_max: int, *, per_address_max: int) -> None:
        """A `per_address_max` of 0 is no bound."""
        self._count_max = count_max
        self._per_address_max = per_address_max
        self._addresses: dict[str, _Address] = {}
        self._taken: dict[asyncio.Transport, str] = {}
        self._idle: dict[asyncio.Transport, None] = {}  # the longest idle one first

    @property
    def count(self) -> int:
        return len(self._taken)

    def take(self, transport: asyncio.Transport, address: str) -> bool:
        """Take a place; False when none is free and no idle connection can be closed for it."""
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
        """Note that no request is open on this connection: from now on it may be closed."""
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
