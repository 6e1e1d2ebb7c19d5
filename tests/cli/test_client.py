"""What all commands that ask a server share: address, key, refusals, pages, other servers."""

import io
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from spooled_lite.cli import client as client_module
from spooled_lite.cli.client import Client, path_of
from spooled_lite.cli.things import print_line
from tests.cli.asking import Asking, Said, answering, ran

WORKER = {
    "id": "w-1",
    "status": "healthy",
    "current_jobs": 1,
    "max_concurrency": 4,
    "last_heartbeat": "2026-01-01T00:00:00Z",
    "queue_names": ["a"],
    "hostname": "host",
    "worker_type": None,
}


def workers(url: str, *more: object, code: int = 0, **environ: str) -> str:
    result = ran("workers", "list", "--url", url, *more, **{"SPOOLED_API_KEY": "sk_a", **environ})
    assert result.exit_code == code, result.output
    return result.output


def test_the_address_and_the_key_come_from_the_environment_or_the_command_line(
    ask: Asking, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text(f"{ask.world.api_key}\n")
    url, wrong = ask.world.url, "sk_test_wrong"

    said = [
        ran("workers", "list", SPOOLED_URL=url, SPOOLED_API_KEY=ask.world.api_key),
        ran("workers", "list", "--url", url, SPOOLED_API_KEY_FILE=str(key)),
        ran("workers", "list", "--url", url, "--api-key-file", key, SPOOLED_API_KEY=wrong),
        ran("workers", "list", "--url", f"{url}/", "--api-key", ask.world.api_key,
            SPOOLED_API_KEY_FILE=str(key)),
    ]  # fmt: skip

    assert [each.output for each in said] == ["No workers.\n"] * 4
    refused = ran("workers", "list", "--url", url, "--api-key", wrong)
    assert refused.exit_code == 1
    assert "Error: " in refused.stderr
    assert "(UNAUTHORIZED)" in refused.stderr
    assert wrong not in refused.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "there is no API key: set SPOOLED_API_KEY or SPOOLED_API_KEY_FILE"),
        (("--api-key", "sk_secret with blanks"), "--api-key: it holds no API key"),
        (("--api-key", "sk_secrét"), "--api-key: it holds no API key"),
        (("--api-key", "sk_secret\r\nHost: x"), "--api-key: it holds no API key"),
        (("--api-key-file", "/nowhere/key"), "/nowhere/key cannot be read: No such file"),
        (("--api-key", "sk_a", "--url", "ftp://x"), "--url: ftp://x is no http or https"),
        (("--api-key", "sk_a", "--url", "http://x:99999"), "is no http or https address"),
        (("--api-key", "sk_a", "--url", "http://me:sk_secret@x"), "has a name or a password in it"),
        (("--api-key", "sk_a", "--url", "http://x/?a=b"), "is no http or https address"),
        (("--api-key", "sk_a", "--limit", "0"), "--limit"),
        (("--api-key", "sk_a", "--limt", "1"), "Did you mean '--limit'?"),
        (("--api-key", "sk_a", "--status", "healty"), "'healthy'"),
    ],
)
def test_what_is_wrong_on_the_command_line_is_said_with_code_2(
    arguments: tuple[str, ...], said: str
) -> None:
    result = ran("workers", "list", *arguments)

    assert result.exit_code == 2
    assert said in result.output
    assert "secr" not in result.output


def test_a_misspelled_command_of_a_group_is_told_the_nearest_one() -> None:
    result = ran("workers", "lits")

    assert result.exit_code == 2
    assert "Did you mean 'list'?" in result.output


def test_a_refusal_is_told_in_the_words_of_the_server_with_its_details() -> None:
    problems = [
        {"field": "a", "message": "Field `a` is too long", "code": "length"},
        {"field": "b", "message": "Field `b` is missing", "code": "missing"},
    ]
    body = {"code": "VALIDATION_ERROR", "message": "Field `a` is too long", "details": problems}
    with answering(Said(body, 422)) as (url, _):
        assert workers(url, code=1) == (
            "Error: Field `a` is too long (VALIDATION_ERROR)\n  Field `b` is missing\n"
        )
    quota = {"code": "QUOTA_EXCEEDED", "message": "Too many", "details": {"limit": 5, "plan": "x"}}
    with answering(Said(quota, 429)) as (url, _):
        assert workers(url, code=1) == ("Error: Too many (QUOTA_EXCEEDED)\n  limit: 5\n  plan: x\n")


def test_where_nobody_listens_the_code_is_3() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    said = workers(f"http://127.0.0.1:{port}", code=3)

    assert said == f"Error: http://127.0.0.1:{port} cannot be reached: Connection refused\n"


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (Said(b"<html>"), 3, "is not Spooled"),
        (Said(b""), 3, "is not Spooled"),
        (Said({"a": 1}), 3, "is not Spooled"),
        (Said([1]), 3, "is not Spooled"),
        (Said(b"[" * 100_000), 3, "is not Spooled"),
        (Said(b"", 302, location="http://else/\x9b2J"), 3, r"sends to http://else/\x9b2J"),
        (Said(b"<html>", 502), 3, "nobody seems to be behind this address"),
        (Said(b"<html>", 404), 1, "is --url right?"),
        (Said([], 500), 1, "is --url right?"),
        (Said({"message": {}, "code": 5}, 500), 1, "is --url right?"),
        (Said({"message": "No room", "code": 5, "details": 7}, 503), 1, "Error: No room\n"),
    ],
)
def test_other_servers_are_told_apart(answer: Said, code: int, said: str) -> None:
    with answering(answer) as (url, _):
        assert said in workers(url, code=code)


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spooled_lite.cli.answer.ANSWER_BYTES_MAX", 2**20)
    with answering(Said(b" " * 2**21)) as (url, _):
        assert "the answer is longer than 1 MiB" in workers(url, code=3)


