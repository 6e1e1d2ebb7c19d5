"""Plays a script of calls to a server of its own, and tells what it answered, byte for byte.

python golden/play.py > golden/answers.txt    # when they are meant to change
"""

import http.client
import json
import re
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from spooled_lite.testing import Server

SCRIPT: Final = Path(__file__).with_name("script.txt")
ANSWERS: Final = Path(__file__).with_name("answers.txt")
SEED: Final = 7

_REFERENCE: Final = re.compile(r"\{(\w+(?:\.\w+)+)\}")
# Real time is the machine's, and the length of what tells it.
_REAL_TIME: Final = re.compile(rb'"(real_ms|duration_ms)":[0-9.e+-]+')
_LENGTH: Final = "content-length"


def played(script: str) -> bytes:
    lines = (each.strip() for each in script.splitlines())
    with Server(seed=SEED) as server:
        answers: dict[str, Any] = {}
        return b"\n".join(
            _answer(server, line, answers) for line in lines if line and not line.startswith("#")
        )


def _answer(server: Server, line: str, answers: dict[str, Any]) -> bytes:
    """One call after the other: what requests at once do is promised to nobody."""
    name, _, call = line.partition(":")
    asked = _REFERENCE.sub(lambda found: _member(answers, found[1]), call.strip())
    method, path, body = [*asked.split(" ", 2), ""][:3]
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    headers = {"Authorization": f"Bearer {server.api_key}", "Content-Type": "application/json"}
    connection.request(method, f"/api/v1{path}", body.encode() or None, headers)
    answer = connection.getresponse()
    raw = answer.read()
    connection.close()
    answers[name] = json.loads(raw)
    told = [f"{key}: {value}" for key, value in answer.getheaders() if key.lower() != _LENGTH]
    first = "\n".join([f"{name}: {method} {path}", str(answer.status), *told, ""])
    return first.encode() + _REAL_TIME.sub(rb'"\1":0', raw) + b"\n"


def _member(answers: dict[str, Any], path: str) -> str:
    found: Any = answers
    for each in path.split("."):
        found = found[int(each)] if isinstance(found, list) else found[each]
    return str(found)


if __name__ == "__main__":
    sys.stdout.buffer.write(played(SCRIPT.read_text(encoding="utf-8")))
