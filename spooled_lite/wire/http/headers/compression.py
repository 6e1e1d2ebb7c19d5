"""gzip for answers that are long enough to gain from it."""

import asyncio
import zlib
from functools import lru_cache
from typing import Final

BYTES_MIN: Final = 1024
OFF_LOOP_BYTES_MIN: Final = 64 * 1024  # a body of this size would hold up the loop
ACCEPT_BYTES_MAX: Final = 256  # a longer Accept-Encoding is ignored
BEST: Final = 9
LEVEL: Final = 1  # higher levels take several times longer on JSON and save only a tenth more

HEADERS: Final = ((b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding"))

_GZIP_FRAME: Final = 31  # zlib's code for its largest window in a gzip frame


async def compress(body: bytes) -> bytes:
    if len(body) < OFF_LOOP_BYTES_MIN:
        return _gzip(body)
    return await asyncio.to_thread(_gzip, body)


def compress_well(body: bytes) -> bytes:
    """For what is compressed once and sent often."""
    return _gzip(body, BEST)


def is_wanted(accept: bytes | None, body: bytes) -> bool:
    if accept is None or len(body) < BYTES_MIN or len(accept) > ACCEPT_BYTES_MAX:
        return False
    return _accepts_gzip(accept)


@lru_cache(maxsize=64)
def _accepts_gzip(accept: bytes) -> bool:
    weights: dict[str, float] = {}
    for part in accept.decode("latin-1").lower().split(","):
        name, _, parameter = part.partition(";")
        weights[name.strip()] = _weight(parameter)
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def _gzip(body: bytes, level: int = LEVEL) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, _GZIP_FRAME)
    return packer.compress(body) + packer.flush()
