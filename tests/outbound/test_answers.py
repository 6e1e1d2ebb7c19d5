"""What is kept of an answer: the wait it asks for, and the part of its body that is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spooled_lite.outbound.answers import retry_after_seconds, shown

NOW_MS = 1_767_225_600_000  # Thu, 01 Jan 2026 00:00:00 GMT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None), ("", None), ("0", 0), ("1", 1), ("60", 60), ("61", 60), ("3600", 60),
        ("00007", 7), ("9" * 20, 60), ("9" * 6_000, 60),
        ("0" * 6_000 + "7", 7), ("100", 60), ("-1", None), ("+5", None), ("1.5", None),
        ("5 ", None), ("5s", None), ("soon", None), ("5, 6", None), ("١٢", None), ("1e3", None),
        ("Thu, 01 Jan 2026 00:00:20 GMT", 20),
        ("Thursday, 01-Jan-26 00:00:20 GMT", 20),
        ("Thu Jan  1 00:00:20 2026", 20),
        ("Thu, 01 Jan 2026 00:00:20 -0000", 20),
        ("Thu, 01 Jan 2026 01:00:20 +0100", 20),
        ("Thu, 01 Jan 2026 00:00:00 GMT", 0),
        ("Wed, 31 Dec 2025 23:59:59 GMT", None),
        ("Fri, 02 Jan 2026 00:00:00 GMT", 60),
        ("Thu, 01 Jan 9999 00:00:00 GMT", 60),
        ("Thu, 01 Jan 99999 00:00:00 GMT", None),
        ("Thu, 42 Jan 2026 00:00:00 GMT", None),
        ("Thu, 01 Jan 2026 99:00:00 GMT", None),
        ("2026-01-01T00:00:20Z", None),
    ],
)  # fmt: skip
def test_a_wait_is_read_from_seconds_or_a_date(header: str | None, seconds: int | None) -> None:
    assert retry_after_seconds(header, None, NOW_MS) == seconds


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Thu, 01 Jan 2026 00:00:10 GMT", 10),
        ("Thu, 01 Jan 2026 01:00:00 GMT", None),
        ("rubbish", 20),
    ],
)
def test_a_date_is_compared_with_the_receivers_own_clock(date: str, seconds: int | None) -> None:
    assert retry_after_seconds("Thu, 01 Jan 2026 00:00:20 GMT", date, NOW_MS) == seconds


@given(st.text(), st.none() | st.text())
def test_any_text_may_stand_there(header: str, date: str | None) -> None:
    seconds = retry_after_seconds(header, date, NOW_MS)

    assert seconds is None or 0 <= seconds <= 60


@given(st.binary(max_size=4000))
def test_what_is_shown_is_short_and_can_be_stored_and_printed(body: bytes) -> None:
    text = shown(body)

    assert len(text) <= 500
    text.encode()  # raises for what is not UTF-8
    assert all(each.isprintable() or each in "\t\n\r" or ord(each) >= 0xA0 for each in text)


def test_control_characters_do_not_count() -> None:
    assert shown(b"\x00" * 600 + b"a\tb\r\n\x7f\xc2\x85c") == "a\tb\r\nc"
    assert shown("ü".encode() * 501) == "ü" * 500
