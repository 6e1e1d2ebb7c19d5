"""What memory knows of claims, said by a test."""

from collections.abc import Mapping


class KnownClaims:
    def __init__(
        self, waiting: Mapping[str, int] | None = None, last_ms: int | None = None
    ) -> None:
        self._waiting = waiting or {}
        self._last_ms = last_ms

    def waiting_in(self, org: int, queue_name: str) -> int:
        return self._waiting.get(queue_name, 0)

    def last_ms(self, queue: int) -> int | None:
        return self._last_ms
