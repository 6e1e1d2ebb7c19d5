"""What callers say of a new message and of a new run alike: when, how urgently, under which key."""

from typing import TypedDict

from msgspec import Struct


class SendColumns(TypedDict):
    """The columns that follow from it."""

    status: str
    claimable: int
    priority: int
    scheduled_at_ms: int | None
    run_at_ms: int | None
    delay_ms: int | None
    expires_at_ms: int | None
    topic: str | None
    headers: bytes | None
    concurrency_key: str | None


class SendOptions(Struct, frozen=True, kw_only=True, gc=False):
    """Contract: catbird-capabilities, Q4-Q9, B6 and T4-T6."""

    topic: str | None = None
    priority: int = 0
    headers: bytes | None = None  # a JSON object
    concurrency_key: str | None = None
    visible_at_ms: int | None = None
    delay_ms: int | None = None  # from the moment it is stored
    expires_at_ms: int | None = None
    expires_in_ms: int | None = None  # from the moment it is stored

    def columns(self, now_ms: int) -> SendColumns:
        """Of a row that is stored now."""
        visible_at_ms, expires_at_ms = self.visible_at_ms, self.expires_at_ms
        if self.delay_ms is not None:
            visible_at_ms = now_ms + self.delay_ms
        if self.expires_in_ms is not None:
            expires_at_ms = now_ms + self.expires_in_ms
        is_delayed = visible_at_ms is not None and visible_at_ms > now_ms
        return {
            "status": "scheduled" if is_delayed else "pending",
            "claimable": int(not is_delayed),
            "priority": self.priority,
            "scheduled_at_ms": visible_at_ms,
            "run_at_ms": visible_at_ms if is_delayed else None,
            "delay_ms": self.delay_ms if is_delayed else None,
            "expires_at_ms": expires_at_ms,
            "topic": self.topic,
            "headers": self.headers,
            "concurrency_key": self.concurrency_key,
        }
