"""With `json_logs` every line that `serve` writes to its error output is JSON, even the first."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.config import ConfigFile, asks_for_json_logs
from tests.cli.test_serve import serve
from tests.server_process import API_KEY, ServerProcess

BROKEN = """
import sys, threading, warnings
from spooled_lite.cli import serve
from spooled_lite.cli.main import main

def broken(settings, *more, **others):
    warnings.warn("of a library")
    thread = threading.Thread(target=lambda: 1 // 0)
    thread.start()
    thread.join()
    raise ZeroDivisionError("of the server")

serve._serve = broken
main()
"""


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.slow
def test_every_line_of_a_run_is_json_and_no_secret_is_in_one(tmp_path: Path) -> None:
    with ServerProcess(
        tmp_path,
        json_logs="true",
        access_log="true",
        log_level="debug",
        databas="x",
        admin_key="of the admin alone",
    ) as server:
        server.start()
        asked = urllib.request.Request(f"{server.url}/nothing?key={API_KEY}")
        asked.add_header("x-admin-key", "of the admin alone")
        asked.add_header("x-request-id", "r-1")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(asked)
        assert server.stop() == 0

        lines = lines_of(server.log)

    assert "SPOOLED_DATABAS" in lines[0]["message"]
    assert "stopped" in lines[-1]["message"]
    [access] = [line for line in lines if line["logger"] == "spooled_lite.access"]
    assert (access["request_id"], access["status"]) == ("r-1", 404)
    assert access["path"] == "/nothing?key=***"
    assert API_KEY not in server.log
    assert "of the admin alone" not in server.log


@pytest.mark.slow
def test_an_end_by_an_error_is_json_too() -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "always", "-c", BROKEN, "serve", "--port", "0"],
        env={"SPOOLED_JSON_LOGS": "true", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    warned, thread, end = lines_of(ended.stderr)[-3:]
    assert "of a library" in warned["message"]
    assert "ZeroDivisionError" in thread["exception"]
    assert (end["message"], ended.returncode) == ("ended with an error", 1)
    assert "ZeroDivisionError: of the server" in end["exception"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("--prot", "0"), "--port"), (("--port", "x"), "--port"), (("--config", "/no/f"), "/no/f")],
)
def test_a_start_that_is_refused_says_why_in_json(arguments: tuple[str, ...], said: str) -> None:
    answer = serve(*arguments, SPOOLED_JSON_LOGS="true")

    [line] = lines_of(answer.stderr)
    assert answer.returncode == 2
    assert (line["level"], said in line["message"]) == ("critical", True)


@pytest.mark.parametrize(
    ("environ", "values", "asked"),
    [
        ({}, {}, False),
        ({"SPOOLED_JSON_LOGS": " TRUE "}, {}, True),
        ({"SPOOLED_JSON_LOGS": "1"}, {"json_logs": False}, True),
        ({"SPOOLED_JSON_LOGS": "no"}, {"json_logs": True}, False),
        ({"SPOOLED_JSON_LOGS": ""}, {"json_logs": True}, True),
        ({"SPOOLED_JSON_LOGS": "perhaps"}, {"json_logs": True}, False),
        ({}, {"json_logs": [3]}, False),
        ({"JSON_LOGS": "true"}, {}, False),
        ({"JSON_LOGS": "true", "SPOOLED_COMPAT_ENV": "on"}, {}, True),
        ({"JSON_LOGS": "true"}, {"compat_env": True}, True),
    ],
)
def test_the_form_of_the_log_is_known_before_the_settings_are_checked(
    environ: dict[str, str], values: dict[str, object], asked: bool
) -> None:
    file = ConfigFile("some.toml", values)

    assert asks_for_json_logs(environ=environ, file=file) is asked
