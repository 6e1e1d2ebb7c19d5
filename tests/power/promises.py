"""What clients were promised, and whether a file that a power cut left keeps all of it."""

import asyncio
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct, field

from spooled_lite.app import hooks
from spooled_lite.cli.check import problems_of
from spooled_lite.cli.offline import offline

Act = Literal["asked", "created", "claimed", "completing", "completed", "failed", "backed up"]

_JOBS: Final = """
SELECT id, status,
       coalesce(payload, (SELECT body FROM job_bodies WHERE job = jobs.seq AND which = 'payload'))
       ->> 'token' AS token,
       coalesce(result, (SELECT body FROM job_bodies WHERE job = jobs.seq AND which = 'result'))
       ->> 'by' AS by
  FROM jobs
"""
_HISTORY: Final = "SELECT CAST(details AS TEXT) FROM job_history"


class Note(Struct, omit_defaults=True):
    """What a client asks or was told, when it does or was."""

    act: Act
    name: str  # of the job, or of a backup; a token for what is asked
    detail: str = ""  # the token, the lease, the result or the error


class Promises(Struct):
    created: dict[str, str] = field(default_factory=dict)  # tokens by job
    completed: dict[str, str] = field(default_factory=dict)  # results by job
    in_history: set[str] = field(default_factory=set)  # leases, and errors
    backups: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    completing: set[str] = field(default_factory=set)

    def add(self, note: Note) -> None:
        match note.act:
            case "created":
                self.created[note.name] = note.detail
            case "completed":
                self.completed[note.name] = note.detail
            case "claimed" | "failed":
                self.in_history.add(note.detail)
            case "backed up":
                self.backups.add(note.name)
            case "asked":
                self.asked.add(note.name)
            case "completing":
                self.completing.add(note.name)


def promises_in(notes: Iterable[Note]) -> Promises:
    promises = Promises()
    for note in notes:
        promises.add(note)
    return promises


def complaints_of(path: Path, promised: Promises, asked: Promises) -> list[str]:
    """Open a file as a server does, then look for all that was promised, and for what nobody asked.

    `promised`: what has to be there; `asked`: what may be.
    """
    asyncio.run(_open_and_close(path))
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        jobs = {row["id"]: dict(row) for row in connection.execute(_JOBS)}
        details = [msgspec.json.decode(row[0] or "{}") for row in connection.execute(_HISTORY)]
    happened = {each.get(name) for each in details for name in ("lease_id", "error")}
    found = {
        "lost": _lost(jobs, promised),
        "undone": _undone(jobs, promised),
        "not in the history": promised.in_history - happened,
        "nobody asked for": {each["token"] for each in jobs.values()} - asked.asked,
        "nobody completed": {
            job_id for job_id, each in jobs.items() if each["status"] == "completed"
        }
        - asked.completing,
        "problems": set(problems_of(str(path))),
    }
    return [f"{what}: {sorted(which)[:5]}" for what, which in found.items() if which]


async def _open_and_close(path: Path) -> None:
    async with offline(str(path), hooks()):
        pass


def _lost(jobs: dict[str, dict[str, Any]], promised: Promises) -> set[str]:
    return {
        job_id
        for job_id, token in promised.created.items()
        if job_id not in jobs or jobs[job_id]["token"] != token
    }


def _undone(jobs: dict[str, dict[str, Any]], promised: Promises) -> set[str]:
    return {
        job_id
        for job_id, result in promised.completed.items()
        if job_id not in jobs
        or (jobs[job_id]["status"], jobs[job_id]["by"]) != ("completed", result)
    }
