"""Why a stream of events ends."""

from typing import Literal

End = Literal["done", "slow", "revoked", "stopping", "failed"]
