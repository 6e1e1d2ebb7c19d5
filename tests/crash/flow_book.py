"""What callers and workers of a flow were told, held against what the file has."""

import json
import sqlite3
from collections import Counter
from contextlib import closing
from typing import Any, Final

from msgspec import Struct, field

from spooled_lite.cli.check import problems_of

FLOW: Final = "order"
STEPS: Final = ("begin", "each", "lines", "total", "gate", "end")
LINES: Final = (10, 20, 30)  # what the producer of `lines` makes

_JOBS: Final = """
SELECT jobs.id, kind, status, result,
       (SELECT count(*) FROM job_history
         WHERE job = jobs.seq AND event_type = 'completed') AS completions
  FROM jobs
 WHERE kind IN ('step', 'item')
"""
_INPUTS: Final = "SELECT body FROM workflow_bodies WHERE which = 'input'"
_ITEMS: Final = """
SELECT steps.id AS step, count(*) AS count, count(DISTINCT items.item_index) AS indexes
  FROM jobs AS items JOIN jobs AS steps ON steps.seq = items.step_job
 WHERE items.kind = 'item'
 GROUP BY steps.id
"""
_RECEIPTS: Final = "SELECT payload ->> 'of' FROM jobs WHERE queue_name = 'receipts'"


class FlowBook(Struct):
    asked: set[str] = field(default_factory=set)  # tokens of runs
    runs: dict[str, str] = field(default_factory=dict)  # acknowledged: token to workflow
    signalled: set[str] = field(default_factory=set)  # workflows
    produced: dict[str, int] = field(default_factory=dict)  # a producer: how many items it has
    completed: dict[str, Any] = field(default_factory=dict)  # a step or item: its result

    def complaints(self, database: str) -> list[str]:
        """Every promise that was broken, a sentence each. The server is not running."""
        wrong = problems_of(database)
        with closing(sqlite3.connect(database)) as file:
            file.row_factory = sqlite3.Row
            wrong += self._of_jobs(file.execute(_JOBS).fetchall())
            wrong += self._of_items(file.execute(_ITEMS).fetchall())
            inputs = [json.loads(row["body"])["of"] for row in file.execute(_INPUTS)]
            wrong += self._of_runs(Counter(inputs))
            wrong += self._of_receipts(file)
        return wrong

    def _of_jobs(self, rows: list[sqlite3.Row]) -> list[str]:
        by_id = {row["id"]: row for row in rows}
        wrong = []
        for job, result in self.completed.items():
            if job not in by_id:
                wrong.append(f"job {job} was completed and is not there")
                continue
            row = by_id[job]
            if job in self.produced and row["status"] == "processing":
                continue  # until its items are done
            is_kept = job in self.produced or json.loads(row["result"]) == result
            if row["status"] != "completed" or not is_kept:
                wrong.append(f"job {job} was completed with {result}, and is {dict(row)}")
        return wrong + [
            f"{row['kind']} {row['id']} was completed {row['completions']} times"
            for row in rows
            if row["completions"] > 1
        ]

    def _of_items(self, rows: list[sqlite3.Row]) -> list[str]:
        counts = {row["step"]: row["count"] for row in rows}
        lost = [
            f"step {step} had {count} items, and has {counts.get(step, 0)}"
            for step, count in self.produced.items()
            if counts.get(step, 0) < count
        ]
        return lost + [
            f"step {row['step']} has {row['count']} items at {row['indexes']} places"
            for row in rows
            if row["count"] != row["indexes"] or row["count"] > len(LINES)
        ]

    def _of_runs(self, inputs: Counter[str]) -> list[str]:
        return [
            *(f"{token} was run {count} times" for token, count in inputs.items() if count > 1),
            *(f"{token} was never asked for" for token in inputs.keys() - self.asked),
            *(f"{token} was run and is not there" for token in self.runs.keys() - inputs.keys()),
        ]

    def _of_receipts(self, file: sqlite3.Connection) -> list[str]:
        """What follows an `end` in the same commit is there once, or as little as its end."""
        ended = {
            row["id"]
            for row in file.execute("SELECT * FROM jobs WHERE kind = 'step'")
            if row["status"] == "completed" and row["step_key"] == "end"
        }
        receipts = Counter(row[0] for row in file.execute(_RECEIPTS))
        if receipts == dict.fromkeys(ended, 1):
            return []
        return [f"receipts are {receipts}, where {sorted(ended)} have ended"]
