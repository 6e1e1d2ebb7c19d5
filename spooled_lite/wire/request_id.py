"""An id for every request: the caller's own when it is sane, else a new one."""

import re
from typing import Final

from spooled_lite.ids import Ids

_SANE: Final = re.compile(rb"[!-~]{1,128}")


def request_id(given: bytes | None, ids: Ids) -> bytes:
    if given is not None and _SANE.fullmatch(given):
        return given
    return ids.new_id().encode("ascii")
