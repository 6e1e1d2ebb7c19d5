"""`spooled-lite check --deep`: every stored text, orphaned history, sums of usage, any damage."""

import asyncio
import random
import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from spooled_lite.cli.main import main
from spooled_lite.core.maintenance.deep_check import SHOWN_MAX
from tests.released.made import make

PAGE_BYTES: Final = 4_096
DAMAGES: Final = 30  # of random ones, in a normal run


@cache
def content() -> bytes:
    """A file with some of everything."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spooled.db"
        asyncio.run(make(path))
        return path.read_bytes()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "spooled.db"
    path.write_bytes(content())
    return path


def check(file: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["check", "--database", str(file), *more])


def spoil(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(statement)
        connection.commit()


def test_a_file_that_is_whole_passes(file: Path) -> None:
    answer = check(file, "--deep")

    assert (answer.exit_code, answer.output) == (0, f"{file}: ok\n")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "UPDATE jobs SET payload = x'22ff22' WHERE queue_name = 'held'",
            "its payload is not UTF-8 (byte 1)",
        ),
        ("UPDATE jobs SET payload = x'7b' WHERE queue_name = 'held'", "its payload is not JSON"),
        ("UPDATE jobs SET result = x'' WHERE result IS NOT NULL", "its result is not JSON"),
        ("UPDATE jobs SET tags = x'5b31' WHERE tags IS NOT NULL", "its tags is not JSON"),
        ("UPDATE job_history SET details = x'78' WHERE seq = 3", "job_history row 3: its details"),
        ("UPDATE schedules SET payload_template = x'78'", "schedules row 1: its payload_template"),
        ("UPDATE workers SET metadata = x'c3'", "workers row 1: its metadata is not UTF-8"),
        (
            "INSERT INTO job_history (org, job, event_type, details, created_at_ms)"
            " VALUES (1, 99, 'created', x'7b7d', 1)",
            "job number 99, which is not there, has 1 rows of history",
        ),
        (
            "UPDATE usage_counters SET value = value + 1 WHERE period = ''"
            " AND name = 'jobs_created'",
            "usage of jobs_created is 10 in all and 9 by its months",
        ),
        (
            "UPDATE usage_counters SET value = value + 1 WHERE length(period) = 10"
            " AND name = 'jobs_created'",
            "usage of jobs_created in 2027-01 is 9, and 10 by its days",
        ),
    ],
)
def test_what_only_a_deep_look_finds_is_said(file: Path, statement: str, said: str) -> None:
    spoil(file, statement)

    assert check(file).exit_code == 0
    answer = check(file, "--deep")
    assert answer.exit_code == 1
    assert said in answer.output


def test_a_large_text_is_named_by_its_job(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        [job_id] = connection.execute("SELECT id FROM jobs WHERE payload IS NULL").fetchone()
    spoil(file, "UPDATE job_bodies SET body = x'78'")

    assert f"job {job_id}: its body is not JSON" in check(file, "--deep").output


def test_a_day_that_an_administrator_set_back_to_0_is_no_problem(file: Path) -> None:
    spoil(file, "DELETE FROM usage_counters WHERE length(period) = 10 AND name = 'jobs_created'")

    assert check(file, "--deep").exit_code == 0


def test_of_very_many_problems_some_are_shown(file: Path) -> None:
    columns = "INSERT INTO job_history (org, job, event_type, details, created_at_ms)"
    with closing(sqlite3.connect(file)) as connection:
        row = f"{columns} VALUES (1, 1, 'created', x'78', ?)"
        connection.executemany(row, [(number,) for number in range(2 * SHOWN_MAX)])
        connection.commit()

    answer = check(file, "--deep")

    assert answer.output.endswith(f": {SHOWN_MAX} problems\n")


def damaged(number: int) -> bytes:
    """Some bytes flipped, a piece overwritten, the end cut off, or a page in a wrong place."""
    chance, found = random.Random(number), bytearray(content())
    place = chance.randrange(len(found))
    match number % 4:
        case 0:
            found[place] ^= 1 << chance.randrange(8)
        case 1:
            found[place : place + 64] = chance.randbytes(64)
        case 2:
            del found[max(100, place) :]
        case _:
            page = chance.randrange(len(found) // PAGE_BYTES) * PAGE_BYTES
            here = place // PAGE_BYTES * PAGE_BYTES
            found[here : here + PAGE_BYTES] = found[page : page + PAGE_BYTES]
    return bytes(found)


def look_at_damaged(file: Path, number: int) -> bool:
    """Check such a file; whether something was found. A command of ours never fails by a bug."""
    file.write_bytes(damaged(number))
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    answer = check(file, "--deep")
    assert answer.exception is None or isinstance(answer.exception, SystemExit), number
    assert str(file) in answer.output, number
    return answer.exit_code > 0


def test_whatever_is_damaged_the_file_is_named(file: Path) -> None:
    found = sum(look_at_damaged(file, number) for number in range(DAMAGES))

    assert found > DAMAGES // 10  # free pages and slack hold nothing that could be damaged


def test_a_name_in_the_schema_that_is_no_text_is_damage(file: Path) -> None:
    spoiled = content().replace(b"CREATE TABLE acts", b"CREATE TABLE \xff\xfe\xff\xfe", 1)
    file.write_bytes(spoiled)

    answer = check(file)

    assert answer.exit_code == 1
    assert isinstance(answer.exception, SystemExit)


@pytest.mark.long
def test_whatever_is_damaged_in_very_many_ways_the_file_is_named(file: Path) -> None:
    for number in range(DAMAGES, 3_000):
        look_at_damaged(file, number)
