"""The file of an export: whole lines only, continued behind the last one, named at the end."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest

from spooled_lite.core.export.lines import Broken, ExportHeader, LineSums, encoded
from spooled_lite.exports import output
from spooled_lite.exports.failed import ExportBrokeOff, ExportFailed
from spooled_lite.exports.output import ExportFile

FIRST = encoded(ExportHeader(program="0", schema=1, made_at="now", moment="m", file_id="f"))
LINES = [b'{"kind":"job","id":"%d"}\n' % number for number in range(20)]


def trailer() -> bytes:
    sums = LineSums()
    for line in LINES:
        sums.add(line, "job")
    return encoded(sums.trailer())


ALL = [FIRST, *LINES, trailer()]


def write(path: Path, pieces: Sequence[bytes], *, resume: bool = False) -> None:
    with ExportFile(path, resume=resume) as file:
        for piece in pieces:
            file.write(piece)
        file.finish()


def there(path: Path) -> bytes:
    body = path.read_bytes()
    return gzip.decompress(body) if path.suffix == ".gz" else body


@pytest.fixture(params=["all.ndjson", "all.ndjson.gz"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_however_it_comes_it_is_written_as_it_is(path: Path, size: int) -> None:
    body = b"".join(ALL)

    write(path, [body[at : at + size] for at in range(0, len(body), size)])

    assert there(path) == body
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("lines", range(1, 22))
def test_one_that_broke_off_goes_on_behind_its_last_whole_line(path: Path, lines: int) -> None:
    with pytest.raises(ExportBrokeOff, match="--resume"):
        write(path, [*ALL[:lines], ALL[lines][:-3]])

    with ExportFile(path, resume=True) as file:
        assert file.written.position == sum(map(len, ALL[:lines]))
        for line in ALL[lines:]:
            file.write(line)
        file.finish()

    assert there(path) == b"".join(ALL)


@pytest.mark.parametrize("cut", [1, 3, 30, 60])
def test_what_a_kill_has_left_half_is_cut_off(
    path: Path, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "MEMBER_BYTES", 60)
    with pytest.raises(ExportBrokeOff):
        write(path, ALL[:15])
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(partial.read_bytes()[:-cut])

    with ExportFile(path, resume=True) as file:
        position = file.written.position
        assert 0 < position < sum(map(len, ALL[:15]))
        file.write(b"".join(ALL)[position:])
        file.finish()

    assert there(path) == b"".join(ALL)


def test_the_reason_in_the_last_line_is_told_and_nothing_stays(path: Path) -> None:
    with pytest.raises(ExportFailed, match="the disk is full"):
        write(path, [FIRST, *LINES, encoded(Broken(error="the disk is full"))])

    assert list(path.parent.iterdir()) == []


def test_lines_that_do_not_add_up_are_no_export(path: Path) -> None:
    with pytest.raises(ExportFailed, match="not what the last line says"):
        write(path, [FIRST, *LINES[1:], trailer()])

    assert list(path.parent.iterdir()) == []


def test_what_is_no_export_is_not_begun(path: Path) -> None:
    with pytest.raises(ExportFailed, match="no export"):
        write(path, [b"<html>\n"])

    assert list(path.parent.iterdir()) == []


def test_there_has_to_be_something_to_go_on_with(path: Path) -> None:
    with pytest.raises(ExportFailed, match="begin without --resume"):
        ExportFile(path, resume=True)
    path.with_name(f"{path.name}.partial").write_bytes(b"")
    with pytest.raises(ExportFailed, match="begin without --resume"):
        ExportFile(path, resume=True)
