"""Shipping. Spooled may call twice that a charge is completed; an order is shipped once."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

EVENT: Final = "job.completed"
OLD_AFTER: Final = timedelta(minutes=5)


class Shipping:
    def __init__(self, secret: str, now: Callable[[], datetime]) -> None:
        """`now`: the time. In a test it is the one of the world, which signs by it."""
        self.shipped: list[int] = []
        self._secret = secret.encode()
        self._now = now
        self._seen: set[str] = set()

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        """The status to answer a call with."""
        stamp = headers.get("X-Spooled-Timestamp", "0")
        ours = hmac.digest(self._secret, stamp.encode() + b"." + body, hashlib.sha256).hex()
        if not hmac.compare_digest(f"sha256={ours}", headers.get("X-Spooled-Signature", "")):
            return 401
        if abs(self._now().timestamp() - int(stamp)) > OLD_AFTER.total_seconds():
            return 401
        call = json.loads(body)
        if call["id"] not in self._seen:  # the same on every attempt
            self._seen.add(call["id"])
            self.shipped.append(call["data"]["result"]["order"])
        return 200
