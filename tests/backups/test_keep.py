"""Which backups are kept: the newest of each day, week and month, and always the newest."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spooled_lite.backups.keep import Keep, expired
from spooled_lite.backups.manifest import Manifest
from spooled_lite.times import format_ms

BEGIN = datetime(2030, 1, 1, 3, tzinfo=UTC)
LATER_MS = 10**14  # after all that is made here


def made(at: datetime) -> Manifest:
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    return Manifest(
        name=f"spooled-{stamp}-00000000.db.gz",
        made_at=format_ms(int(at.timestamp() * 1000)),
        program="0.1.0",
        schema=1,
        file_id="f",
        bytes=1,
        pages=1,
        sha256="",
        packed_bytes=1,
        packed_sha256="",
        rows={},
        last_event=0,
        verified_at=format_ms(0),
    )


def kept_days(keep: Keep, times: list[datetime]) -> list[str]:
    manifests = [made(at) for at in times]
    gone = {each.name for each in expired(manifests, keep, LATER_MS)}
    return [each.made_at[:10] for each in manifests if each.name not in gone]


def test_a_year_of_nights_leaves_days_weeks_and_months() -> None:
    nights = [BEGIN + timedelta(days=day) for day in range(365)]

    assert kept_days(Keep.parsed("3d 2w 4m"), nights) == [
        "2030-09-30",  # the last of a month
        "2030-10-31",
        "2030-11-30",
        "2030-12-29",  # a Sunday; the week of the 31st counts as well
        "2030-12-30",  # a day
        "2030-12-31",
    ]


def test_the_newest_of_a_day_is_kept() -> None:
    times = [BEGIN, BEGIN + timedelta(hours=5), BEGIN + timedelta(hours=9)]
    assert [
        each.made_at for each in expired([made(at) for at in times], Keep(days=5), LATER_MS)
    ] == [
        "2030-01-01T03:00:00.000Z",
        "2030-01-01T08:00:00.000Z",
    ]


def test_days_without_a_backup_do_not_count() -> None:
    """A server that was off for a year keeps what it had."""
    old = [BEGIN + timedelta(days=day) for day in range(3)]
    new = BEGIN + timedelta(days=400)

    assert len(kept_days(Keep(days=3), [*old, new])) == 3


@given(
    hours=st.lists(st.integers(0, 20_000), min_size=1, max_size=60, unique=True),
    days=st.integers(0, 9),
    weeks=st.integers(0, 9),
    months=st.integers(0, 9),
)
def test_the_newest_stays_and_pruning_again_changes_nothing(
    hours: list[int], days: int, weeks: int, months: int
) -> None:
    keep = Keep(days, weeks, months)
    manifests = [made(BEGIN + timedelta(hours=hour)) for hour in hours]
    gone = expired(manifests, keep, LATER_MS)
    left = [each for each in manifests if each not in gone]

    assert max(manifests, key=lambda each: each.made_at) in left
    assert 1 <= len(left) <= max(1, days + weeks + months)
    assert expired(left, keep, LATER_MS) == []


@pytest.mark.parametrize("text", ["", "7", "7x", "0d", "-1d", "7d 3d", "7d,4w", "99999d", "7 d"])
def test_bad_terms_are_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(ValueError, match="such as 7d 4w 6m"):
        Keep.parsed(text)


def test_terms_are_read_in_any_order() -> None:
    assert Keep.parsed(" 6m 7d ") == Keep(days=7, months=6)
    assert msgspec.structs.asdict(Keep.parsed("4w")) == {"days": 0, "weeks": 4, "months": 0}


def test_one_of_the_future_neither_counts_nor_goes() -> None:
    future = made(BEGIN + timedelta(days=900))
    nights = [made(BEGIN + timedelta(days=day)) for day in range(3)]
    now_ms = int((BEGIN + timedelta(days=2)).timestamp() * 1000)

    assert expired([*nights, future], Keep(days=1), now_ms) == nights[:2]