def test_a_server_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "ANSWER_SECONDS_MAX", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        said = workers(f"http://127.0.0.1:{listener.getsockname()[1]}", code=3)

    assert "no answer in time; it may have been done all the same" in said


def test_what_a_server_says_never_moves_the_terminal() -> None:
    hostile = "\x1b[2J\x9b31m\r\n\u202e\x07\u2028x"
    error = {"message": f"a{hostile}", "code": hostile, "details": {hostile: hostile}}
    worker = WORKER | dict.fromkeys(("id", "hostname", "status", "last_heartbeat"), hostile)
    with answering(Said(error, 400), Said([worker | {"queue_names": [hostile]}])) as (url, _):
        refused, listed = workers(url, code=1), workers(url)

    assert all(character.isprintable() for character in (refused + listed).replace("\n", ""))
    assert r"\x1b[2J\x9b31m\r\n\u202e\x07\u2028x" in listed
    assert len(listed.splitlines()) == 2


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def test_json_is_the_answer_byte_for_byte_but_for_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    thing = '{"id": "\x7f\u202eé", "n": 1.50e3, "m": 123456789012345678901234567890}'
    with answering(Said(f"[{thing}, {{\n}}]".encode())) as (url, _):
        piped = workers(url, "--json")
        output = io.BytesIO()
        terminal = Terminal(output, encoding="utf-8")
        monkeypatch.setattr("sys.stdout", terminal)
        with Client(url, {}) as client:
            for each in client.things("/workers", {}, None):
                print_line(each)
        terminal.flush()
        monkeypatch.undo()

    assert piped == f"{thing}\n{{}}\n"
    shown = output.getvalue().decode()
    assert shown.splitlines()[0] == thing.replace("\x7f", r"\u007f").replace("\u202e", r"\u202e")
    assert json.loads(shown.splitlines()[0]) == json.loads(thing)


def pages(*lists: list[Any], **more: object) -> Iterator[Said]:
    for at, page in enumerate(lists):
        yield Said(page, x_has_more="true" if at + 1 < len(lists) else "false")


def things(url: str, limit: int | None = None, *, is_frozen: bool = False) -> list[Any]:
    with Client(url, {}) as client:
        found = client.things("/jobs", {}, limit, is_frozen=is_frozen)
        return [json.loads(bytes(each)) for each in found]


def test_all_pages_are_asked_for_and_what_moved_on_is_told_once() -> None:
    with answering(*pages([1, 2], [2, 3], [4])) as (url, asked):
        assert things(url) == [1, 2, 3, 4]

    assert [path.partition("?")[2] for path in asked] == [
        "limit=100&offset=0", "limit=100&offset=2", "limit=100&offset=4"
    ]  # fmt: skip


def test_no_more_is_asked_for_than_the_limit() -> None:
    with answering(*pages(list(range(100)), list(range(100, 200)))) as (url, asked):
        assert things(url, 101) == list(range(101))

    assert asked[1].endswith("?limit=1&offset=100")


def test_a_list_without_pages_is_told_once() -> None:
    with answering(Said(list(range(100)))) as (url, asked):
        assert things(url) == list(range(100))
        assert things(url, 7) == list(range(7))

    assert len(asked) == 3


def test_jobs_that_come_while_they_are_listed_do_not_keep_it_from_ending() -> None:
    first = {"id": "b", "created_at": "2026-10-01T09:00:00.123Z"}
    with answering(*pages([first], [{"id": "a"}])) as (url, asked):
        things(url, is_frozen=True)

    assert "created_before=2026-10-01T09%3A00%3A00.124Z" in asked[1]


def test_a_limit_of_requests_is_waited_for_in_the_middle_of_a_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    slow_down = Said({"message": "Slow down", "code": "X"}, 429, retry_after="3")
    with answering(slow_down, *pages([1])) as (url, _):
        assert things(url) == [1]
    with answering(slow_down) as (url, asked):
        assert "Slow down (X)\n  try again in 3 s" in workers(url, code=1)

    assert waits == [3, *[3] * (len(asked) - 1)]


def test_a_path_holds_whatever_an_id_is_made_of() -> None:
    assert path_of("queues", "a/b?c#é") == "/queues/a%2Fb%3Fc%23%C3%A9"
    for bad in ("", ".", ".."):
        with pytest.raises(click.UsageError, match="names nothing"):
            path_of("queues", bad)


@pytest.mark.parametrize(
    "arguments",
    [("jobs", "get", "\udcff"), ("jobs", "list", "--tag", "\udcff"), ("jobs", "create", "\udcff")],
)
def test_an_argument_that_is_no_utf_8_is_refused(arguments: tuple[str, ...]) -> None:
    result = ran(*arguments, "--api-key", "sk_a")

    assert result.exit_code == 2
    assert "an argument is not UTF-8" in result.output


def test_the_start_of_the_server_loads_nothing_of_the_commands_that_ask_one() -> None:
    code = "import sys, spooled_lite.cli.main, spooled_lite.cli.serve; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = set(told.stdout.split())
    assert {"httpx", "spooled_lite.cli.client", "spooled_lite.cli.jobs"} & loaded == set()


def test_a_time_at_the_end_of_all_times_is_shown() -> None:
    job = {"id": "a", "queue_name": "q", "created_at": "9999-12-31T23:59:59.999Z"}
    with answering(*pages([job])) as (url, _):
        result = ran("jobs", "list", "--url", url, SPOOLED_API_KEY="sk_a")

    assert result.exit_code == 0, result.exception
    assert "  in 2,9" in result.output
