"""What definitions of tasks and of flows share: each change of one is a revision."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from msgspec import Struct

from spooled_lite.errors import PreconditionFailed

R = TypeVar("R")


class Defined(Struct, Generic[R], frozen=True):
    """`is_changed`: also a new one is."""

    row: R
    is_new: bool
    is_changed: bool


class IfMatch(Struct, frozen=True):
    """The revisions that a caller has seen, one of which must be the present one; `*` is any."""

    revisions: Sequence[str]

    def check(self, revision: int | None, what: str) -> None:
        """`revision` is None where there is no such thing; `what` it is called.

        Raises PreconditionFailed.
        """
        if revision is not None and ("*" in self.revisions or str(revision) in self.revisions):
            return
        if revision is None:
            raise PreconditionFailed(f"There is no such {what}; leave If-Match out to create it")
        raise PreconditionFailed(
            f"The {what} is at revision {revision}, which If-Match does not name; "
            "read it again and decide anew",
            details={"revision": revision},
        )
