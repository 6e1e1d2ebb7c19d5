from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from time import perf_counter
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spooled_lite.core.schedules.cron import next_slot, next_slots, parse
from spooled_lite.core.schedules.zones import zone_of
from spooled_lite.errors import RuleBroken
from spooled_lite.times import format_ms, parse_ms

unhurried = hypothesis.settings(deadline=None)  # machines may be busy

NY, TOKYO = "America/New_York", "Asia/Tokyo"
# Contract: schedules, section 6.2
# fmt: off
VECTORS = (
    ("0 9 * * *", NY, "2026-01-15T00:00:00Z", "2026-01-15T14:00:00Z", None),
    ("0 0 9 * * *", NY, "2026-01-15T00:00:00Z", "2026-01-15T14:00:00Z", None),
    ("30 2 * * *", NY, "2026-03-08T05:00:00Z", "2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"),
    ("*/10 2 * * *", NY, "2026-03-08T05:00:00Z", "2026-03-08T07:00:00Z", "2026-03-09T06:00:00Z"),
    ("*/30 * * * *", NY, "2026-03-08T06:30:00Z", "2026-03-08T07:00:00Z", None),
    ("30 1 * * *", NY, "2026-11-01T00:00:00Z", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"),
    ("*/30 * * * *", NY, "2026-11-01T05:30:00Z", "2026-11-01T06:00:00Z", None),
    ("0 0 13 * 5", "UTC", "2026-02-01T00:00:00Z", "2026-02-06T00:00:00Z", None),
    ("0 0 */2 * *", "UTC", "2026-01-01T12:00:00Z", "2026-01-03T00:00:00Z", None),
    ("0 0 0 29 2 *", "UTC", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z", None),
    ("*/10 * * * * *", "UTC", "2026-01-01T00:00:05Z", "2026-01-01T00:00:10Z", None),
    ("0 9 * * 7", "UTC", "2026-01-01T00:00:00Z", "2026-01-04T09:00:00Z", None),
    ("0 9 * * MON-FRI", TOKYO, "2026-01-02T01:00:00Z", "2026-01-05T00:00:00Z", None),
    ("0 9-17/4 * * 1-5", "UTC", "2026-01-02T13:30:00Z", "2026-01-02T17:00:00Z", None),
    ("15 10 * * *", "UTC", "2026-01-01T10:15:00Z", "2026-01-02T10:15:00Z", None),
)
REFUSED = {
    "": "it is empty",
    " \t ": "it is empty",
    "* * * *": "5 or 6 fields are needed, this has 4",
    "* * * * * * *": "5 or 6 fields are needed, this has 7",
    "60 * * * *": "minute `60`: from 0 to 59",
    "60 * * * * *": "second `60`: from 0 to 59",
    "* 24 * * *": "hour `24`: from 0 to 23",
    "* * 0 * *": "day of month `0`: from 1 to 31",
    "* * * 13 *": "month `13`: from 1 to 12",
    "* * * * 8": "day of week `8`: from 0 to 7",
    "*/0 * * * *": "minute `*/0`: a step is from 1 to 59",
    "*/60 * * * *": "minute `*/60`: a step is from 1 to 59",
    "* * * * */8": "day of week `*/8`: a step is from 1 to 7",
    "5-1 * * * *": "minute `5-1`: the range runs backwards",
    "* * * DEC-FEB *": "month `DEC-FEB`: the range runs backwards",
    "a * * * *": "minute `a`: not a value, a range or a step",
    "JAN * * * *": "minute `JAN`: not a number or a name of this field",
    "* * * MON *": "month `MON`: not a number or a name of this field",
    "1,,2 * * * *": "minute ``: an empty value",
    "1, * * * *": "minute ``: an empty value",
    "*,5 * * * *": "minute `*`: stands alone, not in a list",
    "* * ?,5 * *": "day of month `?`: stands alone, not in a list",
    "?/2 * * * *": "minute `?/2`: not a value, a range or a step",
    "*-5 * * * *": "minute `*-5`: not a value, a range or a step",
    "-5 * * * *": "minute `-5`: not a value, a range or a step",
    "+5 * * * *": "minute `+5`: not a value, a range or a step",
    "1.5 * * * *": "minute `1.5`: not a value, a range or a step",
    "1/2/3 * * * *": "minute `1/2/3`: not a value, a range or a step",
    "٣ * * * *": "minute `٣`: not a value, a range or a step",
    "* * L * *": "day of month `L`: not a value, a range or a step",
    "* * 15W * *": "day of month `15W`: not a value, a range or a step",
    "* * * * 5#2": "day of week `5#2`: not a value, a range or a step",
    "H * * * *": "minute `H`: not a value, a range or a step",
    "@reboot": "unknown macro; the macros are @yearly, @annually, @monthly, @weekly, @daily, "
               "@midnight, @hourly",
    "@daily UTC": "unknown macro; the macros are @yearly, @annually, @monthly, @weekly, @daily, "
                  "@midnight, @hourly",
    "0 0 1 1 *" + " " * 92: "101 characters, at most 100 are allowed",
}
# fmt: on


def slots(expression: str, zone: str, after: str, count: int = 1) -> list[str]:
    found = next_slots(parse(expression), zone_of(zone), parse_ms(after, "after"), count)
    return [format_ms(each).replace(".000Z", "Z") for each in found]


@pytest.mark.parametrize(("expression", "zone", "after", "first", "second"), VECTORS)
def test_the_next_run_is_the_one_of_the_contract(
    expression: str, zone: str, after: str, first: str, second: str | None
) -> None:
    found = slots(expression, zone, after, 2)

    assert found[0] == first
    assert second in (None, found[1])


@pytest.mark.parametrize("expression", REFUSED)
def test_a_bad_expression_is_refused_with_the_field_and_what_is_wrong(expression: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        parse(expression)

    assert refused.value.message == f"Invalid cron expression: {REFUSED[expression]}"
    assert [each.field for each in refused.value.details] == ["cron_expression"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        (" @Daily ", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
        ("  5\t4  * * ? ", "0 5 4 * * *"),
        ("0 0 * feb,Mar-may MON,wed", "0 0 * 2,3-5 1,3"),
        ("05 007 * * *", "5 7 * * *"),
        ("10/20 * * * *", "10,30,50 * * * *"),
        ("5-30/10,59 * * * *", "5,15,25,59 * * * *"),
        ("*/25,7 * * * *", "0,7,25,50 * * * *"),
        ("0 0 * * 5-7", "0 0 * * 0,5,6"),
        ("0 0 * * FRI/2", "0 0 * * 5,7"),  # a/n runs to the end of the field: 7
        ("0 0 * * SAT-SUN", "0 0 * * 6-7"),
        ("0 0 * * FRI-MON", "0 0 * * 0,1,5,6"),
        ("0 0 * * 5-1,WED", "0 0 * * 0,1,3,5,6"),
        ("0 0 * * 7-1", "0 0 * * 0-1"),
        ("0 0 * * FRI-MON/2", "0 0 * * 5,7"),
        ("0 0 * * MON-SUN", "0 0 * * *"),
        ("0 0 * * TUE-MON", "0 0 * * *"),
        ("0 0 * * */3", "0 0 * * 0,3,6"),
        ("0 0 1/10 * *", "0 0 1,11,21,31 * *"),
        ("0 0 * 6-6 *", "0 0 * 6 *"),
    ],
)
def test_two_ways_to_write_the_same_rule_have_the_same_slots(one: str, other: str) -> None:
    after = "2026-02-27T10:00:00Z"

    assert slots(one, NY, after, 60) == slots(other, NY, after, 60)


def test_the_expression_is_kept_as_it_was_given() -> None:
    assert parse(" 0  9 * * mon ").expression == " 0  9 * * mon "


@pytest.mark.parametrize(
    "expression", ["0 0 1-31 * 5", "0 0 */1 * 5", "0 0 13 * 0-6", "0 0 5 * */1"]
)
def test_a_restriction_that_allows_every_date_still_makes_either_day_field_do(
    expression: str,
) -> None:
    assert slots(expression, "UTC", "2026-02-01T12:00:00Z", 3) == [
        "2026-02-02T00:00:00Z",
        "2026-02-03T00:00:00Z",
        "2026-02-04T00:00:00Z",
    ]


@pytest.mark.parametrize(
    ("expression", "first"),
    [("0 0 1-31 * *", "2026-02-02"), ("0 0 ? * 5", "2026-02-06"), ("0 0 13 * ?", "2026-02-13")],
)
def test_one_restricted_day_field_decides_alone(expression: str, first: str) -> None:
    assert slots(expression, "UTC", "2026-02-01T12:00:00Z") == [f"{first}T00:00:00Z"]


@pytest.mark.parametrize(
    "expression", ["0 0 30 2 *", "0 0 0 31 2,4,6,9,11 *", "* * 30-31 FEB *", "* * 31 4/2 ?"]
)
def test_an_expression_that_can_never_fire_parses_and_has_no_slot(expression: str) -> None:
    # 4/2 is 4, 6, 8, 10, 12, and August has 31 days
    expected = ["2026-08-31T00:00:00Z"] if "4/2" in expression else []

    began = perf_counter()
    found = slots(expression, "UTC", "2026-01-01T00:00:00Z")
    took_seconds = perf_counter() - began

    assert found == expected
    assert took_seconds < 0.05


def test_an_impossible_day_of_month_leaves_the_days_of_the_week() -> None:
    assert slots("0 0 30 2 1", "UTC", "2026-01-01T00:00:00Z") == ["2026-02-02T00:00:00Z"]


def test_leap_days_are_found_across_a_year_that_is_none() -> None:
    found = slots("0 0 29 2 *", "UTC", "2095-01-01T00:00:00Z", 3)

    assert found == ["2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z", "2108-02-29T00:00:00Z"]


def test_a_hundred_leap_days_are_found_in_a_moment() -> None:
    began = perf_counter()
    found = slots("0 0 29 2 *", NY, "2026-01-01T00:00:00Z", 100)
    took_seconds = perf_counter() - began

    assert len(found) == 100
    assert took_seconds < 0.5


def test_there_are_no_slots_beyond_the_years_that_can_be_written() -> None:
    assert slots("* * * * *", "UTC", "9999-12-31T23:59:59Z") == []


def test_a_slot_is_after_a_moment_within_its_second() -> None:
    at = parse_ms("2026-01-01T10:15:00Z", "after")
    cron, utc = parse("15 10 * * *"), zone_of("UTC")

    assert next_slot(cron, utc, at - 1) == at
    assert next_slot(cron, utc, at + 999) == at + 86_400_000


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # A list, a range over the whole day: each hour that was written down, not every hour.
        ("30 1,2,3 * * *", ["06:30", "07:00", "07:30"]),
        ("30 0-23 * * *", ["06:30", "07:00", "07:30"]),
        ("30 * * * *", ["06:30", "07:30", "08:30"]),
        ("30 */1 * * *", ["06:30", "07:30", "08:30"]),
        ("30 ? * * *", ["06:30", "07:30", "08:30"]),
        # What would have been left out and what is due right after it are one run.
        ("0 2,3 * * *", ["07:00"]),
        ("*/20 2-3 * * *", ["07:00", "07:20", "07:40"]),
        ("59 59 1 * * *", ["06:59:59"]),
        ("* * 2 * * *", ["07:00"]),
    ],
)
def test_the_hour_field_decides_what_the_start_of_summer_time_does(
    expression: str, expected: list[str]
) -> None:
    found = slots(expression, NY, "2026-03-08T06:00:00Z", len(expected) + 1)

    assert [each[11:-1].removesuffix(":00") for each in found[:-1]] == expected


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("30 1 * * *", "11-01T05:30:00", "11-02T06:30:00"),
        ("30 1 * * *", "11-01T06:10:00", "11-02T06:30:00"),  # asked in the second pass
        ("*/30 1-2 * * *", "11-01T05:30:00", "11-01T07:00:00"),
        ("* * 1 * * *", "11-01T06:10:00", "11-02T06:00:00"),
        ("*/30 * * * *", "11-01T05:45:00", "11-01T06:00:00"),  # asked late in the first pass
        ("*/30 * * * *", "11-01T06:30:00", "11-01T07:00:00"),
        ("45 */1 * * *", "11-01T05:50:00", "11-01T06:45:00"),
        ("15 */2 * * *", "11-01T05:15:00", "11-01T07:15:00"),
    ],
)
def test_the_hour_field_decides_what_the_end_of_summer_time_does(
    expression: str, after: str, expected: str
) -> None:
    assert slots(expression, NY, f"2026-{after}Z") == [f"2026-{expected}Z"]


