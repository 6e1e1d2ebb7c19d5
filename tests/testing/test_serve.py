"""`spooled-lite serve --test` as a process: equal runs, the clock over HTTP, and an end."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import Any, Final

import pytest

pytestmark = pytest.mark.slow

SECONDS_MAX: Final = 30.0
ENVIRON: Final = {k: v for k, v in os.environ.items() if not k.startswith("SPOOLED")}


def command(*arguments: str) -> list[str]:
    return [
        *(sys.executable, "-m", "spooled_lite", "serve", "--port", "0", "--grpc-port", "off"),
        *arguments,
    ]


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[tuple[dict[str, Any], Any]]:
    """What the ready file says, and the process."""
    ready = folder / "ready.json"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command("--ready-file", str(ready), "--exit-with-parent", *arguments),
            env=ENVIRON,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    try:
        until = time.monotonic() + SECONDS_MAX
        while not ready.exists():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until, "it hangs"
            time.sleep(0.01)
        yield json.loads(ready.read_bytes()), process
    finally:
        process.kill()
        process.communicate()


def call(about: dict[str, Any], path: str, body: Any = None) -> tuple[int, Message, bytes]:
    request = urllib.request.Request(
        about["url"] + path,
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {about['api_key']}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def played(folder: Path) -> list[tuple[int, list[tuple[str, str]], bytes]]:
    folder.mkdir()
    with serving(folder, "--test", "--seed", "7") as (about, process):
        answers = [
            call(about, path, body)
            for path, body in (
                ("/api/v1/jobs", {"queue_name": "emails", "payload": {"n": 1}}),
                ("/api/v1/jobs/claim", {"queue_name": "emails", "worker_id": "w"}),
                ("/api/v1/auth/login", {"api_key": about["api_key"]}),
                ("/api/v1/test/clock", None),
                ("/api/v1/jobs", None),
            )
        ]
        assert "mode" in json.loads(call(about, "/health")[2])
        moved = call(about, "/api/v1/test/clock/advance", {"by": "1d"})
        assert moved[1]["Date"] == "Wed, 02 Jan 2030 00:00:00 GMT"
        assert moved[1]["X-Spooled-Clock"] == "2030-01-02T00:00:00.000Z"
        assert moved[1]["X-Spooled-World"] == "root"
        assert len(moved[1].get_all("Date") or []) == 1
        answers.append(call(about, "/api/v1/jobs", None))
        process.stdin.close()
        assert process.wait(SECONDS_MAX) == 0, "its parent has gone"
    return [(status, headers.items(), body) for status, headers, body in answers]


def test_two_runs_with_one_seed_give_equal_bytes_and_end_with_their_parent(
    tmp_path: Path,
) -> None:
    one, two = played(tmp_path / "one"), played(tmp_path / "two")

    assert [status for status, *_ in one] == [201, 200, 200, 200, 200, 200]
    assert one == two
    assert not (tmp_path / "one" / "spooled.db").exists(), "its file is thrown away"


def test_without_the_flag_there_is_no_route_and_a_moved_file_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path, "--test", "--database", "moved.db"):
        pass
    (tmp_path / "ready.json").unlink()
    refused = subprocess.run(
        command("--database", "moved.db"),
        env=ENVIRON, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS_MAX,
        check=False,
    )  # fmt: skip
    assert (refused.returncode, "--test" in refused.stderr) == (1, True)

    with serving(tmp_path, "--database", "real.db") as (about, _):
        status, headers, body = call(about, "/api/v1/test/clock/advance", {"by": "1d"})
        assert (status, json.loads(body)["code"]) == (404, "NOT_FOUND")
        assert "X-Spooled-Clock" not in headers
        assert "mode" not in json.loads(call(about, "/health")[2])


@pytest.mark.parametrize(
    ("arguments", "environ", "said"),
    [
        (("--seed", "1"), {}, "only with --test"),
        (("--at", "2030-01-01T00:00:00Z"), {}, "only with --test"),
        (("--test", "--at", "tomorrow"), {}, "RFC 3339"),
        (("--test", "--at", "1969-12-31T23:59:59Z"), {}, "within the years 1970 to 9899"),
        (("--test", "--at", "9999-12-31T23:59:59Z"), {}, "within the years 1970 to 9899"),
        (("--test",), {"SPOOLED_ENVIRONMENT": "staging", "SPOOLED_JWT_SECRET": "x" * 9}, "staging"),
    ],
)
def test_flags_that_do_not_fit_are_refused(
    tmp_path: Path, arguments: tuple[str, ...], environ: dict[str, str], said: str
) -> None:
    answer = subprocess.run(
        command("--database", ":memory:", *arguments),
        env=ENVIRON | environ, cwd=tmp_path, capture_output=True, text=True,
        timeout=SECONDS_MAX, check=False,
    )  # fmt: skip

    assert answer.returncode == 2
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr
