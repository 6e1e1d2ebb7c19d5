"""Reads frames of the log: each checked by the running checksum, as SQLite does after a crash."""

import os
import struct
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

from msgspec import Struct

from spooled_lite.storage.log_index import PAGE_BYTES, FrameSums

LOG_HEADER_BYTES: Final = 32
FRAME_HEADER_BYTES: Final = 24
FRAME_BYTES: Final = FRAME_HEADER_BYTES + PAGE_BYTES
# Frames that are checked together: enough that each step costs little more than for one frame.
# Less than a millisecond of processor time, during which no other thread of Python runs.
CHUNK_FRAMES: Final = 64

_MAGIC: Final = 0x377F0682  # with checksums of little-endian words
_FORMAT: Final = 3_007_000
_LOG_HEADER: Final = struct.Struct(">IIIIII")
_LOG_SUMS: Final = struct.Struct(">II")
_FRAME: Final = struct.Struct(f">II8sII{PAGE_BYTES}x")

# Of a frame in words of 64 bits: what the checksum covers are its first word and its page.
_WORDS: Final = FRAME_BYTES // 8
_PAGE_FROM: Final = FRAME_HEADER_BYTES // 8
_STEPS_UNMASKED: Final = 16  # steps of two words, in which sums of 32 bits stay below 64 bits


class LogChanged(Exception):
    """The log is not as it was noted: it cannot be read on from there. The message says how."""


class LogPlace(Struct, frozen=True):
    """A place in the log: behind so many frames, the last of which has these sums."""

    salts: bytes
    frames: int
    sums: FrameSums


class LogFrames(Struct, frozen=True):
    """Frames that follow one another, all of them whole commits, and where they end."""

    pages: dict[int, bytes]  # the newest of each page
    size_pages: int  # of the database after them
    commits: int
    place: LogPlace


def start_of_log(descriptor: int, salts: bytes) -> LogPlace:
    """Raises LogChanged when this is another log, or none."""
    text = os.pread(descriptor, LOG_HEADER_BYTES, 0)
    if len(text) != LOG_HEADER_BYTES or text[16:24] != salts:
        raise LogChanged("another log has taken its place")
    magic, version, page_bytes, *_ = _LOG_HEADER.unpack_from(text)
    if (magic, version, page_bytes) != (_MAGIC, _FORMAT, PAGE_BYTES):
        raise LogChanged("the log has a form that this version does not know")
    first, second = _LOG_SUMS.unpack_from(text, 24)
    return LogPlace(salts, 0, (first, second))


def frames_between(
    descriptor: int, place: LogPlace, frames: int, *, checks_all: bool = True
) -> Iterator[LogFrames]:
    """The frames behind `place`, up to the number `frames`, which ends a commit.

    With `checks_all` the checksum of each is added up, for a log that was found at a start. Without
    it that of the last one of each piece: SQLite itself reads its pages without.

    They come in pieces of some 250 KiB, or of a commit if that is longer. What was given out
    before an error stays right.

    Raises:
        LogChanged: a frame is missing, of another log, or its checksum is wrong.
    """
    pages: dict[int, bytes] = {}  # of a commit that goes on in the next chunk
    while place.frames < frames:
        count = min(CHUNK_FRAMES, frames - place.frames)
        at = LOG_HEADER_BYTES + place.frames * FRAME_BYTES
        text = os.pread(descriptor, count * FRAME_BYTES, at)
        if len(text) != count * FRAME_BYTES:
            raise LogChanged(f"the log ends before its frame {place.frames + count}")
        found = list(_FRAME.iter_unpack(text))
        if any(each[2] != place.salts for each in found):
            raise LogChanged("a frame belongs to another log")
        if checks_all or count == 1:
            _check(text, found, place)
        else:
            _check(text[-FRAME_BYTES:], found[-1:], _behind(place, found[:-1], count - 1))
        commits = [number for number, (_, size, *_) in enumerate(found) if size]
        whole = commits[-1] + 1 if commits else 0
        _take(pages, text, found, 0, whole)
        place = _behind(place, found, count)
        if commits:
            size_pages = found[whole - 1][1]
            ended = LogPlace(
                place.salts,
                place.frames - count + whole,
                (found[whole - 1][3], found[whole - 1][4]),
            )
            yield LogFrames(pages, size_pages, len(commits), ended)
            pages = {}
        _take(pages, text, found, whole, count)
    if pages:
        raise LogChanged("the log ends within a commit")


_Found = Sequence[tuple[int, int, bytes, int, int]]  # page, size at a commit, salts, sums


def _behind(place: LogPlace, found: _Found, count: int) -> LogPlace:
    return LogPlace(place.salts, place.frames + count, (found[-1][3], found[-1][4]))


def _take(pages: dict[int, bytes], text: bytes, found: _Found, first: int, end: int) -> None:
    newest = {found[number][0]: number for number in range(first, end)}
    for page, number in newest.items():
        at = number * FRAME_BYTES + FRAME_HEADER_BYTES
        pages[page] = text[at : at + PAGE_BYTES]


def _check(text: bytes, found: _Found, place: LogPlace) -> None:
    """Compare the sums of all frames of a chunk with those that each has written down.

    SQLite adds up word by word: `a += word + b; b += next_word + a`, modulo 2^32. Here all frames
    go side by side in long numbers, 64 bits for each, as each frame knows the sums of the one
    before it: a step of Python for a word of all frames instead of one for each word.
    """
    count = len(found)
    mask = _mask(count)
    firsts = [place.sums[0], *(each[3] for each in found)]
    seconds = [place.sums[1], *(each[4] for each in found)]
    first, second = _lanes(firsts[:-1]), _lanes(seconds[:-1])
    words = memoryview(text).cast("Q")
    for step, at in enumerate((0, *range(_PAGE_FROM, _WORDS))):
        both = int.from_bytes(words[at::_WORDS].tobytes(), "little")
        first += (both & mask) + second
        second += ((both >> 32) & mask) + first
        if step % _STEPS_UNMASKED == 0:
            first &= mask
            second &= mask
    if first & mask != _lanes(firsts[1:]) or second & mask != _lanes(seconds[1:]):
        raise LogChanged("a frame has a wrong checksum")


def _lanes(values: Sequence[int]) -> int:
    return int.from_bytes(struct.pack(f"<{len(values)}Q", *values), "little")


@cache
def _mask(count: int) -> int:
    return _lanes([0xFFFF_FFFF] * count)
