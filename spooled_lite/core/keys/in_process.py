"""The key of the process: for calls that are made in it, without a network between.

It is made anew at each start and is in memory only. No row stands for it, so no copy of the file
can hold it, and it ends with the process. Contract: amendments, G16.
"""

from typing import Final

from msgspec import Struct

from spooled_lite.core.keys import statements
from spooled_lite.core.keys.records import Credential, hash_of
from spooled_lite.core.keys.verify import credential_from
from spooled_lite.ids import Ids
from spooled_lite.storage.transaction import Reading

SECRET_BYTES: Final = 32
PREFIX: Final = "sk_process_"


class InProcessKey(Struct, frozen=True):
    """The key, and the organization it opens, by its number."""

    org: int
    secret: str

    @classmethod
    def new(cls, org: int, ids: Ids) -> "InProcessKey":
        return cls(org, PREFIX + ids.secret(SECRET_BYTES).hex())

    @property
    def hash(self) -> bytes:
        return hash_of(self.secret)


def find_in_process(tx: Reading, org: int) -> Credential | None:
    """What the key of the process may do: all, in this organization."""
    return credential_from(tx.row(statements.FIND_IN_PROCESS, {"org": org}))
