"""Every command and program of the README, pasted as it stands there, against a real server."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.server_process import ServerProcess

pytestmark = pytest.mark.slow

README: Final = (Path(__file__).parent.parent.parent / "README.md").read_text()
BLOCKS: Final[list[tuple[str, str]]] = re.findall(r"```(sh|python)\n(.*?)```", README, re.DOTALL)
KEY: Final = "sk_test_three_minutes_0001"
SECONDS_MAX: Final = 60.0
# What installs, serves until it is stopped, or is a worker, is run in ways of its own.
NOT_PASTED: Final = re.compile(
    r"^(make |python3 -m venv|venv/bin|spooled-lite serve|python worker)"
)


def commands() -> list[str]:
    """The shell blocks, without lines that would not end or install something."""
    kept = (
        "\n".join(line for line in text.splitlines() if not NOT_PASTED.match(line))
        for kind, text in BLOCKS
        if kind == "sh"
    )
    return [text for text in kept if re.sub(r"(?m)^export .*$", "", text).strip()]


def program(name: str) -> str:
    [found] = [text for kind, text in BLOCKS if kind == "python" and f"# {name}" in text]
    return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path, grpc_port="auto", bootstrap_api_key=KEY) as it:
        it.start()
        yield it


def here(text: str, server: ServerProcess) -> str:
    """As if this server were the one at the usual addresses."""
    grpc_address = server.ready["grpc_address"]
    return text.replace("http://127.0.0.1:8080", server.url).replace(
        "127.0.0.1:50051", grpc_address
    )


def environ() -> dict[str, str]:
    ours = str(Path(sys.executable).parent)
    return {**os.environ, "SPOOLED_API_KEY": KEY, "PATH": f"{ours}:{os.environ['PATH']}"}


def run(text: str, server: ServerProcess) -> str:
    """One paste into one shell, in the folder of the database."""
    answer = subprocess.run(
        ["bash", "-uo", "pipefail", "-c", here(text, server)],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        cwd=Path(server.database).parent,
        env=environ(),
        check=False,
    )
    assert answer.stderr == ""
    return answer.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_every_command_does_what_it_says(server: ServerProcess) -> None:
    # In one shell: a block uses what the one before it has set.
    output = run("\n".join(commands()).replace("--max-time 3", "--max-time 1"), server)

    assert '"code"' not in output, output  # of an error
    assert '"success":true' in output
    assert "integrity and sums ok" in output  # of what was restored


def test_the_worker_works_and_ends_in_order_at_ctrl_c(server: ServerProcess) -> None:
    first = commands()[0]
    run(first, server)
    process = subprocess.Popen(
        [sys.executable, "-c", here(program("worker.py"), server)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ(),
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "sending to ada@example.com\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=SECONDS_MAX)
    finally:
        process.kill()
        process.wait()

    assert process.returncode == 0
    assert "Traceback" not in errors
    shown = run(
        'curl -s http://127.0.0.1:8080/api/v1/workers -H "Authorization: Bearer $SPOOLED_API_KEY"'
        '\ncurl -s "http://127.0.0.1:8080/api/v1/jobs?queue_name=emails"'
        ' -H "Authorization: Bearer $SPOOLED_API_KEY"',
        server,
    )
    assert '"healthy"' not in shown
    assert '"completed"' in shown


def test_the_stream_over_grpc_hands_out_and_settles(server: ServerProcess) -> None:
    run(commands()[0], server)
    settled = "curl -s http://127.0.0.1:8080/api/v1/queues/emails/stats"

    process = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            here(program("stream.py"), server) + "    print('settled', flush=True)\n",
        ],
        stdout=subprocess.PIPE,
        text=True,
        env=environ(),
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "settled\n"
    finally:
        process.kill()
        process.communicate()

    shown = run(f'{settled} -H "Authorization: Bearer $SPOOLED_API_KEY"', server)
    assert '"completed":1' in shown
