"""Packed copies: unpacked they are the same, and whatever is not the same is refused."""

import gzip
import io
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spooled_lite.backups.packing import CHUNK_BYTES, NotWhole, Sums, pack, unpack
from spooled_lite.storage.copy import CopyPace

PLAIN = b"".join(number.to_bytes(4, "big") for number in range(600_000))  # two chunks and a bit


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Sums]:
    folder = tmp_path_factory.mktemp("packed")
    (folder / "plain").write_bytes(PLAIN)
    sums = pack(folder / "plain", folder / "packed", None)
    return (folder / "packed").read_bytes(), sums


def test_any_program_can_unpack_it(packed: tuple[bytes, Sums]) -> None:
    text, sums = packed

    assert gzip.decompress(text) == PLAIN
    assert (sums.bytes, sums.packed_bytes) == (len(PLAIN), len(text))


def test_it_is_unpacked_to_the_same(packed: tuple[bytes, Sums], tmp_path: Path) -> None:
    text, sums = packed
    unpack(io.BytesIO(text), tmp_path / "plain", sums)

    assert (tmp_path / "plain").read_bytes() == PLAIN
    assert (tmp_path / "plain").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1])
def test_every_size_comes_back(tmp_path: Path, size: int) -> None:
    (tmp_path / "plain").write_bytes(b"a" * size)
    sums = pack(tmp_path / "plain", tmp_path / "packed", CopyPace(0))
    with open(tmp_path / "packed", "rb") as file:
        unpack(file, tmp_path / "again", sums)

    assert (tmp_path / "again").read_bytes() == b"a" * size


@given(bit=st.integers(min_value=0))
def test_one_flipped_bit_is_refused(
    packed: tuple[bytes, Sums], tmp_path_factory: pytest.TempPathFactory, bit: int
) -> None:
    text, sums = packed
    spoiled = bytearray(text[:50_000] + text[50_000:])
    spoiled[bit // 8 % len(spoiled)] ^= 1 << (bit % 8)
    with pytest.raises(NotWhole):
        unpack(io.BytesIO(bytes(spoiled)), tmp_path_factory.getbasetemp() / "spoiled", sums)


@pytest.mark.parametrize(
    "spoil",
    [lambda text: text[:-1], lambda text: text[:100], lambda text: b"", lambda text: text + b"x"],
    ids=["cut by a byte", "cut", "empty", "longer"],
)
def test_what_is_cut_or_longer_is_refused(
    packed: tuple[bytes, Sums], tmp_path: Path, spoil: object
) -> None:
    text, sums = packed
    assert callable(spoil)
    with pytest.raises(NotWhole):
        unpack(io.BytesIO(spoil(text)), tmp_path / "plain", sums)


def test_a_few_bytes_that_unpack_to_many_do_not_fill_the_disk(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    bomb = packer.compress(bytes(200 * 1024 * 1024)) + packer.flush()
    wanted = Sums(1000, "0" * 64, len(bomb), "0" * 64)
    with pytest.raises(NotWhole, match="unpacks to more than 1000 bytes"):
        unpack(io.BytesIO(bomb), tmp_path / "plain", wanted)

    assert (tmp_path / "plain").stat().st_size <= 2 * CHUNK_BYTES
