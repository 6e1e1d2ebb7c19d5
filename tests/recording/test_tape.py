"""The file of a recording: what is refused, and what a full disk leaves."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from spooled_lite.cli.main import main
from spooled_lite.recording.exchanges import Exchange, KeptRequest, KeptResponse
from spooled_lite.recording.masking import Masking, MaskRules
from spooled_lite.recording.tape import CannotRead, Tape, read

BEGINNING = b'{"format":"spooled-recording","version":1,"target":"http://x","masked":true}\n'


def an_exchange() -> Exchange:
    return Exchange(
        at_ms=0,
        request=KeptRequest(method="GET", path="/", headers={}),
        response=KeptResponse(status=200, headers={}, ms=1),
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no recording"),
        (b"\x00\xff", "no recording"),
        (b'{"format": "har", "version": 1, "target": ""}\n', "no recording"),
        (BEGINNING.replace(b'"version":1', b'"version":2'), "version 2; this program reads 1"),
        (BEGINNING + b"not json\n" + b"{}\n", "line 2"),
        (BEGINNING + b'{"n": 1}\n', "line 2"),
        (BEGINNING + b"[" * 100_000 + b"\n", "line 2"),
    ],
)
def test_what_is_no_whole_recording_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "tape"
    path.write_bytes(data)

    with pytest.raises(CannotRead, match=said):
        read(str(path))


def test_a_full_disk_leaves_whole_lines_and_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[OSError] = []
    tape = Tape(str(tmp_path / "tape"), Masking(MaskRules()), on_failure=failures.append)
    tape.begin("http://x")
    tape.add(an_exchange())
    write = os.write

    def half(descriptor: int, data: Any) -> int:
        if len(data) <= 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:-20])

    monkeypatch.setattr(os, "write", half)
    tape.add(an_exchange())
    tape.add(an_exchange())
    monkeypatch.undo()
    tape.end()

    assert [each.errno for each in failures] == [errno.ENOSPC]
    assert len(read(str(tmp_path / "tape")).exchanges) == 1


@pytest.mark.parametrize(
    ("data", "url", "said"),
    [
        (None, "http://127.0.0.1:9", "No such file"),
        (BEGINNING.replace(b"1,", b"7,", 1), "http://127.0.0.1:9", "version 7"),
        (BEGINNING, "127.0.0.1:9", "is not like"),
        (BEGINNING, "http://127.0.0.1:9", "connection"),
    ],
)
def test_a_replay_that_cannot_be_made_ends_with_2(
    tmp_path: Path, data: bytes | None, url: str, said: str
) -> None:
    path = tmp_path / "tape"
    if data is not None:
        line = json.dumps(
            {
                "n": 1,
                "at_ms": 0,
                "request": {"method": "GET", "path": "/", "headers": {}},
                "response": {"status": 200, "headers": {}, "ms": 1},
            }
        )
        path.write_bytes(data + line.encode() + b"\n")

    answer = CliRunner().invoke(main, ["replay", str(path), "--url", url, "--api-key", "k"])

    assert answer.exit_code == 2
    assert said in answer.output