def test_a_day_that_a_zone_left_out_runs_when_the_next_one_begins() -> None:
    found = slots("0 9 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", 3)

    # From the 29th at nine (-10:00) to the 31st at midnight and at nine (+14:00).
    assert found == ["2011-12-29T19:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T19:00:00Z"]


def test_fixed_offsets_have_no_summer_time() -> None:
    assert slots("30 2 * * *", "-05:00", "2026-03-08T05:00:00Z") == ["2026-03-08T07:30:00Z"]
    assert slots("30 2 * * *", "Etc/GMT+5", "2026-03-08T05:00:00Z") == ["2026-03-08T07:30:00Z"]


@pytest.mark.parametrize(
    ("name", "offset"),
    [
        ("+05:30", timedelta(hours=5, minutes=30)),
        ("-00:30", timedelta(minutes=-30)),
        ("-23:59", timedelta(hours=-23, minutes=-59)),
        ("+00:00", timedelta()),
    ],
)
def test_an_offset_is_a_zone(name: str, offset: timedelta) -> None:
    assert zone_of(name) == timezone(offset)


@pytest.mark.parametrize(
    "name",
    ["UTC", "GMT", "Etc/GMT+5", "Etc/GMT-14", NY, "America/Argentina/Buenos_Aires", "EST5EDT"],
)
def test_a_name_of_the_zone_database_is_a_zone(name: str) -> None:
    assert zone_of(name) is ZoneInfo(name)


