from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spooled_lite.errors import WrongShape
from spooled_lite.times import (
    PhpDate,
    Time,
    format_ms,
    format_optional_ms,
    parse_ms,
    parse_optional_ms,
)

NINE_MS = 1_790_845_200_000  # 2026-10-01T09:00:00Z


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("2026-10-01T09:00:00Z", NINE_MS),
        ("2026-10-01t09:00:00z", NINE_MS),
        ("2026-10-01 09:00:00Z", NINE_MS),
        ("2026-10-01T09:00:00", NINE_MS),
        ("2026-10-01T11:00:00+02:00", NINE_MS),
        ("2026-10-01T11:00:00+0200", NINE_MS),
        ("2026-10-01T03:30:00-05:30", NINE_MS),
        ("2026-09-30T23:00:00-10:00", NINE_MS),
        ("2026-10-01T08:59:60Z", NINE_MS),
        ("2026-10-01T08:59:60.25Z", NINE_MS + 250),
        ("2026-10-01T10:59:60+02:00", NINE_MS),
        ("2026-12-31T23:59:60Z", 1_798_761_600_000),
        ("2026-10-01T09:00:00.1Z", NINE_MS + 100),
        ("2026-10-01T09:00:00.123456Z", NINE_MS + 123),
        ("2026-10-01T09:00:00.123999999Z", NINE_MS + 123),
        ("2026-10-01T09:00:00.000000+00:00", NINE_MS),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.999Z", -1),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ],
)
def test_a_time_is_read_in_every_form_that_clients_send(text: str, expected_ms: int) -> None:
    assert parse_ms(text, "at") == expected_ms


@pytest.mark.parametrize(
    ("value", "expected_ms"),
    [
        (("2026-10-01 09:00:00.000000", 3, "UTC"), NINE_MS),
        (("2026-10-01 11:00:00.500000", 1, "+02:00"), NINE_MS + 500),
        (("2026-10-01 04:00:00.000000", 1, "-05:00"), NINE_MS),
        (("2026-10-01 11:00:00.000000", 3, "Europe/Berlin"), NINE_MS),
        (("2026-10-01 05:00:00.000000", 2, "EDT"), NINE_MS),
        (("2026-10-01 11:00:00.000000", 2, "CEST"), NINE_MS),
        (("2026-10-01 09:00:00.000000", 2, "Z"), NINE_MS),
        (("2026-12-01 09:00:00.000000", 3, "Europe/Berlin"), 1_796_112_000_000),
        # An offset that stands with the time says more than the zone beside it.
        (("2026-10-01 11:00:00.000000+02:00", 3, "UTC"), NINE_MS),
        (("2026-10-01T09:00:00Z", 1, "+05:00"), NINE_MS),
    ],
)
def test_a_date_object_of_php_is_read(value: tuple[str, int, str], expected_ms: int) -> None:
    date, kind, zone = value
    sent = {"date": date, "timezone_type": kind, "timezone": zone}

    assert parse_ms(msgspec.convert(sent, PhpDate), "at") == expected_ms


@pytest.mark.parametrize(
    "value",
    [
        "", "now", "2026-10-01", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
        "2026-10-01T24:01:00Z", "2026-10-01T09:60:00Z", "2026-10-01T09:00:61Z",
        "2026-10-01T09:00:00+25:00", "2026-10-01T09:00:00.1234567890Z",
        "2026-10-01T09:00:00 UTC", "10/01/2026", " 2026-10-01T09:00:00Z", "2026-10-01T09:00:00Z\n",
        "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "0000-01-01T00:00:00Z",
        "٢٠٢٦-10-01T09:00:00Z", "2026-10-01T09:00:0٢Z", "2026-10-01T09:00:00.٢Z",
        "2026-10-01T09:00:00+0٢:00", "2026-10-01T09:00:00\u2003Z",
        "2026-10-01T09:00", "2026-10-01T09:00Z", "2026-09-30T23:00-10:00",
        "9999-12-31T23:59:60Z",
        PhpDate("soon", "UTC"),
        PhpDate("2026-10-01 09:00:00", "Mars/Olympus"),
        PhpDate("2026-10-01 09:00:00", "../../etc/passwd"),
        PhpDate("2026-10-01 09:00:00", ""),
        PhpDate("2026-10-01 09:00:00", "+"),
        PhpDate("2026-10-01 09:00:00", "+99:00"),
        PhpDate("2026-10-01 09:00:00", "+0٢:00"),
        PhpDate("0001-01-01 00:00:00", "+02:00"),
        PhpDate("9999-12-31 23:59:59", "-02:00"),
        PhpDate("٢٠٢٦-10-01 09:00:00", "UTC"),
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused_by_the_name_of_its_field(value: Time) -> None:
    with pytest.raises(WrongShape) as refused:
        parse_ms(value, "scheduled_at")

    [problem] = refused.value.details
    assert (problem.field, problem.code) == ("scheduled_at", "invalid_type")


def test_nothing_is_no_time() -> None:
    assert parse_optional_ms(None, "at") is None
    assert format_optional_ms(None) is None


@pytest.mark.parametrize(
    ("at_ms", "expected"),
    [
        (NINE_MS, "2026-10-01T09:00:00.000Z"),
        (NINE_MS + 7, "2026-10-01T09:00:00.007Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_a_time_is_written_in_one_form(at_ms: int, expected: str) -> None:
    assert format_ms(at_ms) == format_optional_ms(at_ms) == expected


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_what_is_written_can_be_read_back(at_ms: int) -> None:
    assert parse_ms(format_ms(at_ms), "at") == at_ms


@given(st.datetimes(timezones=st.timezones()))
def test_any_clear_time_of_any_zone_is_the_moment_it_means(moment: datetime) -> None:
    try:
        expected = moment.astimezone(UTC)
        text = moment.replace(microsecond=0).isoformat()
        if len(text) != len("2026-10-01T09:00:00+00:00"):
            return  # offsets with seconds, of long ago, have no form in RFC 3339
        expected = moment.replace(microsecond=0).astimezone(UTC)
    except OverflowError:
        return

    assert parse_ms(text, "at") == round(expected.timestamp()) * 1000
