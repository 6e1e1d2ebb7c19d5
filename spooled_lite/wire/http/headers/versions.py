"""The version of the API; there is only one. Contract: platform, section 1.2."""

import re
from typing import Final

from spooled_lite.errors import BadRequest

VERSION: Final = b"1"
HEADER: Final = (b"x-api-version", VERSION)

_SANE: Final = re.compile(rb"[A-Za-z0-9.]{1,16}")


def check_version(asked_for: bytes | None) -> None:
    """Raises BadRequest for another version. A value that has no form of a version is ignored."""
    if asked_for is None or asked_for == VERSION or not _SANE.fullmatch(asked_for):
        return
    raise BadRequest(f"API version {asked_for.decode('ascii')} is not supported; use 1")
