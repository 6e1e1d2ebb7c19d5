"""`spooled-lite jobs run`: what a command of the shell makes of jobs."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from spooled_lite.cli.client import Client
from spooled_lite.cli.job_run import drained_by_signals
from spooled_lite.cli.worker import attempt, child, run
from spooled_lite.cli.worker.lease import Lease
from tests.cli.asking import Asking, Said, answering, ran
from tests.cli.test_jobs import status

SECONDS_MAX: Final = 60.0  # for anything that is waited for


def once(ask: Asking, command: str, *more: object, code: int = 0) -> dict[str, Any]:
    """Do one job and give what was said of it."""
    told = ask("jobs", "run", "emails", "--exec", command, "--once", "--json", *more, code=code)
    outcome: dict[str, Any] = json.loads(told.stdout)
    return outcome


class Pipe:
    """A named pipe between a command and its test, which never waits for it without an end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self._end = os.open(path, os.O_RDWR)  # does not wait for another end

    def __str__(self) -> str:
        return str(self.path)

    def wait(self, lines: int = 1) -> None:
        """Until the command has written as many lines."""
        seen = b""
        while seen.count(b"\n") < lines:
            assert select.select([self._end], [], [], SECONDS_MAX)[0], "it did not begin"
            seen += os.read(self._end, 1)

    def let_go(self, count: int = 1) -> None:
        """For `head -c 1`, as often."""
        os.write(self._end, b"x" * count)


@pytest.fixture
def began(tmp_path: Path) -> Pipe:
    return Pipe(tmp_path / "began")


@pytest.fixture
def go_on(tmp_path: Path) -> Pipe:
    return Pipe(tmp_path / "go-on")


def result(ask: Asking, job_id: str) -> Any:
    return ask.json("jobs", "get", job_id)["result"]


def test_the_payload_is_given_and_the_output_is_the_result(ask: Asking) -> None:
    payload = '{"n": 123456789012345678901234567890.50, "t": "\u00e9"}'
    [job_id] = ask.lines("jobs", "create", "emails", payload)

    told = once(ask, "cat")

    assert f'"result":{payload},' in ask("jobs", "get", job_id, "--json").stdout
    assert (told["id"], told["outcome"], told["exit_status"]) == (job_id, "completed", 0)
    assert status(ask, job_id) == "completed"


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        ("true", None),
        ("echo done", "done"),
        ("echo '  two'; echo lines", "  two\nlines"),
        ("printf '[1, 2]'", [1, 2]),
        (r"printf 'a\377b\0c\033[2J'", "a\ufffdb\ufffdc\x1b[2J"),
        ("echo 1e999", "1e999"),  # JSON that the server refuses is kept as text
        ("cat >/dev/null; echo '\"x\"'", "x"),
    ],
)
def test_an_output_is_json_or_text(ask: Asking, command: str, kept: Any) -> None:
    job_id = ask.job()

    once(ask, command)

    assert result(ask, job_id) == kept


def test_the_environment_says_which_job_it_is(ask: Asking) -> None:
    job_id = ask.job(max_retries=4)

    names = ("JOB_ID", "JOB_QUEUE", "JOB_ATTEMPT", "JOB_MAX_RETRIES", "URL")
    shown = " ".join(f"$SPOOLED_{name}" for name in names)
    once(ask, f'echo "{shown}"; test -n "$SPOOLED_JOB_LEASE_ID"')

    assert result(ask, job_id) == f"{job_id} emails 1 4 {ask.world.url}"


def test_an_exit_status_fails_the_attempt_with_the_end_of_the_complaint(ask: Asking) -> None:
    job_id = ask.job(max_retries=1)
    complain = f'{sys.executable} -c \'import sys; sys.stderr.write("x" * 50_000 + " no room\\n")\''

    told = once(ask, f"{complain}; exit 3", code=1)

    assert (told["outcome"], told["exit_status"]) == ("failed", 3)
    assert told["told"].startswith("exit status 3; tried again in ")
    error = ask.json("jobs", "get", job_id)["last_error"]
    assert error.endswith("xxx no room\nexit status 3")
    assert len(error) == attempt.ERROR_CHARS_MAX
    assert status(ask, job_id) == "pending"


def test_a_command_that_a_signal_ends_has_failed(ask: Asking) -> None:
    job_id = ask.job(max_retries=0)

    told = once(ask, "kill -9 $$", code=1)

    assert (told["exit_status"], told["told"]) == (-9, "killed by signal 9; no more retries")
    assert ask.json("jobs", "get", job_id)["last_error"] == "killed by signal 9"


def test_a_command_that_does_not_exist_fails_the_attempt(ask: Asking) -> None:
    job_id = ask.job(max_retries=0)

    once(ask, "no-such-command-here", code=1)

    assert "exit status 127" in ask.json("jobs", "get", job_id)["last_error"]


def test_a_command_need_not_read_its_input(ask: Asking) -> None:
    job_id = ask.job(payload="x" * 500_000)

    once(ask, "exec <&-; true")

    assert status(ask, job_id) == "completed"


