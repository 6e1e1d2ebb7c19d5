"""Exports and imports as people run them: a real server, a line that is cut, kills."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

import pytest

from tests.exports.stage import a_file, export, import_into, lines_of, run
from tests.server_process import API_KEY, ServerProcess

ADMIN_KEY: Final = "an admin key of the tests"
SECONDS_MAX: Final = 60.0  # the machine may be busy

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    a_file(tmp_path / "spooled.db", jobs=3_000)
    with ServerProcess(tmp_path, admin_key=ADMIN_KEY) as server:
        server.start()
        yield server


def begin(server: ServerProcess, out: Path, *more: str) -> Any:
    return run("export", "--url", server.url, "--admin-key", ADMIN_KEY, "--out", out, *more)


def test_a_server_is_exported_and_what_comes_makes_the_same_file(
    server: ServerProcess, tmp_path: Path
) -> None:
    out = tmp_path / "all.ndjson.gz"

    done = begin(server, out)

    assert done.exit_code == 0, done.output
    assert import_into(tmp_path / "new.db", out).exit_code == 0
    again = export(tmp_path / "new.db", tmp_path / "again.ndjson")
    assert again[1:] == lines_of(out)[1:]
    refused = run("export", "--url", server.url, "--admin-key", "x", "--out", tmp_path / "no")
    assert (refused.exit_code, "admin key" in refused.output.lower()) == (1, True)
    assert not (tmp_path / "no.partial").exists()


def test_an_export_whose_line_was_cut_goes_on_from_the_same_moment(
    server: ServerProcess, tmp_path: Path
) -> None:
    out = tmp_path / "all.ndjson"
    headers = {"X-Admin-Key": ADMIN_KEY}
    with urlopen(Request(f"{server.url}/api/v1/admin/export", headers=headers)) as answer:
        (tmp_path / "all.ndjson.partial").write_bytes(answer.read(300_000))
    add_job(server)

    done = until_free(lambda: begin(server, out, "--resume"))

    assert done.exit_code == 0, done.output
    assert json.loads(lines_of(out)[-1])["lines"]["job"] == 3_004
    assert import_into(tmp_path / "new.db", out).exit_code == 0
    gone = run("export", "--url", "http://127.0.0.1:1", "--admin-key", "k", "--out", tmp_path / "x")
    assert gone.exit_code == 3


def until_free(begin: Callable[[], Any]) -> Any:
    """The server sees at its next write that a caller has left."""
    until = time.monotonic() + SECONDS_MAX
    done = begin()
    while "under way" in done.output and time.monotonic() < until:
        done = begin()
    return done


def add_job(server: ServerProcess) -> None:
    request = Request(
        f"{server.url}/api/v1/jobs",
        data=b'{"queue_name":"q","payload":{}}',
        headers={"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"},
    )
    with urlopen(request) as answer:
        assert answer.status == 201


# As the command does it, and killed when so many lines were handed over.
KILLED: Final = """
import os, signal, sys
from pathlib import Path
from spooled_lite.exports import taking
from tests.exports.stage import importing
def kill(taken):
    if taken.lines >= int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
taking.LINES_AT_ONCE = 10
importing(Path(sys.argv[1]), Path(sys.argv[2]), resume=False, on_taken=kill)
"""


@pytest.mark.parametrize("lines", [20, 40])
def test_an_import_that_is_killed_by_the_system_goes_on(tmp_path: Path, lines: int) -> None:
    out, new = tmp_path / "all.ndjson", tmp_path / "new.db"
    before = export(a_file(tmp_path / "spooled.db"), out)

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(out), str(new), str(lines)],
        timeout=SECONDS_MAX,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert not new.exists()
    assert new.with_name("new.db.partial-import").exists()
    done = import_into(new, out, "--resume")

    assert done.exit_code == 0, done.output
    assert export(new, tmp_path / "again.ndjson")[1:] == before[1:]