@pytest.mark.parametrize(
    "name",
    [
        "", " ", "Mars/Olympus", "America", "america/new_york", "utc", "UTC ", " UTC", "UTC\n",
        "UTC\0", "../etc/passwd", "/etc/passwd", "/usr/share/zoneinfo/UTC", "America/../UTC",
        "America//New_York", "America/New_York/", "./UTC", "right/UTC", "posix/UTC", "posixrules",
        "localtime", "tzdata.zi", "zone.tab", "__init__", "+5:30", "+0530", "05:30", "+24:00",
        "+05:60", "+05:30:00", "+\u0660\u0665:\u0663\u0660", "UTC+2", "Z", "A" * 5000, "Ü",
    ],
)  # fmt: skip
def test_any_other_name_is_refused_and_says_which_field(name: str) -> None:
    with pytest.raises(RuleBroken, match="time zone") as refused:
        zone_of(name)

    assert [(each.field, each.code) for each in refused.value.details] == [
        ("timezone", "invalid_value")
    ]


class Written:
    """A field as somebody could write it, and the values that it means."""

    def __init__(self, text: str, values: set[int]) -> None:
        self.text = text
        self.values = values

    def __repr__(self) -> str:
        return self.text


def members(low: int, high: int, names: dict[int, str]) -> st.SearchStrategy[Written]:
    @st.composite
    def member(draw: st.DrawFn) -> Written:
        start = draw(st.integers(low, high))
        end = draw(st.integers(start, high))
        step = draw(st.integers(1, high))

        def said(value: int) -> str:
            spellings = [str(value), f"{value:02d}"]
            if value in names:
                spellings += [names[value], names[value].lower()]
            return draw(st.sampled_from(spellings))

        return draw(
            st.sampled_from(
                [
                    Written(said(start), {start}),
                    Written(f"{said(start)}-{said(end)}", set(range(start, end + 1))),
                    Written(f"{said(start)}-{said(end)}/{step}", set(range(start, end + 1, step))),
                    Written(f"{said(start)}/{step}", set(range(start, high + 1, step))),
                    Written(f"*/{step}", set(range(low, high + 1, step))),
                ]
            )
        )

    return member()