def test_an_output_beyond_the_bound_is_cut_and_never_keeps_the_command_from_its_end(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "OUTPUT_BYTES_MAX", 1_000)
    job_id = ask.job()

    told = once(ask, "head -c 3000000 /dev/zero | tr '\\0' '\\001'")

    assert told["told"] == "the output was too long; its beginning is kept"
    assert result(ask, job_id) == "\x01" * 1_000


def test_a_text_is_cut_to_what_a_server_takes_as_json() -> None:
    text = attempt._as_text(b"\x01" * 1_048_576 + b"\0")

    assert attempt.RESULT_BYTES_MAX - 6 < len(json.dumps(text)) <= attempt.RESULT_BYTES_MAX


def test_a_process_in_the_background_does_not_keep_a_job_from_its_end(
    ask: Asking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "LEFT_SECONDS", 0.05)
    job_id, pid = ask.job(), tmp_path / "pid"

    once(ask, f"sleep 600 & echo $! > {pid}; echo done")
    os.kill(int(pid.read_text()), signal.SIGKILL)

    assert result(ask, job_id) == "done"


@pytest.mark.slow
def test_the_time_out_of_a_job_stops_its_command_and_all_that_it_started(
    ask: Asking, tmp_path: Path
) -> None:
    job_id, pid = ask.job(timeout_seconds=1, max_retries=0), tmp_path / "pid"

    told = once(ask, f"sleep 600 & echo $! > {pid}; wait", code=1)

    assert told["told"] == "timed out after 1 s (killed by signal 15); no more retries"
    assert ask.json("jobs", "get", job_id)["last_error"].startswith("timed out after 1 s")
    assert is_gone(int(pid.read_text()))


