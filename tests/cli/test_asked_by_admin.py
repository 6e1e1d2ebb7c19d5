"""`backup --url` and `export --url` ask as all commands do: what answers may be anything."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from spooled_lite.exports import output
from tests.cli.asking import Said, answering, ran

HOSTILE: Final = "\x1b]0;title\x07\nno"
SEEN: Final = {"tries": 1, "backups": [], "under_way": None, "problem": None}


@pytest.fixture(params=["backup", "export"])
def command(request: pytest.FixtureRequest, tmp_path: Path) -> Sequence[object]:
    more = () if request.param == "backup" else ("--out", tmp_path / "out")
    return (request.param, *more, "--admin-key", "adm_x", "--url")


def test_a_server_that_does_not_answer_is_unreachable(command: Sequence[object]) -> None:
    result = ran(*command, "http://127.0.0.1:1")

    assert result.exit_code == 3
    assert "http://127.0.0.1:1 cannot be reached" in result.output


def test_a_refusal_is_shown_on_one_line_without_control_characters(
    command: Sequence[object],
) -> None:
    with answering(Said({"code": "X", "message": HOSTILE}, 403)) as (url, _):
        result = ran(*command, url)

    assert result.exit_code == 1
    assert "\\x1b]0;title\\x07\\nno (X)" in result.output


@pytest.mark.parametrize("url", ["ftp://x", "http://x:99999", "http://name:word@x"])
def test_an_address_of_no_server_is_a_wrong_command(command: Sequence[object], url: str) -> None:
    assert ran(*command, url).exit_code == 2


def test_a_key_that_no_header_can_hold_is_refused_and_not_shown(command: Sequence[object]) -> None:
    result = ran(*command, "http://127.0.0.1:1", "--admin-key", "adm_é")

    assert result.exit_code == 2
    assert "it holds no admin key" in result.output
    assert "adm_" not in result.output


@pytest.mark.parametrize("body", [b"[" * 100_000, b"null", b"{}", {"under_way": 1}, b"<html>"])
def test_what_is_no_answer_about_backups_is_named(body: object) -> None:
    with answering(Said(body)) as (url, _):
        result = ran("backup", "--admin-key", "adm_x", "--url", url)

    assert result.exit_code == 3
    assert "what answers there is not Spooled" in result.output


def test_the_new_backup_is_shown_also_as_it_was_sent() -> None:
    made = {"name": "b", "packed_bytes": 2**20 + 1, "rows": 1_234, "more": HOSTILE}
    old = {"name": "a", "packed_bytes": 1, "rows": 1}
    after = SEEN | {"tries": 2, "backups": [made, old]}
    answers = (Said(SEEN | {"backups": [old]}, 202), Said(after))
    with answering(*answers) as (url, _):
        said = ran("backup", "--admin-key", "adm_x", "--url", url)
    with answering(*answers) as (url, _):
        sent = ran("backup", "--json", "--admin-key", "adm_x", "--url", url)

    assert "b  2 MiB  1,234 rows" in said.output
    assert r"\u001b]0;title" in sent.output


def test_an_export_without_ends_of_lines_takes_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "LINE_BYTES_MAX", 1_000)
    with answering(Said(b"x" * 2_000)) as (url, _):
        result = ran("export", "--admin-key", "adm_x", "--url", url, "--out", tmp_path / "out")

    assert result.exit_code == 1
    assert "a line of it has no end" in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_key_with_blanks_in_it_is_sent_as_servers_take_it(command: Sequence[object]) -> None:
    with answering(Said({"code": "X", "message": "seen"}, 403)) as (url, asked):
        result = ran(*command, url, "--admin-key", "an admin key")

    assert "seen (X)" in result.output
    assert len(asked) == 1
