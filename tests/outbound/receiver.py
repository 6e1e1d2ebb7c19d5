"""A receiver of webhooks as a process of its own: told what to do wrong, asked what has come.

A path says how it is answered (`/ok/1`, `/hangs`, `/500`, `/429 Retry-After: 7` percent-encoded),
or `answer` says it. Modes, beside a status with headers after it: those of `receiver_server.MODES`,
`slow SECONDS` and `unread`. `url_of("deaf_port")` is taken by the system and read by nobody;
connections to `url_of("full_port")` never come about.
"""

import http.client
import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

from msgspec import Struct, convert

CERTIFICATE: Final = Path(__file__).parent / "hooks.pem"  # of hooks.example.com, key included
CONTROL_SECONDS_MAX: Final = 40.0


class Request(Struct, frozen=True):
    path: str
    method: str
    headers: list[tuple[str, str]]  # names in small letters, as they came
    body: str  # a character a byte
    mode: str
    at: float  # seconds since the epoch
    is_over: bool  # answered, or the sender has left

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name.lower())


class Receiver:
    """Runs while its context is open, at most as long as this process."""

    def __init__(self, *, certificate: Path | None = None) -> None:
        self._arguments = [] if certificate is None else [str(certificate)]
        self._process: subprocess.Popen[str] | None = None
        self._ports: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.outbound.receiver_server", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self._ports = json.loads(self._process.stdout.readline())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    @property
    def port(self) -> int:
        return self._ports["port"]

    @property
    def tls_port(self) -> int:
        return self._ports["tls_port"]

    def url(self, mode: str = "ok", more: str = "") -> str:
        """A URL that is answered by its own mode; `more` makes it differ from others."""
        return f"http://127.0.0.1:{self.port}{path_of(mode, more)}"

    def url_of(self, port: str) -> str:
        return f"http://127.0.0.1:{self._ports[port]}/x"

    def answer(self, path: str, *modes: str) -> None:
        """How the next requests to the path are answered; the last mode stays."""
        self._control("PUT", "/modes", {path: list(modes)})

    def requests(
        self, path: str | None = None, *, count: int = 0, over: bool = False
    ) -> list[Request]:
        """What has come, in order, all or to one path; those that are over, if `over`.

        Waits for `count` of them, half a minute at most; then it returns what there is.
        """
        query = {"count": str(count)}
        query |= {} if path is None else {"path": path}
        query |= {"over": "1"} if over else {}
        return convert(self._control("GET", f"/requests?{urlencode(query)}"), list[Request])

    def connections(self) -> int:
        """How many there were, also those without a request."""
        return int(self._control("GET", "/")["connections"])

    def forget(self) -> None:
        self._control("DELETE", "/requests")

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self._ports["control_port"], timeout=CONTROL_SECONDS_MAX
        )
        try:
            connection.request(method, path, json.dumps(body))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


def path_of(mode: str, more: str = "") -> str:
    return "/" + quote(mode, safe="") + (f"/{more}" if more else "")
