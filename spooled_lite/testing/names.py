"""The names of forks, and the seeds that follow from them."""

import hashlib
from typing import Final

from spooled_lite.errors import RuleBroken
from spooled_lite.ids import Ids

NAME_CHARS_MAX: Final = 500  # the longest names of tests have some 200
_SECRET_SEED_BYTES: Final = 16


def check_name(name: str) -> None:
    """Raises RuleBroken: it cannot be told apart, or not stand in a header."""
    if not 1 <= len(name) <= NAME_CHARS_MAX:
        raise RuleBroken.of(
            "name", f"Field `name` must have 1 to {NAME_CHARS_MAX} characters", "length"
        )
    if not name.isprintable() or name != name.strip():
        raise RuleBroken.of(
            "name",
            "Field `name` may have no control characters, nor spaces at its ends",
            "invalid_name_chars",
        )


def seed_of(root_seed: int, name: str) -> int:
    """The seed of a fork: the order in which tests run does not matter to it."""
    digest = hashlib.sha256(f"{root_seed} {name}".encode()).digest()
    return int.from_bytes(digest[:6])  # 48 bits, which every client can read


def hidden_seed() -> int:
    """One that nobody can guess."""
    return int.from_bytes(Ids().secret(_SECRET_SEED_BYTES))
