"""How a handler finds the world that its call belongs to."""

from typing import Final, Protocol

from spooled_lite.testing.stepper import Stepper
from spooled_lite.wire.http.call import Call

WORLD: Final = "spooled.world"  # in the extensions of the scope of each request


class WorldOfCall(Protocol):
    """What a handler needs of a world."""

    @property
    def name(self) -> str: ...
    @property
    def seed(self) -> int | None: ...
    @property
    def stepper(self) -> Stepper: ...


def world_of(call: Call) -> WorldOfCall:
    world: WorldOfCall | None = call.extension(WORLD)
    assert world is not None, "the application of a world puts it there"
    return world
