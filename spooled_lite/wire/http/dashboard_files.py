"""The files of the dashboard, served by Starlette. This module is loaded when one is asked for.

The address of the files contains a digest of them all, so a browser may keep them for good. Only
the page that names this address is asked for again each time. All addresses in it are relative, so
the dashboard works below any prefix of a proxy.

A first view asks for some forty small files. They are kept in memory, compressed once: to read and
compress each of them again took the server four times as long.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from mimetypes import guess_type
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from spooled_lite.wire.header import Header
from spooled_lite.wire.http.headers import compression

PACKAGE: Final = "spooled_lite"
FOLDER: Final = "dashboard"
INDEX: Final = "index.html"
# In the page, this stands for the digest in the address of all other files.
PLACEHOLDER: Final = "{files}"

# Only scripts and styles from this server, and no way for a script to make markup from text.
POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    b"require-trusted-types-for 'script'"
)
_SAYS: Final[tuple[Header, ...]] = (
    (b"content-security-policy", POLICY),
    (b"referrer-policy", b"no-referrer"),
)
_FOR_GOOD: Final = (b"cache-control", b"public, max-age=31536000, immutable")


class DashboardFiles:
    """All files but the page itself: scripts, styles, pictures. Always whole, never a range."""

    def __init__(self) -> None:
        self._version, self._files = _version_and_files()
        self._tag = _tag(self._version)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        # The path exactly as it was sent: another spelling of a file's address finds nothing.
        version, _, name = str(scope["path"]).removeprefix("/").partition("/")
        if version != self._version or name not in self._files:
            raise HTTPException(404)
        if request.method not in ("GET", "HEAD"):
            raise HTTPException(405)
        await self._answer(name, request)(scope, receive, send)

    def _answer(self, name: str, request: Request) -> Response:
        headers: tuple[Header, ...] = (*_SAYS, _FOR_GOOD, (b"etag", self._tag))
        if self._tag in request.headers.get("if-none-match", "").encode("latin-1"):
            answer = Response(status_code=304)
        else:
            body, accept = self._files[name], request.headers.get("accept-encoding", "")
            if compression.is_wanted(accept.encode("latin-1"), body):
                body = _compressed(name)
                headers += compression.HEADERS
            answer = Response(body, media_type=guess_type(name)[0])
        answer.raw_headers += headers
        return answer


@cache
def page() -> tuple[bytes, bytes]:
    """The page that loads everything else, and its entity tag."""
    version, _ = _version_and_files()
    text = _folder().joinpath(INDEX).read_text("utf-8").replace(PLACEHOLDER, version)
    return text.encode(), _tag(version)


def page_headers(tag: bytes) -> tuple[Header, ...]:
    return (*_SAYS[1:], (b"cache-control", b"no-cache"), (b"etag", tag))


@cache
def _version_and_files() -> tuple[str, Mapping[str, bytes]]:
    """A digest of all files, and those that are served here by their names."""
    digest = hashlib.sha256()
    folder = _folder()
    names = sorted(
        each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()
    )
    files = {name: folder.joinpath(name).read_bytes() for name in names}
    for name, text in files.items():
        digest.update(name.encode() + b"\0" + text)
    del files[INDEX]
    return digest.hexdigest()[:12], files


@cache
def _compressed(name: str) -> bytes:
    _, files = _version_and_files()
    return compression.compress_well(files[name])


def _tag(version: str) -> bytes:
    return f'"{version}"'.encode("ascii")


def _folder() -> Path:
    return Path(str(resources.files(PACKAGE).joinpath(FOLDER)))
