"""Every command names a file that is not ours in one line, and leaves it alone."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS_MAX = 30.0
COMMANDS = (
    ("serve", "--port", "0", "--grpc-port", "off"),
    ("keys", "list"),
    ("keys", "create"),
    ("check",),
)

pytestmark = pytest.mark.slow


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPOOLED")}
    return subprocess.run(
        [sys.executable, "-m", "spooled_lite", *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        env=kept,
        check=False,
    )


def last_line(answer: subprocess.CompletedProcess[str]) -> str:
    assert answer.returncode in (1, 2)
    assert "Traceback" not in answer.stderr
    return answer.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_file_of_another_program_is_named_and_not_taken_over(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    path = tmp_path / "letters.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE letters (text)")
    connection.close()
    before = path.read_bytes()

    answer = run(*command, "--database", str(path))

    assert last_line(answer).startswith(
        f"Error: {path}: this SQLite file belongs to another program"
    )
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["letters.db"]


@pytest.mark.parametrize("command", COMMANDS[1:], ids=" ".join)
def test_a_log_without_its_file_is_not_touched(tmp_path: Path, command: tuple[str, ...]) -> None:
    path = tmp_path / "spooled.db"
    path.touch()
    log = tmp_path / "spooled.db-wal"
    log.write_bytes(b"x" * 5_000)

    answer = run(*command, "--database", str(path))

    assert str(log) in last_line(answer)
    assert log.stat().st_size == 5_000
