"""The file against the ledger: is everything there that was acknowledged, and nothing twice?"""

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from spooled_lite.cli.check import problems_of
from tests.crash.ledger import Lease, Ledger

SHOWN_MAX: Final = 20

_JOBS: Final = """
SELECT seq, id, queue_name, status, retry_count, idempotency_key, lease_id,
       lease_expires_at_ms, settled_lease_id,
       coalesce(payload, (SELECT body FROM job_bodies WHERE job = jobs.seq AND which = 'payload'))
       AS payload,
       coalesce(result, (SELECT body FROM job_bodies WHERE job = jobs.seq AND which = 'result'))
       AS result
  FROM jobs
"""
_HISTORY: Final = """
SELECT job, queue_name, event_type, created_at_ms, details ->> 'lease_id' AS lease_id,
       details ->> 'error' AS error
  FROM (SELECT seq, job, event_type, created_at_ms, CAST(details AS TEXT) AS details,
               (SELECT queue_name FROM jobs WHERE jobs.seq = job_history.job) AS queue_name
          FROM job_history)
 ORDER BY job, seq
"""

Row = dict[str, Any]


class Life(Struct):
    """What the history of one job says."""

    leases: list[str] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    completed_under: list[str] = field(default_factory=list)
    retried_count: int = 0


def audit(database: str, ledger: Ledger, *, besides: str | None = None) -> list[str]:
    """Every promise that was broken, a sentence each. The server may be running, without load.

    `besides`: a queue whose jobs are not in the ledger.
    """
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        rows = connection.execute(_JOBS)
        jobs = {row["id"]: dict(row) for row in rows if row["queue_name"] != besides}
        by_number = {job["seq"]: job for job in jobs.values()}
        complaints, lives = _lives(connection, by_number, besides)
    complaints += [
        *ledger.complaints,
        *problems_of(database),
        *_creates(jobs, ledger),
        *_leases(jobs, lives, ledger),
        *_rows(jobs, lives),
    ]
    return complaints[:SHOWN_MAX]


def _creates(jobs: dict[str, Row], ledger: Ledger) -> Iterator[str]:
    token_of = {job["id"]: msgspec.json.decode(job["payload"])["token"] for job in jobs.values()}
    stored = Counter(token_of.values())
    for token, count in stored.items():
        if token not in ledger.asked:
            yield f"{token} is stored, and nobody asked for it"
        elif ledger.asked[token].outcome == "refused":
            yield f"{token} was refused, and is stored"
        elif count != 1:
            yield f"{token} is stored {count} times"
    bulks: dict[int, set[bool]] = {}
    for asked in ledger.asked.values():
        if asked.bulk is not None:
            bulks.setdefault(asked.bulk, set()).add(asked.token in stored)
        if asked.outcome != "acknowledged":
            continue
        job = jobs.get(asked.job_id or "")
        if job is None:
            yield f"{asked.token} was acknowledged as {asked.job_id}, which is not there"
        elif (token_of[job["id"]], job["queue_name"]) != (asked.token, asked.queue_name):
            yield f"{asked.token} was acknowledged as {job['id']}, which is another job"
    yield from (f"bulk {bulk} is stored in part" for bulk, found in bulks.items() if len(found) > 1)
    for key, job_id in ledger.ids_of_key.items():
        if jobs.get(job_id, {}).get("idempotency_key") != key:
            yield f"key {key} named {job_id}, which does not have it"


def _leases(jobs: dict[str, Row], lives: dict[str, Life], ledger: Ledger) -> Iterator[str]:
    now_ms = time.time_ns() // 1_000_000
    for job_id, leases in ledger.leases.items():
        job, life = jobs.get(job_id), lives.get(job_id)
        if job is None or life is None:
            yield f"job {job_id} was handed out and is not there"
            continue
        if sum(lease.completed == "acknowledged" for lease in leases) > 1:
            yield f"job {job_id} was acknowledged as completed twice"
        for lease in leases:
            yield from (f"job {job_id}: {said}" for said in _lease(job, life, lease, now_ms))


def _lease(job: Row, life: Life, lease: Lease, now_ms: int) -> Iterator[str]:
    if life.leases.count(lease.lease_id) != 1:
        yield f"lease {lease.lease_id} is {life.leases.count(lease.lease_id)} times in the history"
    is_done = life.completed_under == [lease.lease_id]
    if lease.completed == "acknowledged":
        kept = job["status"] == "completed" and job["settled_lease_id"] == lease.lease_id
        if not (kept and is_done):
            yield f"completed under {lease.lease_id}, and is {job['status']}"
        elif msgspec.json.decode(job["result"]) != lease.result:
            yield f"completed under {lease.lease_id}, and its result is another one"
    elif is_done and lease.completed != "unknown":
        yield f"completed under {lease.lease_id}, which was told that it is not"
    if lease.error is not None:
        count = life.errors[lease.error]
        if count > 1 or (lease.failed != "unknown" and count != (lease.failed == "acknowledged")):
            yield f"{lease.failed} failure {lease.error} is {count} times in the history"
    if not lease.ending_sent and lease.expires_ms > now_ms:
        holds = job["lease_id"] == lease.lease_id
        if not holds or job["lease_expires_at_ms"] < lease.expires_ms:
            yield f"lease {lease.lease_id} is live for its holder and not in the file"


def _rows(jobs: dict[str, Row], lives: dict[str, Life]) -> Iterator[str]:
    for job in jobs.values():
        life = lives.get(job["id"], Life())
        if job["retry_count"] != life.retried_count:
            yield f"job {job['id']}: {job['retry_count']} retries, {life.retried_count} in history"
        if (job["status"] == "completed") != bool(life.completed_under):
            yield f"job {job['id']}: {job['status']}, completed under {life.completed_under}"


def _lives(
    connection: sqlite3.Connection, jobs: dict[int, Row], besides: str | None
) -> tuple[list[str], dict[str, Life]]:
    """Follow each job through its history: one lease at a time, and nothing after the end."""
    complaints: list[str] = []
    lives: dict[str, Life] = {}
    at: dict[int, str | None] = {}  # the lease a job is under, "" when free, None when settled
    for row in connection.execute(_HISTORY):
        job, kind = row["job"], row["event_type"]
        if besides is not None and row["queue_name"] == besides:
            continue
        if job not in jobs:
            complaints.append(f"history of job number {job}, which is not there")
            continue
        life = lives.setdefault(jobs[job]["id"], Life())
        before = at.get(job, "none")
        if before not in _MAY_FOLLOW[kind] and not (before and kind in _ENDINGS):
            complaints.append(f"job {jobs[job]['id']}: {kind} while under {before!r}")
        if kind == "created":
            at[job] = ""
        elif kind == "claimed":
            at[job] = row["lease_id"]
            life.leases.append(row["lease_id"])
        elif kind == "completed":
            life.completed_under.append(before or "")
            at[job] = None
        elif kind == "failed":
            life.errors[row["error"]] += 1
            at[job] = "failed"
        elif kind == "retried":
            life.retried_count += 1
            at[job] = ""
        elif kind == "released":
            at[job] = ""
        else:
            at[job] = None
    return complaints, lives


# What a job may be under before a row of its history; endings also follow any lease.
_ENDINGS: Final = frozenset({"completed", "failed", "released"})
_MAY_FOLLOW: Final[dict[str, frozenset[str | None]]] = {
    "created": frozenset({"none"}),
    "claimed": frozenset({""}),
    "completed": frozenset(),
    "failed": frozenset(),
    "released": frozenset(),
    "retried": frozenset({"failed"}),
    "deadlettered": frozenset({"failed"}),
}
