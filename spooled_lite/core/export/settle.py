"""What comes after the last line of an import: counters, and whether jobs wait in a circle."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from spooled_lite.core.export import take_statements as statements
from spooled_lite.core.inbox.check import recount_unseen
from spooled_lite.storage.transaction import Reading, Tx

NAMED_MAX: Final = 5  # jobs of a circle that are named


class Circle(Struct, frozen=True):
    """Jobs of which each waits for the next one, and the last for the first."""

    job_ids: list[str]

    @property
    def said(self) -> str:
        named = " for ".join([*self.job_ids[:NAMED_MAX], self.job_ids[0]])
        return f"jobs wait for one another in a circle: {named}"


def recount(tx: Tx, org: int) -> None:
    """Count what an organization has now. Again is no change."""
    asked = {"org": org}
    for statement in (
        statements.FORGET_COUNTS,
        statements.COUNT_BY_STATUS,
        statements.COUNT_MESSAGES,
        statements.COUNT_CREATED,
        statements.COUNT_ACTIVE,
        statements.COUNT_DEAD,
    ):
        tx.execute(statement, asked)
    recount_unseen(tx, org)


def find_circle(tx: Reading) -> Circle | None:
    """Jobs that wait for one another, so that none of them could ever run.

    A circle leads to a younger job at least once. So only parts of the file with such edges are
    looked at, each by itself: usually one workflow, and nothing in most files.
    """
    for first, last in _parts(tx):
        left = _never_free(tx, first, last)
        if left:
            return Circle([_id_of(tx, job) for job in _circle_among(tx, left, first, last)])
    return None


def _parts(tx: Reading) -> Iterator[tuple[int, int]]:
    """Where edges lead to younger jobs: ranges of numbers that do not overlap."""
    first = last = -1
    for edge in tx.rows(statements.FORWARD_EDGES):
        if edge["job"] <= last:
            last = max(last, edge["parent"])
            continue
        if first >= 0:
            yield first, last
        first, last = edge["job"], edge["parent"]
    if first >= 0:
        yield first, last


def _never_free(tx: Reading, first: int, last: int) -> dict[int, int]:
    """Those that wait even when every job that can be done is done."""
    asked = {"first": first, "last": last}
    waits = {row["job"]: row["parents"] for row in tx.rows(statements.WAITING_BETWEEN, asked)}
    free = [seq for seq in range(first, last + 1) if seq not in waits]
    while free:
        for job in tx.values(statements.CHILDREN_BETWEEN, {**asked, "parent": free.pop()}):
            waits[job] -= 1
            if not waits[job]:
                del waits[job]
                free.append(job)
    return waits


def _circle_among(tx: Reading, left: dict[int, int], first: int, last: int) -> list[int]:
    """Each that is left waits for one that is left: going on leads round in the end."""
    seen: dict[int, None] = {}
    job = next(iter(left))
    while job not in seen:
        seen[job] = None
        asked = {"job": job, "first": first, "last": last}
        job = next(each for each in tx.values(statements.PARENTS_BETWEEN, asked) if each in left)
    way = list(seen)
    return way[way.index(job) :]


def _id_of(tx: Reading, seq: int) -> str:
    return tx.value(statements.ID_OF, {"seq": seq}) or str(seq)
