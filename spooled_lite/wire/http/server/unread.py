"""Answers that clients have not read yet, bounded in bytes over all connections."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Iterable
from typing import Final

logger = logging.getLogger(__name__)

# Room is made down to this part of the bound, so that not every further answer has to make room.
LEFT: Final = 0.75


class Unread:
    """Connections whose clients read more slowly than they are sent to, and the bytes that wait.

    Over the bound, connections are ended until there is room again: each time the one that has
    been behind the longest, of the address for which the most bytes wait. The last connection is
    never ended: the largest answer bounds what it holds.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._behind: dict[asyncio.Transport, str] = {}  # to its address, the longest behind first
        self._bytes: dict[asyncio.Transport, int] = {}  # that waited when last counted
        self._ended_count = 0  # since the last log line
        self.total_bytes = 0

    def fell_behind(self, transport: asyncio.Transport, address: str) -> None:
        """Called when the transport asks to pause writing: too much waits for its client."""
        self._behind.setdefault(transport, address)
        self._note(transport)
        if self.total_bytes > self._bytes_max:
            self._make_room()

    def caught_up(self, transport: asyncio.Transport) -> None:
        """Called when the client has read nearly all, or has left. May be called again."""
        self._behind.pop(transport, None)
        self.total_bytes -= self._bytes.pop(transport, 0)

    def look(self) -> None:
        """Called by each sweep: count the waiting bytes again, and log how many were ended."""
        self._look(self._behind)
        if self.total_bytes > self._bytes_max:
            self._make_room()
        if self._ended_count:
            logger.info("ended %d connections that did not read their answers", self._ended_count)
            self._ended_count = 0

    def _look(self, transports: Iterable[asyncio.Transport]) -> None:
        for transport in transports:
            self._note(transport)

    def _note(self, transport: asyncio.Transport) -> None:
        size = transport.get_write_buffer_size()
        self.total_bytes += size - self._bytes.get(transport, 0)
        self._bytes[transport] = size

    def _make_room(self) -> None:
        self._look(self._behind)
        waiting: Counter[str] = Counter()
        lines: dict[str, deque[asyncio.Transport]] = {}
        for transport, address in self._behind.items():
            waiting[address] += self._bytes[transport]
            lines.setdefault(address, deque()).append(transport)
        while self.total_bytes > self._bytes_max * LEFT and len(self._behind) > 1:
            [(address, _)] = waiting.most_common(1)
            transport = lines[address].popleft()
            waiting[address] -= self._bytes[transport]
            if not lines[address]:
                del waiting[address]
            self.caught_up(transport)
            self._ended_count += 1
            # Later and not now: this may run inside a write to that transport.
            asyncio.get_running_loop().call_soon(transport.abort)