def fields(low: int, high: int, names: dict[int, str] | None = None) -> st.SearchStrategy[Written]:
    listed = st.lists(members(low, high, names or {}), min_size=1, max_size=3).map(
        lambda parts: Written(
            ",".join(part.text for part in parts), set().union(*(part.values for part in parts))
        )
    )
    every = st.sampled_from("*?").map(lambda text: Written(text, set(range(low, high + 1))))
    return every | listed


MONTHS = {at: date(2026, at, 1).strftime("%b").upper() for at in range(1, 13)}
WEEKDAYS = {at: date(2026, 2, 1 + at).strftime("%a").upper() for at in range(7)}
EXPRESSIONS = st.tuples(
    fields(0, 59), fields(0, 59), fields(0, 23), fields(1, 31), fields(1, 12, MONTHS),
    fields(0, 7, WEEKDAYS),
)  # fmt: skip
MOMENTS = st.integers(0, 4_000_000_000_000)  # until 2096


def allows(written: tuple[Written, ...], day: date) -> bool:
    _, _, _, days, months, weekdays = written
    on_day = day.day in days.values
    on_weekday = bool({day.isoweekday(), day.isoweekday() % 7} & weekdays.values)
    if days.text in "*?" or weekdays.text in "*?":
        return day.month in months.values and on_day and on_weekday
    return day.month in months.values and (on_day or on_weekday)


