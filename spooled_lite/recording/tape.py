"""The file of a recording: written line by line, masked, and readable after a kill."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.recording.exchanges import FORMAT, VERSION, Beginning, Exchange
from spooled_lite.recording.masking import Masking

LINE_BYTES_MAX: Final = 64 * 1024 * 1024  # a thousand frames and two bodies are less
OWNER_ONLY: Final = 0o600


class CannotRecord(Exception):
    """The file cannot be made."""


class CannotRead(Exception):
    """The file is no recording that this program reads."""


class Tape:
    """Writes a recording. Whoever fails to write is told once, by `on_failure`."""

    def __init__(self, path: str, masking: Masking, *, on_failure: Callable[[OSError], None]):
        self.path = path
        self.count = 0
        self._masking = masking
        self._on_failure = on_failure
        self._is_broken = False
        self._descriptor = -1
        self._size = 0

    def begin(self, target: str) -> None:
        """Create the file, readable by its owner only.

        Raises:
            CannotRecord: it exists already, or cannot be written.
        """
        try:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
            self._put(Beginning(target=self._masking.text(target)))
        except FileExistsError:
            raise CannotRecord(f"{self.path} exists; a recording replaces nothing") from None
        except OSError as error:
            raise CannotRecord(f"{self.path}: {error.strerror}") from error

    def add(self, exchange: Exchange) -> None:
        """Mask and write an exchange. A line is whole or, after a kill, the last one."""
        if self._is_broken:
            return
        exchange.n = self.count + 1
        try:
            self._put(self._masking.exchange(exchange))
        except OSError as error:
            self._is_broken = True
            self._on_failure(error)
        else:
            self.count += 1

    def end(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def discard(self) -> None:
        """Remove the file that `begin` has made: nothing was recorded."""
        self.end()
        Path(self.path).unlink(missing_ok=True)

    def _put(self, line: Struct) -> None:
        data = msgspec.json.encode(line) + b"\n"
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            os.ftruncate(self._descriptor, self._size)  # no half line of a full disk stays
            raise
        self._size += len(data)


class Recording(Struct, frozen=True):
    beginning: Beginning
    exchanges: list[Exchange]
    is_cut_short: bool  # its last line was not whole, and is left out


def read(path: str) -> Recording:
    """Read a recording whole.

    Raises:
        CannotRead: there is no such file, it is something else, of another version, or damaged
            before its last line.
    """
    try:
        with Path(path).open("rb") as file:
            lines = _lines(file.readline)
            beginning = _beginning(path, next(lines, b""))
            exchanges, is_cut_short = list[Exchange](), False
            for number, line in enumerate(lines, 2):
                if not line.endswith(b"\n"):
                    is_cut_short = True
                    break
                exchanges.append(_exchange(path, number, line))
    except OSError as error:
        raise CannotRead(f"{path}: {error.strerror}") from error
    return Recording(beginning, exchanges, is_cut_short)


def _lines(readline: Callable[[int], bytes]) -> Iterator[bytes]:
    while line := readline(LINE_BYTES_MAX):
        yield line


def _beginning(path: str, line: bytes) -> Beginning:
    try:
        beginning = msgspec.json.decode(line, type=Beginning)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CannotRead(f"{path} is no recording of `spooled-lite record`") from None
    if beginning.format != FORMAT:
        raise CannotRead(f"{path} is no recording of `spooled-lite record`")
    if beginning.version != VERSION:
        raise CannotRead(
            f"{path} is a recording of version {beginning.version}; this program reads {VERSION}"
        )
    return beginning


def _exchange(path: str, number: int, line: bytes) -> Exchange:
    try:
        return msgspec.json.decode(line, type=Exchange)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CannotRead(f"{path}, line {number}: {error}") from None
