"""`spooled-lite check`: what it finds, and that it finds nothing in a file that is whole."""

import asyncio
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from spooled_lite.cli.main import main
from spooled_lite.config import Settings
from tests.wire.http.served import serving

NOBODY = 65_534  # a user who owns nothing


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database in which jobs have been created, claimed, completed and failed, and steps, too."""
    path = tmp_path / "spooled.db"

    async def make() -> None:
        async with serving(str(path), Settings()) as served:
            for number in range(6):
                body = {"queue_name": f"q{number % 2}", "payload": number}
                await served.client.post("/api/v1/jobs", json=body)
            claimed = await served.client.post(
                "/api/v1/jobs/claim", json={"queue_name": "q0", "limit": 3}
            )
            first, second, _ = claimed.json()["jobs"]
            await served.client.post(f"/api/v1/jobs/{first['id']}/complete")
            jobs = [
                {"key": "a", "queue": "steps", "payload": 1},
                {"key": "b", "queue": "b", "payload": 1},
            ]
            await served.client.post("/api/v1/workflows", json={"name": "w", "jobs": jobs})
            await served.client.post("/api/v1/jobs/claim", json={"queue_name": "steps"})
            failure = {"error": "no", "no_retry": True}
            await served.client.post(f"/api/v1/jobs/{second['id']}/fail", json=failure)

    asyncio.run(make())
    return path


def check(file: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["check", "--database", str(file), *more])


def spoil(file: Path, statement: str) -> None:
    connection = sqlite3.connect(file)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_file_that_is_whole_passes(file: Path) -> None:
    answer = check(file)

    assert answer.exit_code == 0, answer.output
    assert "ok" in answer.output


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM jobs WHERE status = 'completed'", "q0"),
        ("UPDATE queue_counters SET value = 7 WHERE name = 'status.pending'", "7 pending"),
        ("UPDATE queue_counters SET value = value + 1 WHERE name = 'created'", "created"),
        ("UPDATE usage_counters SET value = 0 WHERE name = 'active_jobs'", "active jobs"),
        ("UPDATE jobs SET claimable = 0 WHERE status = 'pending'", "claimable"),
        ("UPDATE jobs SET on_fail_of = id", "do not agree"),
        (
            "UPDATE workflows SET waiting_jobs = 0, cancelled_jobs = 1",
            "0 waiting jobs by the counter, 1 rows",
        ),
        (
            "UPDATE workflows SET processing_jobs = 0, completed_jobs = 1",
            "0 processing jobs by the counter, 1 rows",
        ),
        ("UPDATE workflows SET status = 'pending'", "its counters say running"),
        ("UPDATE workflows SET completed_at_ms = 1", "is running, completed at 1"),
        (
            "INSERT INTO job_dependencies (job, parent) SELECT 99, min(seq) FROM jobs",
            "job 99, which is not there, waits for job ",
        ),
    ],
)
def test_what_does_not_add_up_is_said(file: Path, statement: str, said: str) -> None:
    spoil(file, statement)

    answer = check(file)

    assert answer.exit_code == 1
    assert said in answer.output
    assert re.search(r": (1 problem|[2-9] problems)$", answer.output.strip())


def test_the_verdict_can_be_read_by_programs(file: Path) -> None:
    spoil(file, "DELETE FROM jobs WHERE status = 'completed'")

    answer = json.loads(check(file, "--json").output)

    assert answer["ok"] is False
    assert answer["problems"]


def test_a_damaged_file_is_told_apart_from_wrong_sums(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096 * 3 : 4096 * 3 + 64] = b"\xff" * 64
    file.write_bytes(bytes(content))

    answer = check(file)

    assert answer.exit_code == 1
    assert "Traceback" not in answer.output


def test_a_file_that_is_not_there_is_an_error_and_not_created(tmp_path: Path) -> None:
    answer = check(tmp_path / "nowhere.db")

    assert answer.exit_code == 2  # 1 would say that something is wrong with the file
    assert "nowhere.db" in answer.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE job_bodies SET body = x'00'", "its payload is damaged, the checksum"),
        ("DELETE FROM job_bodies", "its payload is missing"),
    ],
)
def test_a_body_that_is_not_what_was_stored_is_said(
    tmp_path: Path, statement: str, said: str
) -> None:
    path = tmp_path / "spooled.db"

    async def make() -> None:
        async with serving(str(path), Settings()) as served:
            body = {"queue_name": "q", "payload": "x" * 10_000}
            await served.client.post("/api/v1/jobs", json=body)

    asyncio.run(make())
    assert check(path).exit_code == 0
    spoil(path, statement)

    answer = check(path)

    assert answer.exit_code == 1
    assert said in answer.output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for other users")
def test_a_user_who_may_only_read_leaves_nothing_beside_the_file(file: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:  # where that user can come to
        copy = Path(folder) / "spooled.db"
        shutil.copy(file, copy)
        copy.chmod(0o644)
        Path(folder).chmod(0o777)
        program = (
            "import os, sys; from spooled_lite.cli.check import problems_of;"
            f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY});"
            "print(problems_of(sys.argv[1]))"
        )

        answer = subprocess.run(
            [sys.executable, "-c", program, str(copy)], capture_output=True, text=True, check=False
        )

        assert (answer.returncode, answer.stdout) == (0, "[]\n"), answer.stderr
        assert [each.name for each in Path(folder).iterdir()] == ["spooled.db"]