def first_by_hand(written: tuple[Written, ...], after: datetime) -> datetime | None:
    """Date after date, without a change of the clock, for five years."""
    seconds, minutes, hours = (sorted(field.values) for field in written[:3])
    for days in range(366 * 5):
        day = after.date() + timedelta(days=days)
        if not allows(written, day):
            continue
        for hour in hours:
            for minute in minutes:
                for second in seconds:
                    found = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC)
                    if found > after:
                        return found
    return None


@given(EXPRESSIONS, MOMENTS)
@unhurried
def test_every_valid_expression_has_the_slot_that_is_found_by_hand(
    written: tuple[Written, ...], after_ms: int
) -> None:
    expression = " ".join(field.text for field in written)
    hypothesis.assume(len(expression) <= 100)
    after = datetime.fromtimestamp(after_ms // 1000, UTC)

    slot = next_slot(parse(expression), zone_of("UTC"), after_ms)

    by_hand = first_by_hand(written, after)
    if by_hand is not None:
        assert slot == int(by_hand.timestamp()) * 1000
    else:
        assert slot is None or slot > after_ms + 5 * 365 * 86_400_000


@given(EXPRESSIONS, MOMENTS, st.sampled_from([NY, "Australia/Lord_Howe", "Africa/Cairo", "+05:45"]))
@unhurried
def test_slots_rise_and_show_what_was_asked_for(
    written: tuple[Written, ...], after_ms: int, name: str
) -> None:
    expression = " ".join(field.text for field in written)
    hypothesis.assume(len(expression) <= 100)
    zone = zone_of(name)

    found = next_slots(parse(expression), zone, after_ms, 20)

    assert all(earlier < later for earlier, later in pairwise([after_ms, *found]))
    for each in found:
        here = datetime.fromtimestamp(each // 1000, zone)
        before = datetime.fromtimestamp(each // 1000 - 1, zone)
        after_a_gap = here.utcoffset() != before.utcoffset()
        assert here.hour in written[2].values or after_a_gap


@given(st.text(max_size=120) | st.text(alphabet="0123456789*/,-? @adMONjun", max_size=40))
@unhurried
def test_garbage_is_refused_or_has_slots(garbage: str) -> None:
    try:
        cron = parse(garbage)
    except RuleBroken as refused:
        assert refused.message.startswith("Invalid cron expression: ")  # noqa: PT017
    else:
        assert len(next_slots(cron, zone_of(NY), 1_767_225_600_000, 3)) in (0, 3)


@given(st.text(max_size=60) | st.from_regex(r"[A-Za-z+-][A-Za-z0-9_+:/.-]{0,30}", fullmatch=True))
@unhurried
def test_any_text_is_a_zone_or_refused(garbage: str) -> None:
    try:
        zone = zone_of(garbage)
    except RuleBroken as refused:
        assert refused.details[0].field == "timezone"  # noqa: PT017
    else:
        assert datetime.fromtimestamp(0, zone).utcoffset() is not None
