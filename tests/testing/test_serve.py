"""`spooled-lite serve --test` as a process: equal runs, the clock over HTTP, and an end."""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from email.message import Message
from pathlib import Path
from types import MappingProxyType
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
def serving(
    folder: Path, *arguments: str, environ: Mapping[str, str] = MappingProxyType({})
) -> Iterator[tuple[dict[str, Any], Any]]:
    """What the ready file says, and the process."""
    ready = folder / "ready.json"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command("--ready-file", str(ready), "--exit-with-parent", *arguments),
            env=ENVIRON | dict(environ),
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


LOGIN: Final = {"api_key": "the one of the world"}
Answers = list[tuple[int, list[tuple[str, str]], bytes]]

SCRIPT: Final[list[tuple[str, Any]]] = [
    ("jobs", {"queue_name": "emails", "payload": {"n": 1}, "max_retries": 2}),
    ("jobs", {"queue_name": "emails", "payload": {"n": 2}, "delay_seconds": 90}),
    ("jobs/claim", {"queue_name": "emails", "worker_id": "w"}),
    ("jobs/claim", {"queue_name": "emails", "worker_id": "w"}),
    ("auth/login", LOGIN),
    ("schedules", {
        "name": "s", "cron_expression": "30 2 * * *", "timezone": "America/New_York",
        "queue_name": "reports", "payload_template": {}}),
    ("workflows", {"name": "w", "jobs": [
        {"key": "a", "queue_name": "steps", "payload": {}},
        {"key": "b", "queue_name": "steps", "payload": {}, "depends_on": ["a"]}]}),
    ("outgoing-webhooks", {
        "name": "h", "url": "https://inbox.test/h", "events": ["job.created", "job.failed"]}),
    ("test/clock", None),
    ("MOVE", {"by": "1d"}),
    ("jobs/claim", {"queue_name": "emails", "worker_id": "w", "limit": 5}),
    ("jobs/claim", {"queue_name": "reports", "worker_id": "w"}),
    ("MOVE", {"by": "2d"}),
    ("jobs", None), ("workflows", None), ("events/log", None),
    ("test/journal?kind=event,step,delivery", None), ("test/inbox/webhooks", None),
]  # fmt: skip


def played(folder: Path, *, is_busy: bool) -> Answers:
    """What a process answers to the script while another of its worlds is busy, or idle."""
    folder.mkdir()
    with serving(folder, "--test", "--seed", "7") as (about, process):
        fork = json.loads(call(about, "/api/v1/test/fork", {"name": "beside"})[2])
        with busy({**about, **fork}) if is_busy else nullcontext():
            answers = [
                answered(about, path, {"api_key": about["api_key"]} if body == LOGIN else body)
                for path, body in SCRIPT
            ]
        process.stdin.close()
        assert process.wait(SECONDS_MAX) == 0, "its parent has gone"
    return [each for each in answers if each is not None]


def answered(
    about: dict[str, Any], path: str, body: Any
) -> tuple[int, list[tuple[str, str]], bytes] | None:
    """None for a move, whose answer says how long it took."""
    if path != "MOVE":
        status, headers, content = call(about, f"/api/v1/{path}", body)
        return status, headers.items(), content
    status, headers, content = call(about, "/api/v1/test/clock/advance", body)
    assert status == 200, content
    assert headers["X-Spooled-Clock"] == json.loads(content)["now"]
    assert headers["X-Spooled-World"] == "root"
    assert len(headers.get_all("Date") or []) == 1
    return None


@contextmanager
def busy(about: dict[str, Any]) -> Iterator[None]:
    """Three callers of a world who never stop."""
    ended, rounds = threading.Event(), list[int]()

    def work(number: int) -> None:
        job = {"queue_name": "emails", "payload": {}, "delay_seconds": 60}
        while not ended.is_set():
            call(about, "/api/v1/jobs", job)
            call(about, "/api/v1/jobs/claim", {"queue_name": "emails", "worker_id": "w"})
            call(about, "/api/v1/test/clock/advance", {"by": "1h"})
            rounds.append(number)

    threads = [threading.Thread(target=work, args=(each,)) for each in range(3)]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        ended.set()
        for each in threads:
            each.join(SECONDS_MAX)
        assert len(rounds) > 3, "it was busy"


