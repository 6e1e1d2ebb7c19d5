"""`lib/cron.js`: expressions in words, their errors, and what a change of the clock does."""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from spooled_lite.core.schedules import cron
from spooled_lite.errors import RuleBroken

Lib = Callable[[str], Any]

# Each as a person would say it.
# fmt: off
WORDS: Final = {
    "* * * * *": "every minute",
    "*/5 * * * *": "every 5 minutes",
    "*/7 * * * *": "at every 7th minute (0 to 56) of every hour",
    "0 * * * *": "every hour",
    "15 * * * *": "at minute 15 of every hour",
    "0,30 * * * *": "at minutes 0 and 30 of every hour",
    "0 */2 * * *": "every 2 hours",
    "30 */6 * * *": "at 00:30, 06:30, 12:30 and 18:30 daily",
    "0 1/4 * * *": "at 01:00, 05:00, 09:00, 13:00, 17:00 and 21:00 daily",
    "0 */5 * * *": "at 00:00, 05:00, 10:00, 15:00 and 20:00 daily",
    "30 2 * * *": "at 02:30 daily",
    "0 9 * * 1-5": "at 09:00, Monday to Friday",
    "0 9 * * MON-FRI": "at 09:00, Monday to Friday",
    "0 9,17 * * *": "at 09:00 and 17:00 daily",
    "15 9,12,17 * * MON,WED,FRI": "at 09:15, 12:15 and 17:15, Monday, Wednesday and Friday",
    "*/15 9-17 * * 1-5": "every 15 minutes from 09:00 to 17:59, Monday to Friday",
    "0 9-17 * * *": "every hour from 09:00 to 17:00",
    "10-20 3 * * *": "at minutes 10 to 20 from 03:00 to 03:59",
    "10-20 * * * *": "at minutes 10 to 20 of every hour",
    "0 0 1 * *": "at 00:00, on the 1st of the month",
    "0 0 1,15 * *": "at 00:00, on the 1st and the 15th of the month",
    "0 0 1-7 * *": "at 00:00, on the 1st to the 7th of the month",
    "0 0 */2 * *": "at 00:00, on every 2nd day from the 1st of the month",
    "0 0 13 * 5": "at 00:00, on the 13th of the month or on Fridays",
    "0 0 * * 0": "at 00:00, Sundays",
    "0 0 * * 7": "at 00:00, Sundays",
    "0 0 * * SAT-SUN": "at 00:00, Saturday to Sunday",
    "0 0 * * FRI-MON": "at 00:00, Friday to Monday",
    "0 0 1 1 *": "at 00:00, on the 1st of the month in January",
    "0 0 1 */3 *": "at 00:00, on the 1st of the month in January, April, July and October",
    "0 12 * JUN-AUG *": "at 12:00 daily, in June to August",
    "0 0 29 2 *": "at 00:00, on the 29th of the month in February",
    "0 0 30 2 *": "never: there is no such date",
    "0 0 30 2 1": "at 00:00, on the 30th of the month or on Mondays in February",
    "*/10 * * * * *": "every 10 seconds",
    "0 */10 * * * *": "every 10 minutes",
    "30 0 9 * * *": "at 09:00:30 daily",
    "* * * * * *": "every second",
    "*/15 * 9 * * *": "every 15 seconds from 09:00 to 09:59",
    "5 10 * * * *": "at second 5 of minute 10 of every hour",
    "0,30 0 9 * * *": "at 09:00 and 09:00:30 daily",
    "? ? ? ? ?": "every minute",
    "@hourly": "every hour",
    "@Daily": "at 00:00 daily",
    "@weekly": "at 00:00, Sundays",
    "@yearly": "at 00:00, on the 1st of the month in January",
    "23 0-20/2 * * *": "at minute 23 in the hours 00, 02, 04, 06, 08, 10, 12, 14, 16, 18 and 20",
    "5 4 * * sun": "at 04:05, Sundays",
    "0 22 * * 1-5": "at 22:00, Monday to Friday",
    "0 0,12 1 */2 *": "at 00:00 and 12:00, on the 1st of the month in January, March, May, July, September and November",
    "5/15 * * * *": "every 15 minutes from minute 5",
    "0 0 31 */2 *": "at 00:00, on the 31st of the month in January, March, May, July, September and November",
    "0 0 * * 1/2": "at 00:00, Sunday, Monday, Wednesday and Friday",
    "0 0 2-20/3 * *": "at 00:00, on every 3rd day from the 2nd to the 20th of the month",
    "* 3 * * *": "every minute from 03:00 to 03:59",
    "0 0 0 1 1 ?": "at 00:00, on the 1st of the month in January",
    "1,2,3 4,5,6 * * *": "at minutes 1, 2 and 3 in the hours 04, 05 and 06",
    "0 0 10,20-25 * *": "at 00:00, on the 10th and the 20th to the 25th of the month",
}
# fmt: on
WRONG: Final = {
    "": "It is empty",
    "* * *": "5 or 6 fields are needed, this has 3",
    "0 0 0 0 0 0 0": "5 or 6 fields are needed, this has 7",
    "60 * * * *": "minute “60”: from 0 to 59",
    "* * 0 * *": "day of month “0”: from 1 to 31",
    "* * * * 8": "day of week “8”: from 0 to 7",
    "5-2 * * * *": "minute “5-2”: the range runs backwards",
    "*/0 * * * *": "minute “*/0”: a step is from 1 to 59",
    "1,,2 * * * *": "minute: an empty value",
    "1,* * * * *": "minute “*”: stands alone, not in a list",
    "MON * * * *": "minute “MON”: not a number or a name of this field",
    "* * * * constructor": "day of week “constructor”: not a value, a range or a step",
    "@constructor": "The macros are @yearly, @annually, @monthly, @weekly, @daily, @midnight, "
    "@hourly",
}


