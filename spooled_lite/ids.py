"""The only source of ids and secrets. A seed makes them repeatable, for test mode."""

import os
import random
from collections.abc import Callable
from typing import Final

# Ids made from one draw of random bytes, because a call to the system costs more than an id. They
# share their first 16 bits: stored one after another they touch a few pages of the index instead of
# one each, which halves what an insert writes. 106 random bits are left to each id, and the draws
# are spread over 2^16 regions of the index.
POOL_IDS: Final = 256
SHARED_DIGITS: Final = 4
_ID_BYTES: Final = 16
_CHANCE_BYTES: Final = 7
_CHANCE_EXTRA_BITS: Final = 3  # of these bytes, beyond those that a number can hold


class Ids:
    """Makes ids and secrets."""

    def __init__(self, seed: int | None = None, purpose: str = "rows") -> None:
        """With a seed, the same `(seed, purpose)` gives the same ids, independent of others."""
        self.begin(seed, purpose)

    def begin(self, seed: int | None, purpose: str) -> None:
        """From now on make those of another seed and purpose, from the first one on."""
        self._seed = seed
        self._random_bytes = _source(seed, purpose)
        # Secrets have a source of their own, so that making one does not change the ids.
        self._secret_bytes = _source(seed, f"{purpose}, secrets")
        self._chance_bytes = _source(seed, f"{purpose}, chances")  # likewise
        self._pool: list[str] = []  # 32 digits each

    def of(self, purpose: str) -> "Ids":
        """Another source of ids, for another thread or to keep the ids of this one unchanged."""
        return Ids(self._seed, purpose)

    def new_id(self) -> str:
        """A lower-case UUID v4."""
        try:
            return _as_uuid4(self._pool.pop())
        except IndexError:
            self._pool = self._draw()
            return _as_uuid4(self._pool.pop())

    def unused(self, made: str) -> None:
        """Take back an id that was neither shown nor stored. It becomes the next id."""
        self._pool.append(made.replace("-", ""))

    def secret(self, length_bytes: int) -> bytes:
        return self._secret_bytes(length_bytes)

    def chance(self) -> float:
        """A number from 0 up to 1, and below that: each as likely as any other."""
        return (int.from_bytes(self._chance_bytes(_CHANCE_BYTES)) >> _CHANCE_EXTRA_BITS) / 2**53

    def _draw(self) -> list[str]:
        digits = self._random_bytes(_ID_BYTES * POOL_IDS).hex()
        shared = digits[:SHARED_DIGITS]
        return [
            shared + digits[at + SHARED_DIGITS : at + 2 * _ID_BYTES]
            for at in range(0, len(digits), 2 * _ID_BYTES)
        ]


def _source(seed: int | None, purpose: str) -> Callable[[int], bytes]:
    return os.urandom if seed is None else random.Random(f"{seed} {purpose}").randbytes


def _as_uuid4(digits: str) -> str:
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"
