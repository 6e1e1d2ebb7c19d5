"""The only source of identity and randomness. A seed makes it repeatable, for test mode."""

import os
import random
from collections.abc import Callable
from typing import Final

# Drawn at once, because a call to the system costs more than an id. The ids of one draw share their
# first 16 bits: stored one after another they touch a few pages of the index instead of one each,
# which halves what an insert writes. 106 random bits are left, and 2^16 regions spread the draws.
POOL_IDS: Final = 256
SHARED_DIGITS: Final = 4
_ID_BYTES: Final = 16


class Ids:
    """Makes ids and secrets."""

    def __init__(self, seed: int | None = None, purpose: str = "rows") -> None:
        """With a seed they are those of `(seed, purpose)`, whatever else is drawn from it."""
        self._seed = seed
        self._random_bytes = _source(seed, purpose)
        # Apart: a secret more or less changes no id.
        self._secret_bytes = _source(seed, f"{purpose}, secrets")
        self._pool: list[str] = []

    def of(self, purpose: str) -> "Ids":
        """Ids for something else: another thread, or what must not shift these."""
        return Ids(self._seed, purpose)

    def new_id(self) -> str:
        """A lower-case UUID v4."""
        try:
            return self._pool.pop()
        except IndexError:
            self._pool = self._draw()
            return self._pool.pop()

    def unused(self, made: str) -> None:
        """Give an id back that nobody has seen and nothing has stored: the next one is this."""
        self._pool.append(made)

    def secret(self, length_bytes: int) -> bytes:
        return self._secret_bytes(length_bytes)

    def _draw(self) -> list[str]:
        digits = self._random_bytes(_ID_BYTES * POOL_IDS).hex()
        shared = digits[:SHARED_DIGITS]
        return [
            _as_uuid4(shared + digits[at + SHARED_DIGITS : at + 2 * _ID_BYTES])
            for at in range(0, len(digits), 2 * _ID_BYTES)
        ]


def _source(seed: int | None, purpose: str) -> Callable[[int], bytes]:
    return os.urandom if seed is None else random.Random(f"{seed} {purpose}").randbytes


def _as_uuid4(digits: str) -> str:
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"
