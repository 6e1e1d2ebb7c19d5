"""What all workloads share: how much is done, where the files are, and whose turn it is."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import click
from msgspec import Struct

from benchmarks import server
from benchmarks.seed import Contents, make_file
from benchmarks.server import ROOT, Server

T = TypeVar("T")

WARM_UP_SECONDS: Final = 1.0


class Scale(Struct, frozen=True, kw_only=True):
    rounds: int = 5
    seconds: float = 4.0  # of one load
    samples: int = 500  # of single requests
    starts: int = 7
    jobs: int = 1_000_000  # where a workload says "many"
    finished: int = 1_000_000  # what a claim has to look past
    waiting: int = 100_000  # delayed, and as many again that wait for a retry
    idle_seconds: float = 10.0
    schedules: int = 10_000  # due in one second


QUICK: Final = Scale(
    rounds=2,
    seconds=1.0,
    samples=60,
    starts=2,
    jobs=20_000,
    finished=20_000,
    waiting=2_000,
    idle_seconds=3.0,
    schedules=500,
)


class Bench:
    """One run of the workloads, in one folder."""

    def __init__(self, folder: Path, scale: Scale) -> None:
        self.folder = folder
        self.scale = scale

    @contextmanager
    def spooled_lite(
        self, name: str, contents: Contents | None = None, *, serves_grpc: bool = False
    ) -> Iterator[Server]:
        """The server on the file of this name, which is made when it is not there."""
        file = self.file(name, contents)
        with server.spooled_lite(self.folder, file, serves_grpc=serves_grpc) as started:
            yield started

    @contextmanager
    def baseline(self, name: str) -> Iterator[Server]:
        with server.baseline(self.folder, name) as started:
            yield started

    def file(self, name: str, contents: Contents | None = None) -> Path:
        path = self.folder / f"{name}.db"
        if not path.exists():
            self.say(f"making {path.name}")
            make_file(str(path), contents)
        return path

    def module(self, name: str, *arguments: str) -> bytes:
        """Run a module in a process of its own; what it prints."""
        command = [sys.executable, "-m", name, *arguments]
        return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout

    def turn_about(self, contenders: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
        """Measure each in turn, round after round, so that the machine's moods hit all alike."""
        results: dict[str, list[T]] = {name: [] for name in contenders}
        for number in range(self.scale.rounds):
            self.say(f"  round {number + 1} of {self.scale.rounds}")
            for name, measure in contenders.items():
                results[name].append(measure())
        return results

    def say(self, text: str) -> None:
        click.echo(text, err=True)
