"""How much of inputs and outputs one operation looks through to decide about steps."""

from typing import Final

from spooled_lite.storage.transaction import Own

# Of values that conditions look through and compare, and of sources of maps, in one operation,
# unless one alone is larger: a fifth of a second at worst, while the writing thread does nothing
# else.
LOOKED_BYTES_MAX: Final = 1024 * 1024


class Looked:
    """How much one operation has looked through and compared."""

    __slots__ = ("size_bytes",)

    def __init__(self) -> None:
        self.size_bytes = 0

    @property
    def is_enough(self) -> bool:
        return self.size_bytes > LOOKED_BYTES_MAX

    def count(self, size_bytes: int) -> None:
        self.size_bytes += size_bytes


LOOKED: Final = Own(Looked)