def test_two_runs_with_one_seed_give_equal_bytes_whatever_happens_in_other_worlds(
    tmp_path: Path,
) -> None:
    one = played(tmp_path / "one", is_busy=False)
    two = played(tmp_path / "two", is_busy=True)

    assert {status for status, *_ in one} == {200, 201}
    for first, second in zip(one, two, strict=True):
        assert first == second
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
    refused = subprocess.run(
        command("--test", "--database", "real.db"),
        env=ENVIRON, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS_MAX,
        check=False,
    )  # fmt: skip
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
    assert "test mode opens only" in refused.stderr


def test_a_server_for_people_loads_nothing_of_test_mode(tmp_path: Path) -> None:
    code = """
import asyncio, sys
import spooled_lite.cli.serve
from spooled_lite.app import running
from spooled_lite.config import Settings
from spooled_lite.serving import serving

async def main():
    settings = Settings(database=":memory:", port=0, grpc_port="off")
    async with running(settings) as app, serving(app) as server:
        await server.stop(at_once=True)

asyncio.run(main())
print([name for name in sys.modules if name.startswith("spooled_lite.testing")])
"""
    told = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRON, cwd=tmp_path, capture_output=True, text=True,
        timeout=SECONDS_MAX, check=True,
    )  # fmt: skip
    assert told.stdout == "[]\n"


def test_a_server_for_people_loads_nothing_of_test_mode_and_wraps_no_handler() -> None:
    code = """
import asyncio, sys
import spooled_lite.cli.serve, spooled_lite.serving, spooled_lite.wire.grpc.server
from spooled_lite.app import running
from spooled_lite.config import Settings

async def main():
    async with running(Settings(database=":memory:", grpc_port="off")) as it:
        ours = [each for each in sys.modules if each.startswith("spooled_lite.testing")]
        print(it.services.around, ours)

asyncio.run(main())
"""
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env=ENVIRON, capture_output=True, text=True, timeout=SECONDS_MAX, check=True,
    )  # fmt: skip

    assert answer.stdout == "None []\n"


@pytest.mark.parametrize(
    ("arguments", "environ", "said"),
    [
        (("--seed", "1"), {}, "only with --test"),
        (("--at", "2030-01-01T00:00:00Z"), {}, "only with --test"),
        (("--seed-file", "seed.json"), {}, "only with --test"),
        (("--test", "--seed-file", "none.json"), {}, "No such file"),
        (("--test", "--seed-file", "bad.json"), {}, "`jobs[0].payload` is required"),
        (("--test", "--at", "tomorrow"), {}, "RFC 3339"),
        (("--test", "--at", "1969-12-31T23:59:59Z"), {}, "within the years 1970 to 9899"),
        (("--test", "--at", "9999-12-31T23:59:59Z"), {}, "within the years 1970 to 9899"),
        (("--test",), {"SPOOLED_ENVIRONMENT": "staging", "SPOOLED_JWT_SECRET": "x" * 9}, "staging"),
    ],
)
def test_flags_that_do_not_fit_are_refused(
    tmp_path: Path, arguments: tuple[str, ...], environ: dict[str, str], said: str
) -> None:
    (tmp_path / "bad.json").write_text('{"jobs": [{"queue_name": "q"}]}')
    answer = subprocess.run(
        command("--database", ":memory:", *arguments),
        env=ENVIRON | environ, cwd=tmp_path, capture_output=True, text=True,
        timeout=SECONDS_MAX, check=False,
    )  # fmt: skip

    assert answer.returncode == 2
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_server_begins_with_its_seed_file(tmp_path: Path) -> None:
    seed = {"keys": [{"name": "web"}], "jobs": [{"queue_name": "q", "payload": {}}]}
    (tmp_path / "seed.json").write_text(json.dumps(seed))
    with serving(tmp_path, "--test", "--seed", "7", "--seed-file", "seed.json") as (about, _):
        assert about["keys"].keys() == {"web"}
        about["api_key"] = about["keys"]["web"]
        assert len(json.loads(call(about, "/api/v1/jobs")[2])) == 1
    refused = subprocess.run(
        command("--test", "--seed-file", "seed.json", "--database", "lasts.db"),
        env=ENVIRON, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS_MAX,
        check=False,
    )  # fmt: skip
    assert refused.returncode == 2
    assert "--seed-file: a seed file goes with a database that is" in refused.stderr
    assert not (tmp_path / "lasts.db").exists()
