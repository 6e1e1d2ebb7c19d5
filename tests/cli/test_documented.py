"""The examples of docs/command-line.md do what they are there for."""

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from spooled_lite.cli.main import COMMANDS
from spooled_lite.testing import Server
from tests.cli.asking import ran

TEXT: Final = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()
# Beside commands the examples have `echo '…' |` in front of one, for its standard input.
EXAMPLE: Final = re.compile(r"^(?:echo (?P<given>'.*') \| )?spooled-lite (?P<command>.*)$", re.M)
ASK_A_SERVER: Final = frozenset(
    {
        "jobs",
        "queues",
        "dlq",
        "schedules",
        "workflows",
        "webhooks",
        "workers",
        "keys",
        "orgs",
        "messages",
        "topics",
        "inbox",
        "tasks",
        "flows",
    }
)


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", TEXT, re.M | re.S)


@pytest.mark.slow
def test_the_examples_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkout.json").write_text(blocks("json")[0])
    seen = set()

    with Server(clock="real") as server:
        environ = {
            "SPOOLED_URL": server.url,
            "SPOOLED_API_KEY": server.api_key,
            "SPOOLED_ADMIN_KEY": server.admin_key or "",
        }
        for example in EXAMPLE.finditer("".join(blocks("sh"))):
            arguments = shlex.split(example["command"])
            given = "".join(shlex.split(example["given"] or ""))
            told = ran(*arguments, given=given, **environ)

            assert told.exit_code == 0, f"{example[0]}\n{told.output}"
            seen.add(arguments[0])

    assert (tmp_path / "job.json").read_text() == '{"file": "a.png"}\n'
    assert seen == ASK_A_SERVER <= set(COMMANDS)


def test_every_line_of_the_examples_is_one_that_is_run() -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines()]

    assert [line for line in lines if not EXAMPLE.match(line)] == [
        "export SPOOLED_URL=http://127.0.0.1:8080",
        "export SPOOLED_API_KEY_FILE=spooled.db.key",
    ]
