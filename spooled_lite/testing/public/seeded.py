"""What a seed has made, as a test reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from os import PathLike
from typing import Any

from spooled_lite.testing.public.link import Link
from spooled_lite.testing.public.times import time_in
from spooled_lite.testing.seeding.files import body_of, body_of_file


@dataclass(frozen=True)
class KeyOfSeed:
    id: str
    key: str  # the key itself


@dataclass(frozen=True)
class WorkflowOfSeed:
    id: str
    jobs: Mapping[str, str]  # ids by their keys


@dataclass(frozen=True, kw_only=True)
class Seeded:
    """Ids by name; in the order of the seed those of bindings, jobs, messages, runs and faults, and
    the names of tasks and flows."""

    now: datetime
    queues: Mapping[str, str]
    keys: Mapping[str, KeyOfSeed]
    schedules: Mapping[str, str]
    webhooks: Mapping[str, str]
    tasks: list[str]
    flows: list[str]
    bindings: list[str]
    jobs: list[str]
    messages: list[str]
    runs: list[str]
    workflows: Mapping[str, WorkflowOfSeed]
    faults: list[str]


def seed(link: Link, source: Mapping[str, Any] | str | PathLike[str]) -> Seeded:
    """Raises: as `World.seed`."""
    body = body_of(source) if isinstance(source, Mapping) else body_of_file(source)
    return _told(link.send("POST", "/test/seed", body))


def _told(about: Mapping[str, Any]) -> Seeded:
    return Seeded(
        now=time_in(about["now"]),
        queues=about["queues"],
        keys={name: KeyOfSeed(**each) for name, each in about["keys"].items()},
        schedules=about["schedules"],
        webhooks=about["webhooks"],
        tasks=about["tasks"],
        flows=about["flows"],
        bindings=about["bindings"],
        jobs=about["jobs"],
        messages=about["messages"],
        runs=about["runs"],
        workflows={name: WorkflowOfSeed(**each) for name, each in about["workflows"].items()},
        faults=about["faults"],
    )