def is_gone(pid: int) -> bool:
    """Whether a process has ended, also when nobody has asked how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_lost_lease_stops_the_command_and_nothing_is_told_of_it(
    ask: Asking, began: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spooled_lite.cli.worker.lease.RENEWALS", 3_000)  # 10 ms between renewals
    job_id = ask.job()

    def take_it_away() -> None:
        began.wait()
        ask.world.clock.advance("1m")  # the lease has ended: the job waits again

    thread = threading.Thread(target=take_it_away)
    thread.start()
    told = once(ask, f"echo x > {began}; sleep 600; echo done", code=1)
    thread.join(SECONDS_MAX)

    assert told["outcome"] == "lost"
    assert told["exit_status"] == -15
    assert "(LEASE_EXPIRED)" in told["told"]
    job = ask.json("jobs", "get", job_id)
    assert (job["status"], job["result"], job["retry_count"]) == ("pending", None, 1)


def test_a_lease_is_renewed_for_as_long_as_the_command_runs(
    ask: Asking, began: Pipe, go_on: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spooled_lite.cli.worker.lease.RENEWALS", 3_000)
    job_id = ask.job()

    def let_time_pass() -> None:
        began.wait()
        until = time.monotonic() + SECONDS_MAX
        before = ask.json("jobs", "get", job_id)["lease_expires_at"]
        for _ in range(3):
            ask.world.clock.advance("20s")
            while (now := ask.json("jobs", "get", job_id)["lease_expires_at"]) == before:
                if time.monotonic() > until:
                    break
            before = now
        go_on.let_go()

    thread = threading.Thread(target=let_time_pass)
    thread.start()
    told = once(ask, f"echo > {began}; head -c 1 {go_on}")
    thread.join(SECONDS_MAX)

    assert (told["outcome"], result(ask, job_id)) == ("completed", "x")


def test_where_no_job_is_there_once_says_so(ask: Asking) -> None:
    said = ask("jobs", "run", "emails", "--exec", "true", "--once")

    assert said.stdout == ""
    assert said.stderr.splitlines()[-1] == "No job is there."
    ask.job()
    hinted = ask("jobs", "run", "emials", "--exec", "true", "--once").stderr
    assert hinted.startswith("There is no queue emials yet. Did you mean 'emails'?\n")


def test_a_refusal_ends_the_worker_and_a_server_in_trouble_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run, "TROUBLE_SECONDS", (0.0,))
    queue, trouble = Said({"queue_name": "emails"}), Said({"message": "Full", "code": "X"}, 503)
    refused = Said({"message": "No", "code": "ACCESS_DENIED"}, 403)
    with answering(queue, Said({"id": "w"}), trouble, trouble, refused) as (url, asked):
        told = ran("jobs", "run", "emails", "--exec", "true", "--url", url, "--api-key", "sk_a")

    assert told.exit_code == 1
    assert told.stderr == "Full (X); trying again\nError: No (ACCESS_DENIED)\n"
    assert asked.count("POST /api/v1/jobs/claim") == 3


def test_a_lease_that_cannot_be_renewed_is_lost_when_it_ends() -> None:
    lost = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    with Client(url, {}) as client:
        began = time.monotonic() - 29.8
        lease = Lease(client, "j", {}, seconds=30, began=began, on_lost=lost.set)
        assert lost.wait(SECONDS_MAX)

    assert lease.lost_because is not None
    assert "could not be reached for as long as the lease lasts" in lease.lost_because


def test_a_settlement_is_told_until_it_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "TELL_PAUSE_SECONDS", 0)
    monkeypatch.setattr(attempt, "TELL_PAUSE_SECONDS_MAX", 0.01)  # whatever the server asks for
    job = {"id": "j", "lease_id": "l", "queue_name": "emails", "payload": 1}
    trouble, done = (
        Said({"message": "Full", "code": "X"}, 503),
        {"message": "Job is already completed"},
    )
    hours = Said({"message": "Later", "code": "X"}, 429, Retry_After="9999")
    answers = (
        *(Said({}), Said({"jobs": [job]}), trouble, hours),
        *(Said(b"<html>", 502), Said(done, 409)),
    )
    with answering(*answers) as (url, asked):
        told = ran("jobs", "run", "emails", "--exec", "true", "--once", "--json",
                   "--url", url, "--api-key", "sk_a")  # fmt: skip

    assert json.loads(told.stdout)["outcome"] == "completed"
    assert asked[-4:] == ["POST /api/v1/jobs/j/complete"] * 4


@contextmanager
def running(ask: Asking, *arguments: str, **more: Any) -> Iterator[subprocess.Popen[str]]:
    """A worker in a process of its own."""
    environment = {
        **os.environ, "SPOOLED_URL": ask.world.url, "SPOOLED_API_KEY": ask.world.api_key
    }  # fmt: skip
    command = [sys.executable, "-m", "spooled_lite", "jobs", "run", "emails", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    process = subprocess.Popen(command, env=environment, text=True, **pipes)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=SECONDS_MAX)


@pytest.mark.slow
def test_sigterm_lets_jobs_end_and_takes_no_more(ask: Asking, began: Pipe, go_on: Pipe) -> None:
    first = ask.job()

    with running(ask, "--exec", f"echo > {began}; head -c 1 {go_on}") as process:
        began.wait()
        second = ask.job()
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert "Taking no more jobs" in process.stderr.readline()
        go_on.let_go()
        output, _ = process.communicate(timeout=SECONDS_MAX)

    assert process.returncode == 0
    assert f"completed  {first}" in output
    assert (status(ask, first), status(ask, second)) == ("completed", "pending")
    [worker] = ask.things("workers", "list")
    assert worker["status"] == "offline"


@pytest.mark.slow
def test_sigterm_ends_a_worker_that_waits_for_a_job(ask: Asking) -> None:
    ask.job()

    with running(ask, "--exec", "true") as process:
        assert process.stdout is not None
        assert "completed" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS_MAX)

    assert process.returncode == 0


@pytest.mark.slow
def test_jobs_that_do_not_end_in_time_are_stopped(ask: Asking, began: Pipe) -> None:
    job_id = ask.job(max_retries=0)

    with running(ask, "--exec", f"echo > {began}; sleep 600", "--grace", "0.1") as process:
        began.wait()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS_MAX)

    assert process.returncode == 0
    error = ask.json("jobs", "get", job_id)["last_error"]
    assert error == "the worker stops (killed by signal 15)"


@pytest.mark.slow
def test_a_worker_whose_output_nobody_reads_takes_no_more_jobs(
    ask: Asking,
) -> None:
    read, write = os.pipe()
    os.close(read)
    job_id = ask.job()

    with running(ask, "--exec", "true", stdout=write) as process:
        os.close(write)
        process.communicate(timeout=SECONDS_MAX)

    assert process.returncode == 1
    assert status(ask, job_id) == "completed"


@pytest.mark.slow
def test_as_many_jobs_run_at_once_as_is_said(ask: Asking, began: Pipe, go_on: Pipe) -> None:
    jobs = [ask.job() for _ in range(3)]

    command = f"echo > {began}; head -c 1 {go_on}"
    with running(ask, "--exec", command, "--concurrency", "2") as process:
        began.wait(lines=2)
        assert [status(ask, each) for each in jobs] == ["processing", "processing", "pending"]
        go_on.let_go(3)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in jobs]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS_MAX)

    assert all("completed" in line for line in lines)


def test_a_signal_is_heeded_whichever_thread_the_system_gives_it_to() -> None:
    assert threading.current_thread() is threading.main_thread(), "else it would end the run"
    drained, stopped = threading.Event(), threading.Event()

    class Watched:
        def drain(self) -> None:
            drained.set()

        def stop(self) -> None:
            stopped.set()

    def receive() -> None:
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        drained.wait(SECONDS_MAX)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    with drained_by_signals(Watched()):
        threading.Thread(target=receive).start()
        # The main thread waits for a lock, as a worker does that has no place free.
        assert stopped.wait(SECONDS_MAX)


def test_a_command_that_does_not_heed_its_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "STOP_SECONDS", 0.05)
    has_begun = threading.Event()
    deaf = child.Child(
        "trap '' TERM; echo begun >&2; while true; do sleep 600; done",
        b"",
        {},
        on_complaint=lambda _: has_begun.set(),
    )
    assert has_begun.wait(SECONDS_MAX)

    deaf.stop()

    assert deaf.wait().status == -signal.SIGKILL
