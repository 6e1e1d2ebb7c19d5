"""The id of a request: the one the caller sent, when it has a sane form, else a new one."""

import re
from typing import Final

from spooled_lite.ids import Ids

_SANE: Final = re.compile(rb"[!-~]{1,128}")


def request_id(given: bytes | None, ids: Ids) -> bytes:
    if given is not None and _SANE.fullmatch(given):
        return given
    return ids.new_id().encode("ascii")
