"""Writes an export of a moment to a file, or what is left of it after a break."""

import hashlib
from collections.abc import Iterable, Iterator

from spooled_lite.core.export.lines import Trailer
from spooled_lite.exports.failed import ExportFailed
from spooled_lite.exports.moment import Moment
from spooled_lite.exports.output import ExportFile


def write_moment(moment: Moment, output: ExportFile) -> Trailer:
    """Write what is not there yet.

    Raises:
        ExportFailed: the copy is of another moment than the lines that are there.
    """
    there = output.written
    position, digest = there.position, there.whole.hexdigest()
    for chunk in skipped(moment.chunks(), position, digest):
        output.write(chunk)
    return output.finish()


def skipped(chunks: Iterable[bytes], position: int, digest: str | None) -> Iterator[bytes]:
    """The chunks without so many bytes of their beginning, which have this SHA-256.

    Raises:
        ExportFailed: they have another one, or there are not so many.
    """
    begun, left = hashlib.sha256(), position
    for chunk in chunks:
        if left:
            part = chunk[:left]
            begun.update(part)
            left -= len(part)
            chunk = chunk[len(part) :]
            if not left and digest is not None and begun.hexdigest() != digest:
                raise ExportFailed("the lines that are there are of another export; begin again")
        if chunk:
            yield chunk
    if left:
        raise ExportFailed("the lines that are there are of another export; begin again")
