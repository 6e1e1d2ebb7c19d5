"""Reads the frames of Server-Sent Events out of the bytes of an answer."""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

FRAME_BYTES_MAX: Final = 1_048_576  # ours have at most 30 KiB


class TooLong(Exception):
    """A frame does not end: what answers there is no stream of events."""


class SseFrame(Struct, frozen=True):
    name: str  # of the line `event:`, or nothing
    data: str
    id: str  # nothing for one without


def frames(chunks: Iterable[bytes]) -> Iterator[SseFrame]:
    """The frames in their order, each as soon as it is whole. Comments are left out.

    Raises:
        TooLong: a frame has more than FRAME_BYTES_MAX.
    """
    name, data, frame_id = "", list[str](), ""
    size = 0
    for line in _lines(chunks):
        size += len(line)
        if size > FRAME_BYTES_MAX:
            raise TooLong
        if not line:
            if data:
                yield SseFrame(name, "\n".join(data), frame_id)
            name, data, frame_id, size = "", [], "", 0
            continue
        field, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value
        elif field == "id":
            frame_id = value


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines without their ends; the last one of a stream that broke off is left out."""
    rest = b""
    for chunk in chunks:
        lines = (rest + chunk).splitlines(keepends=True)
        # A carriage return at the end of a chunk may be half of the end of a line.
        rest = b"" if not lines or lines[-1].endswith(b"\n") else lines.pop()
        if len(rest) > FRAME_BYTES_MAX:
            raise TooLong
        yield from (line.rstrip(b"\r\n") for line in lines)
