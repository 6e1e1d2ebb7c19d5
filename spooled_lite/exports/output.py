"""The file that an export is written to: whole lines under another name, until it is whole."""

import hashlib
import os
import zlib
from pathlib import Path
from typing import BinaryIO, Final, Self

import msgspec

from spooled_lite.core.export.lines import END, LINE_BYTES_MAX, Broken, ExportHeader, Trailer
from spooled_lite.exports.failed import ExportBrokeOff, ExportFailed
from spooled_lite.storage.copy import sync
from spooled_lite.storage.file_place import give_new_name

PARTIAL_SUFFIX: Final = ".partial"
PACKED_SUFFIX: Final = ".gz"
# Lines that are packed together. After a kill it goes on behind the last of these that is whole.
MEMBER_BYTES: Final = 16 * 1024 * 1024
_READ_BYTES: Final = 1024 * 1024
_LEVEL: Final = 1  # as backups: most of what there is to gain, in a fifth of the time
_GZIP: Final = 31


class WrittenLines:
    """What the lines that are there add up to."""

    def __init__(self) -> None:
        self.header: ExportHeader | None = None
        self.position = 0  # their bytes, before packing
        self.whole = hashlib.sha256()  # of all of them
        self.between = hashlib.sha256()  # of those behind the first one

    def add(self, lines: bytes) -> None:
        """Whole lines. Raises ExportFailed: the first one is none of an export."""
        self.position += len(lines)
        self.whole.update(lines)
        if self.header is None:
            first, _, lines = lines.partition(b"\n")
            self.header = _header(first)
        self.between.update(lines)


class ExportFile:
    """Writes `path` in the end, readable by its owner only. Used as a context manager.

    After a break the lines that are there stay, for one that resumes. Nothing stays of one that
    failed for good.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        """Raises ExportFailed: there is such a file, or nothing to go on with."""
        self.path = path
        self.partial = Path(f"{path}{PARTIAL_SUFFIX}")
        self.written = WrittenLines()
        self.trailer: Trailer | None = None  # once it has come
        self._rest = b""  # of a line that has not come to its end
        self._packer: zlib._Compress | None = None  # of the member that is being written
        self._member_bytes = 0
        self._is_resumed = resume
        self._is_packed = path.name.endswith(PACKED_SUFFIX)
        if os.path.lexists(path):
            raise ExportFailed(f"{path} exists; choose another name")
        if resume and not self.partial.exists():
            raise ExportFailed(f"there is no {self.partial}; begin without --resume")
        # In a folder that others may write to, a link or a file of theirs would get the secrets.
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        if not resume:
            self.partial.unlink(missing_ok=True)
            flags |= os.O_CREAT | os.O_EXCL
        self._file: BinaryIO = os.fdopen(os.open(self.partial, flags, 0o600), "r+b")
        if resume:
            try:
                self._go_behind(self._packed_end() if self._is_packed else self._plain_end())
            except BaseException:
                self._file.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self._end_member()
        self._file.close()
        is_for_good = isinstance(error, ExportFailed) and not isinstance(error, ExportBrokeOff)
        if not self._is_resumed and (is_for_good or not self.written.position):
            self.partial.unlink(missing_ok=True)

    def write(self, chunk: bytes) -> None:
        """Take what has come; whole lines of it are written.

        Raises:
            ExportFailed: the last line says why there is no more, or another sum than that of
                what has come.
        """
        lines, end, rest = chunk.rpartition(b"\n")
        if not end:
            self._rest += chunk
            if len(self._rest) > LINE_BYTES_MAX:
                raise ExportFailed("what has come is no export: a line of it has no end")
            return
        whole, self._rest = self._rest + lines + end, rest
        last = whole[whole.rfind(b"\n", 0, -1) + 1 :]
        if not last.startswith(END):
            self._write(whole)
            return
        self._write(whole[: -len(last)])
        trailer = _trailer(last)
        if trailer.sha256 != self.written.between.hexdigest():
            raise ExportFailed("what has come is not what the last line says; begin again")
        self._write(last)
        self.trailer = trailer

    def finish(self) -> Trailer:
        """Give the file its name. Raises ExportBrokeOff: the last line has not come."""
        if self.trailer is None:
            raise ExportBrokeOff("the export broke off; go on with --resume")
        self._end_member()
        self._file.flush()
        os.fsync(self._file.fileno())
        give_new_name(self.partial, self.path)
        sync(str(self.path))
        return self.trailer

    def _write(self, lines: bytes) -> None:
        if not lines:
            return
        self.written.add(lines)
        if not self._is_packed:
            self._file.write(lines)
            return
        if self._packer is None:
            self._packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
            self._member_bytes = 0
        self._file.write(self._packer.compress(lines))
        self._member_bytes += len(lines)
        if self._member_bytes >= MEMBER_BYTES:
            self._end_member()

    def _end_member(self) -> None:
        packer, self._packer = self._packer, None
        if packer is not None:
            self._file.write(packer.flush())

    def _go_behind(self, size: int) -> None:
        self._file.truncate(size)
        self._file.seek(size)
        if self.written.header is None:
            raise ExportFailed(f"{self.partial} has no whole line; begin without --resume")

    def _plain_end(self) -> int:
        """Behind the last whole line."""
        rest = b""
        while chunk := self._file.read(_READ_BYTES):
            lines, end, after = chunk.rpartition(b"\n")
            if end:
                self.written.add(rest + lines + end)
                rest = after
            else:
                rest += chunk
        return self.written.position

    def _packed_end(self) -> int:
        """Behind the last member that is whole: each ends with a line."""
        behind = 0
        packed = b""
        unpacker, lines = zlib.decompressobj(_GZIP), bytearray()
        while packed or (packed := self._file.read(_READ_BYTES)):
            try:
                lines += unpacker.decompress(packed)
            except zlib.error:
                break
            packed = unpacker.unused_data
            if unpacker.eof:
                behind = self._file.tell() - len(packed)
                self.written.add(bytes(lines))
                unpacker, lines = zlib.decompressobj(_GZIP), bytearray()
        return behind


def _header(line: bytes) -> ExportHeader:
    try:
        return msgspec.json.decode(line, type=ExportHeader)
    except msgspec.MsgspecError as error:
        raise ExportFailed(f"what has come is no export: {error}") from error


def _trailer(line: bytes) -> Trailer:
    try:
        return msgspec.json.decode(line, type=Trailer)
    except msgspec.MsgspecError:
        pass
    try:
        reason = msgspec.json.decode(line, type=Broken).error
    except msgspec.MsgspecError:
        reason = "what has come ends with a line that is none of an export"
    raise ExportFailed(reason)
