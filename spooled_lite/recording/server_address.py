"""The server that a recorder passes requests on to, or that a recording is replayed against."""

from typing import Self
from urllib.parse import urlsplit

import httpx
from msgspec import Struct


class BadTarget(Exception):
    """The address cannot be called."""


class ServerAddress(Struct, frozen=True):
    url: str  # without a slash at its end

    @classmethod
    def of(cls, url: str) -> Self:
        """Raises BadTarget, with the reason."""
        try:
            parts = urlsplit(url.strip())
            port = parts.port
        except ValueError as error:
            raise BadTarget(f"{url!r}: {error}") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            raise BadTarget(f"{url!r} is not like https://api.example.com")
        if parts.username or parts.password:
            raise BadTarget("give credentials with the requests, not in the address")
        if parts.query or parts.fragment:
            raise BadTarget(f"{url!r} has more than a path")
        return cls(url.strip().rstrip("/"))

    def at(self, path: str) -> httpx.URL:
        """The address of a path, with its query, of this server and no other, however the path
        begins. Raises: InvalidURL, UnicodeEncodeError."""
        url = httpx.URL(self.url)
        return url.copy_with(raw_path=url.raw_path.rstrip(b"/") + path.encode("ascii"))

    @property
    def websocket_url(self) -> str:
        return "ws" + self.url.removeprefix("http")
