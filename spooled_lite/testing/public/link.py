"""Calls of the API over HTTP, with the standard library only."""

import http.client
import json
import os
import sys
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

SECONDS_MAX: Final = 60.0  # the longest call, a move of the clock, takes about half of this
_CLOCK_STOPS: Final = frozenset({"clock_busy", "worker_busy", "budget", "not_idle"})
_IGNORED_BY_FREEZEGUN: Final = ["spooled_lite", "uvicorn"]


class NotStarted(Exception):
    """The server was not started, or is closed."""


class RefusedCall(Exception):
    """The server has refused a call."""

    def __init__(self, status: int, body: Any) -> None:
        about = body if isinstance(body, dict) else {}
        details = about.get("details")
        self.status = status
        self.code = str(about.get("code", ""))
        self.details: dict[str, Any] = details if isinstance(details, dict) else {}
        self.reason: str | None = self.details.get("reason")
        super().__init__(str(about.get("message") or about.get("error") or f"status {status}"))


class ClockStopped(RefusedCall):
    """Time could not be moved up to the target. `reason` says why, and `details` where."""


class Link:
    """A key for a server. Safe to share among threads: each call has a connection of its own."""

    def __init__(self, url: str, api_key: str, *, pid: int | None = None) -> None:
        """`pid`: the process whose thread serves; a child of it has no such thread."""
        self.url = url.rstrip("/")
        self.api_key = api_key
        self._parts: SplitResult = urlsplit(self.url)
        self._pid = pid

    def with_key(self, api_key: str) -> "Link":
        return Link(self.url, api_key, pid=self._pid)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call a route below `/api/v1`; its answer. Raises: as `send`."""
        return self.send(method, path, None if body is None else json.dumps(body).encode())

    def send(self, method: str, path: str, body: bytes | None) -> Any:
        """As `call`, with a body that is JSON already.

        Raises:
            RefusedCall: the server did; ClockStopped when the clock could not be moved.
            OSError: nothing answers there.
            RuntimeError: after `os.fork`, in the child.
        """
        self.check_process()
        tell_freezegun()
        headers = {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"}
        connection = self._connection()
        try:
            connection.request(method, f"{self._parts.path}/api/v1{path}", body, headers)
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        found = _decoded(raw)
        if answer.status >= 400:
            refused = RefusedCall(answer.status, found)
            if path.startswith("/test/clock") or refused.reason in _CLOCK_STOPS:
                refused = ClockStopped(answer.status, found)
            raise refused
        return found

    def check_process(self) -> None:
        """Raises RuntimeError: after `os.fork`, in the child."""
        if self._pid is not None and self._pid != os.getpid():
            raise RuntimeError(
                "this server runs in a thread of the process that was forked, and not in this one;"
                " start it after the fork, or with process=True"
            )

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=SECONDS_MAX)
        return http.client.HTTPConnection(host, port, timeout=SECONDS_MAX)


def tell_freezegun() -> None:
    """A server whose event loop has a frozen clock would hang."""
    freezegun: Any = sys.modules.get("freezegun")
    if freezegun is not None:
        freezegun.configure(extend_ignore_list=_IGNORED_BY_FREEZEGUN)


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None
