"""What a world begins with: the pages of another one, its time, and what is its own from the start.

A fork begins with its parent's; after a reset a world begins with its own baseline.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.onboard import INITIAL_KEY
from spooled_lite.core.keys.records import NewKey
from spooled_lite.errors import BadRequest
from spooled_lite.ids import Ids
from spooled_lite.storage.transaction import Reading, Tx
from spooled_lite.testing import statements
from spooled_lite.testing.clock import ClockMode, VirtualClock
from spooled_lite.testing.faults.shapes import NewFault
from spooled_lite.testing.passes import Awaited

BIRTH: Final = "birth"  # what ids and keys of a fork's own are drawn for
_STARTS_BYTES: Final = 8


class Adoption(Struct, frozen=True):
    """What a fork has for itself: an id for this organization, and keys. They find the world."""

    org: int
    seed: int  # they are the same again after a reset
    keys: tuple[NewKey, ...] = ()


class Entrance(Struct, frozen=True):
    """How to come into a world."""

    organization_id: str
    api_key: str | None  # None: nobody knows it any more
    keys: dict[str, str] = {}


class Origin(Struct, frozen=True, kw_only=True):
    pages: bytes
    left: Awaited
    now_ms: int
    mode: ClockMode
    rate: float
    generation: int = 0  # how many baselines the world has had: ids of each are others
    adoption: Adoption | None = None
    entrance: Entrance | None = None  # when the pages have it already
    at_ms: int | None = None  # where the clock is led at once
    faults: tuple[NewFault, ...] = ()

    def clock(self) -> VirtualClock:
        return VirtualClock(self.now_ms, self.mode, self.rate)


class Copied(Struct, frozen=True):
    pages: bytes
    jobs: int


def copy(reading: Reading) -> Copied:
    """Whole, in one snapshot."""
    return Copied(reading.pages(), reading.value(statements.JOBS) or 0)


def nothing(tx: Tx) -> None:
    """When this is answered, everything that was committed before has been announced."""


def begin(tx: Tx, ids: Ids, seed: int | None, purpose: str) -> None:
    """Draw the ids of the writing thread from their beginning."""
    ids.begin(seed, purpose)


def count_start(tx: Tx) -> int:
    """How often this file was started before."""
    stored = tx.value(statements.STARTS)
    before = 0 if stored is None else int.from_bytes(stored)
    tx.execute(statements.NOTE_STARTS, {"starts": (before + 1).to_bytes(_STARTS_BYTES)})
    return before


def adopt(tx: Tx, adoption: Adoption) -> Entrance:
    """Give the organization of a fork its own id and keys.

    Raises:
        BadRequest: it is deleted.
        RuleBroken: a key breaks a rule.
    """
    organization_id = tx.new_id()
    given = {"id": organization_id, "org": adoption.org}
    if not tx.execute(statements.RENAME_ORGANIZATION, given):
        raise BadRequest("The organization is deleted: there is nothing to fork")
    key, *others = [
        issue(tx, adoption.org, each, is_live=False).secret
        for each in (INITIAL_KEY, *adoption.keys)
    ]
    names = (each.name for each in adoption.keys)
    return Entrance(organization_id, key, dict(zip(names, others, strict=True)))


def hashes_of(reading: Reading, keys: Sequence[int]) -> list[bytes]:
    """Of the keys with these numbers."""
    found = (reading.value(statements.HASH_OF_KEY, {"key": key}) for key in keys)
    return [each for each in found if each is not None]


def purpose_of(what: str, generation: int, starts: int) -> str:
    """`starts`: of a file, before this one. Each makes other ids than those before it."""
    again = f", started {starts} times before" if starts else ""
    return f"{what} of baseline {generation}{again}"
