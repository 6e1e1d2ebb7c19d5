"""What is known of the call that the running code serves.

Log lines, the access log and traces read it. It holds nothing of the request itself, so whatever a
call leaves behind, such as a timer, keeps a few words and no connection.
"""

from contextvars import ContextVar
from typing import Final


class CallNotes:
    """Filled in as the call goes on; None and empty texts: not known, or there is none."""

    __slots__ = ("jobs", "key_id", "org_id", "queue", "request_id", "route", "status")

    def __init__(self, request_id: bytes) -> None:
        self.request_id = request_id
        self.route: str | None = None  # a template such as `/api/v1/jobs/{id}`, or a method of gRPC
        self.org_id = ""
        self.key_id = ""
        self.queue: str | None = None  # the only one that the call is about
        self.jobs: int | None = None  # how many it has created, claimed or settled
        self.status: str | None = None  # over gRPC: the name of the status it has ended with

    @property
    def shown_id(self) -> str:
        return self.request_id.decode("ascii", "replace")

    def fields(self) -> dict[str, str]:
        """What each log line of this call says of it."""
        found = {"request_id": self.shown_id}
        if self.route is not None:
            found["route"] = self.route
        if self.org_id:
            found["org"] = self.org_id
        return found


# Each call is served by a task, whose context is its own. None: the code serves no call.
NOTES: Final[ContextVar[CallNotes | None]] = ContextVar("spooled.notes", default=None)
