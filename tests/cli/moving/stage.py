"""A move between two worlds: the command, its ledger, and kills of it at any call."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from click.testing import Result

from spooled_lite.cli.answer import Answered
from spooled_lite.cli.client import Client
from spooled_lite.testing import World
from tests.cli.asking import ran

Moment = Literal["before", "after"]


class Killed(BaseException):
    """The mover is gone, as by a signal that it cannot catch."""


class Stage:
    def __init__(self, here: World, there: World, ledger: Path) -> None:
        self.here = here
        self.there = there
        self.ledger = ledger

    def __call__(self, step: str, *more: object, code: int = 0) -> Result:
        result = self.run(step, *more)
        assert result.exit_code == code, (result.output, result.exception)
        return result

    def run(self, step: str, *more: object, there: str | None = None, **environ: str) -> Result:
        keys = {
            "SPOOLED_URL": self.here.url,
            "SPOOLED_API_KEY": self.here.api_key,
            "SPOOLED_THERE_API_KEY": self.there.api_key,
        }
        return ran(
            *("migrate-to", there or self.there.url, f"--{step}", "--ledger", self.ledger, *more),
            **{**keys, **environ},
        )

    def lines(self, step: str) -> list[dict[str, Any]]:
        """The lines of the ledger about this step."""
        found = [json.loads(line) for line in self.ledger.read_text().splitlines()]
        return [line for line in found if line.get("step") == step]

    def names(self, world: World, path: str) -> list[str]:
        return sorted(each["name"] for each in world.call("GET", path))


@contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, call: int, moment: Moment) -> Iterator[list[str]]:
    """Kill the mover at its call of this number, before it is made or before its answer is read.
    Gives the calls that were made."""
    made: list[str] = []
    really = Client.ask

    def ask(self: Client, method: str, path: str, *rest: Any, **named: Any) -> Answered:
        if len(made) + 1 == call and moment == "before":
            raise Killed
        answer = really(self, method, path, *rest, **named)
        made.append(f"{method} {path}")
        if len(made) == call:
            raise Killed
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(Client, "ask", ask)
        yield made


def worked(world: World, queues: list[str], effects: Counter[Any]) -> None:
    """Do every job of these queues that can be claimed now; each leaves an effect: its payload."""
    for queue in queues:
        while jobs := world.call(
            "POST", "/jobs/claim", {"queue_name": queue, "worker_id": "w", "limit": 50}
        )["jobs"]:
            for job in jobs:
                effects[json.dumps(job["payload"])] += 1
                body = {"worker_id": "w", "lease_id": job["lease_id"]}
                world.call("POST", f"/jobs/{job['id']}/complete", body)


def dead_letter(stage: Stage, queue: str, payload: Any = None) -> str:
    here = stage.here
    body = {"queue_name": queue, "payload": payload, "max_retries": 0, "priority": 100}
    made = here.call("POST", "/jobs", body)
    [job] = here.call("POST", "/jobs/claim", {"queue_name": queue, "worker_id": "w"})["jobs"]
    failed = {"worker_id": "w", "lease_id": job["lease_id"], "error": "declined"}
    here.call("POST", f"/jobs/{made['id']}/fail", failed)
    return str(made["id"])
