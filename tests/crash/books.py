"""What clients knew at a moment, compared with a file that is said to be of that moment."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from msgspec import Struct

from spooled_lite.cli.check import problems_of
from tests.crash.connection import Connection, NoAnswer
from tests.crash.ledger import Ledger

PASSING_MAX: Final = 5  # jobs of a queue that is deleted again

_TOKENS: Final = """
SELECT coalesce(payload, (SELECT body FROM job_bodies WHERE job = jobs.seq AND which = 'payload'))
       ->> 'token', status
  FROM jobs
"""


class Book(Struct):
    """What the clients knew at one moment."""

    asked: set[str]
    created: set[str]  # acknowledged
    completed: set[str]  # ids of jobs
    queues_made: set[str]
    queues_deleted: set[str]


class Passing:
    """A client whose queues come and go."""

    def __init__(self) -> None:
        self.asked: set[str] = set()
        self.made: set[str] = set()
        self.deleted: set[str] = set()
        self.deletion_asked: set[str] = set()
        self._count = 0

    async def run(self, url: str) -> None:
        connection = await Connection.open(url)
        try:
            while True:
                self._count += 1
                name = f"passing-{self._count}"
                self.asked.add(name)
                jobs = [{"payload": {"token": name}}] * PASSING_MAX
                answer = await connection.request(
                    "POST", "/jobs/bulk", {"queue_name": name, "jobs": jobs}
                )
                assert answer.status == 200, answer
                self.made.add(name)
                self.deletion_asked.add(name)
                answer = await connection.request("DELETE", f"/queues/{name}?delete_jobs=true")
                assert answer.status < 300, answer
                self.deleted.add(name)
        except NoAnswer:
            return
        finally:
            connection.close()


def book_of(ledger: Ledger, passing: Passing) -> Book:
    asked = ledger.asked.values()
    leases = [lease for of_job in ledger.leases.values() for lease in of_job]
    return Book(
        asked={each.token for each in asked} | passing.asked,
        created={each.token for each in asked if each.outcome == "acknowledged"}
        | (passing.made - passing.deletion_asked),
        completed={each.job_id for each in leases if each.completed == "acknowledged"},
        queues_made=set(passing.made),
        queues_deleted=set(passing.deleted),
    )


def complaints_about(path: Path, before: Book, after: Book) -> dict[str, set[str]]:
    """What a restored file lacks of what was known before its moment, and has of what was asked
    for after it."""
    with closing(sqlite3.connect(path)) as connection:
        tokens = {token for token, _ in connection.execute(_TOKENS)}
        status_of = dict(connection.execute("SELECT id, status FROM jobs"))
    return {
        "lost": before.created - tokens - after.queues_made,
        "not asked for yet": tokens - after.asked,
        "completed, and undone": {
            each for each in before.completed if status_of.get(each) != "completed"
        },
        "deleted, and back": before.queues_deleted & tokens,
        "problems": set(problems_of(str(path))),
    }