def test_expressions_are_said_in_words(lib: Lib) -> None:
    said = lib(f"""
        const {{ readCron }} = await load("lib/cron");
        return {json.dumps(list(WORDS))}.map(it => readCron(it).error?.message ?? readCron(it).words);
    """)

    assert len(WORDS) > 40
    assert dict(zip(WORDS, said, strict=True)) == WORDS
    for expression in WORDS:
        assert cron.parse(expression).expression == expression


def test_what_the_server_refuses_is_wrong_here_too(lib: Lib) -> None:
    said = lib(f"""
        const {{ readCron }} = await load("lib/cron");
        return {json.dumps(list(WRONG))}.map(it => readCron(it).error.message);
    """)

    assert dict(zip(WRONG, said, strict=True)) == WRONG
    for expression in WRONG:
        with pytest.raises(RuleBroken):
            cron.parse(expression)


def test_an_error_is_at_its_word(lib: Lib) -> None:
    text = "0  9 * * 1,9,3"

    error = lib(f'return (await load("lib/cron")).readCron({json.dumps(text)}).error')

    assert (text[error["from"] : error["to"]], error["from"]) == ("9", 11)


def test_slots_that_a_change_of_the_clock_moves_are_marked(lib: Lib) -> None:
    seen = lib("""
        const { readCron, clockMarks } = await load("lib/cron");
        const kinds = (expression, ...local) =>
          clockMarks(local.map(it => ({ local: it })), readCron(expression)).map(it => it && it.kind);
        return [
          kinds("30 2 * * *", "2026-03-07T02:30:00-05:00", "2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"),
          kinds("30 * * * *", "2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-05:00", "2026-11-01T02:30:00-05:00"),
          kinds("0 * * * *", "2026-03-08T01:00:00-05:00", "2026-03-08T03:00:00-04:00"),
          kinds("30 1 * * *", "2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"),
          kinds("30 1 * * *", "2026-11-01T01:30:00Z", "2026-11-02T01:30:00Z"),
        ];
    """)

    assert seen == [
        [None, "gap", None],
        [None, "repeat", None],
        [None, "forward"],
        [None, "back"],
        [None, None],
    ]
