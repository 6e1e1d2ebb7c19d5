"""The files of the dashboard, served by Starlette. This module is loaded when one is asked for.

The address of the files contains a digest of them all, so a browser may keep them for good. Only
the page that names this address is asked for again each time. All addresses in it are relative, so
the dashboard works below any prefix of a proxy.
"""

import hashlib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from spooled_lite.wire.header import Header

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


class DashboardFiles(StaticFiles):
    """All files but the page itself: scripts, styles, pictures."""

    def __init__(self) -> None:
        super().__init__(packages=[(PACKAGE, FOLDER)])
        self._version, self._names = _version_and_names()

    def knows(self, path: str) -> bool:
        """Whether this is the address of a file. Looks only at the list, not at the disk."""
        version, _, name = path.partition("/")
        return version == self._version and name in self._names

    def get_path(self, scope: Scope) -> str:
        """The path exactly as it was sent: another spelling of a file's address finds nothing."""
        path: str = scope["path"]
        return path.removeprefix("/")

    async def get_response(self, path: str, scope: Scope) -> Response:
        if not self.knows(path):
            raise HTTPException(404)
        # Starlette refuses all methods but GET and HEAD here.
        answer = await super().get_response(path.partition("/")[2], scope)
        kept = [each for each in answer.raw_headers if each[0] != b"accept-ranges"]
        answer.raw_headers = [*kept, *_SAYS, _FOR_GOOD]
        return answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send whole files only, never a range: a range must not be compressed afterwards."""
        asked = [each for each in scope["headers"] if each[0] != b"range"]
        await super().__call__({**scope, "headers": asked}, receive, send)


@cache
def page() -> tuple[bytes, bytes]:
    """The page that loads everything else, and its entity tag."""
    version, _ = _version_and_names()
    text = _folder().joinpath(INDEX).read_text("utf-8").replace(PLACEHOLDER, version)
    return text.encode(), f'"{version}"'.encode("ascii")


def page_headers(tag: bytes) -> tuple[Header, ...]:
    return (*_SAYS[1:], (b"cache-control", b"no-cache"), (b"etag", tag))


@cache
def _version_and_names() -> tuple[str, frozenset[str]]:
    """A digest of all files, and the names of those that are served here."""
    digest = hashlib.sha256()
    folder = _folder()
    names = sorted(
        each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()
    )
    for name in names:
        digest.update(name.encode() + b"\0" + folder.joinpath(name).read_bytes())
    return digest.hexdigest()[:12], frozenset(names) - {INDEX}


def _folder() -> Path:
    return Path(str(resources.files(PACKAGE).joinpath(FOLDER)))
