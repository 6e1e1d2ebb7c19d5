"""What people see of answers: tables, details, times, values as they were sent."""

import json
import os
from collections.abc import Callable, Sequence

import pytest

from spooled_lite.cli.answer import Unreachable
from spooled_lite.cli.escaped import cut
from spooled_lite.cli.things import (
    Column,
    Thing,
    number,
    print_details,
    print_json_value,
    print_table,
    relative,
    text,
)

NOW_MS = 1_800_000_000_000  # 2027-01-15T08:00:00Z


def thing(**members: object) -> Thing:
    return Thing(json.dumps(members, ensure_ascii=False).encode(), NOW_MS)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make the output a terminal of this many columns."""

    def be(width: int) -> None:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((width, 24)))

    return be


def printed(capsys: pytest.CaptureFixture[str], rows: Sequence[Thing], *columns: Column) -> str:
    print_table(rows, columns)
    return capsys.readouterr().out


def test_columns_stand_below_one_another_also_with_wide_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [thing(name="日本語", count=5, last="x"), thing(name="a", count=1234, last="y")]

    assert printed(capsys, rows, text("NAME"), number("COUNT"), text("LAST")) == (
        "NAME    COUNT  LAST\n"
        "日本語      5  x\n"
        "a        1234  y\n"
    )  # fmt: skip


def test_a_column_with_nothing_in_it_is_left_out_where_that_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [thing(name="a", error=None), thing(name="b")]
    columns = text("NAME"), text("ERROR", optional=True)

    assert printed(capsys, rows, *columns) == "NAME\na\nb\n"
    assert printed(capsys, [*rows, thing(name="c", error="bad")], *columns) == (
        "NAME  ERROR\na     -\nb     -\nc     bad\n"
    )


def test_a_terminal_that_is_too_narrow_cuts_the_widest_and_never_an_id(
    capsys: pytest.CaptureFixture[str], terminal: Callable[[int], None]
) -> None:
    rows = [thing(id="i" * 36, name="n" * 20, error="e" * 60)]
    columns = text("ID", whole=True), text("NAME"), text("ERROR")

    terminal(80)
    assert printed(capsys, rows, *columns).splitlines()[1] == (
        f"{'i' * 36}  {'n' * 20}  {'e' * 19}…"
    )
    terminal(10)
    assert printed(capsys, rows, *columns).splitlines()[1] == (
        f"{'i' * 36}  {'n' * 7}…  {'e' * 7}…"
    )


def test_a_value_in_a_table_is_bounded_where_no_terminal_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = printed(capsys, [thing(error="e" * 100_000)], text("ERROR")).splitlines()[1]

    assert line == "e" * 199 + "…"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain", "plain"), ("", "-"), (None, "-"), (True, "yes"), (False, "no"), (0, "0"),
        ([], "-"), (["a", "b"], "a, b"), ([1], "[1]"), ({"a": "\n"}, r'{"a": "\n"}'),
        ("a\tb\nc\x1b]0;x\x07", r"a\tb\nc\x1b]0;x\x07"), ("\u2066\ufeff", r"\u2066\ufeff"),
    ],
)  # fmt: skip
def test_a_value_is_shown_on_one_line(given: object, shown: str) -> None:
    assert thing(value=given).text("value") == shown


def test_what_cannot_be_decoded_is_shown_as_it_was_sent() -> None:
    strange = Thing(b'{"n": 1.50e3, "big": 1e999, "bad": "\xff\x1b"}'.replace(b"\x1b", b""), 0)

    assert [strange.text(name) for name in ("n", "big", "bad")] == ["1.50e3", "1e999", '"\ufffd"']
    with pytest.raises(Unreachable):
        Thing(b"[1]", 0)


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (1_999, "now"), (-1_999, "now"), (2_000, "in 2 s"), (-119_999, "119 s ago"),
        (-120_000, "2 min ago"), (7_199_999, "in 120 min"), (7_200_000, "in 2 h"),
        (-129_600_000, "36 h ago"), (-172_800_000, "2 d ago"), (10**14, "in 1,157,407 d"),
    ],
)  # fmt: skip
def test_a_time_is_told_by_how_far_it_is(ms: int, shown: str) -> None:
    assert relative(ms) == shown


def test_a_time_is_told_in_full_too() -> None:
    it = thing(at="2027-01-15T07:57:00.123456Z", none=None, bad="soon\x1b", year="9999-99-99")

    assert it.when("at") == "2027-01-15 07:57:00 UTC (3 min ago)"
    assert it.ago("at") == "3 min ago"
    assert [it.when(name) for name in ("none", "bad", "year")] == ["-", r"soon\x1b", "9999-99-99"]


def test_details_leave_out_what_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    print_details([("id", "x"), ("nothing", "-"), ("longer", "y" * 30_000)])

    assert capsys.readouterr().out == f"id      x\nlonger  {'y' * 19_999}…\n"


def test_a_payload_is_shown_line_by_line_with_its_numbers_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    it = Thing('{"payload": {"n": 1.50, "text": "a\x9b\u202e"}, "result": null}'.encode(), 0)

    print_json_value(it, "payload")
    print_json_value(it, "result")

    assert capsys.readouterr().out == (
        '\npayload\n  {\n    "n": 1.50,\n    "text": "a\\x9b\\u202e"\n  }\n'
    )


def test_a_text_is_cut_by_the_width_it_takes() -> None:
    assert (cut("abcdef", 6), cut("abcdef", 5), cut("日本語", 5)) == ("abcdef", "abcd…", "日本…")
