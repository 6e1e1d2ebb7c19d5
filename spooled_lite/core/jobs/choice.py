"""Choosing many jobs by a filter, for an act on all jobs that match it.

Jobs are looked for in windows of an index, each a short read, so that neither a rare match nor a
million of them delays other callers; the next call begins where the last window ended.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs import choice_statements as statements
from spooled_lite.core.jobs import statements as job_statements
from spooled_lite.core.jobs.choice_statements import ChosenRow, PlaceRow
from spooled_lite.core.jobs.dead_letters import EVER_MS, queues_in_scope
from spooled_lite.core.jobs.stats import job_stats
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.storage.statement import Statement
from spooled_lite.storage.texts import array_of, is_findable, pattern_of
from spooled_lite.storage.transaction import Reading

WINDOW_ROWS: Final = 20_000  # of an index that are looked at in one read: some 20 ms
_BEFORE_ALL: Final = (-EVER_MS, -1)

WaitingState = Literal["retrying", "blocked"]


class Until(Struct, frozen=True):
    """The newest job at some moment. What was created or came to its end later is left out."""

    created_at_ms: int
    seq: int
    at_ms: int


class Choice(Struct, frozen=True, kw_only=True):
    """Which jobs are meant. A field that is None filters nothing."""

    statuses: Sequence[str]  # at least one; looked through one after the other
    queue_name: str | None = None
    state: WaitingState | None = None
    is_delayed: bool = False  # only jobs that wait for their time
    job_type: str | None = None
    error_key: int | None = None
    tag: str | None = None
    text: str | None = None  # id begins with it, or queue name or job type contain it
    created_after_ms: int | None = None  # inclusive
    created_before_ms: int | None = None  # exclusive


class WindowEnd(Struct, frozen=True):
    """Where one window ended: in the jobs of a status, behind a row."""

    status: str
    created_at_ms: int
    seq: int


class ChosenWindow(Struct, frozen=True):
    rows: list[ChosenRow]
    after: WindowEnd | None  # None: that was all


def newest(tx: Reading, org: int, scope: Scope) -> Until:
    """As far as the scope goes: a key is told nothing of other queues."""
    if scope.is_unrestricted:
        rows = [tx.row(statements.NEWEST, {"org": org})]
    else:
        queues = msgspec.json.decode(queues_in_scope(tx, org, scope), type=list[int])
        rows = [tx.row(statements.NEWEST_OF_QUEUE, {"queue": queue}) for queue in queues]
    places = [(row["created_at_ms"], row["seq"]) for row in rows if row is not None]
    return Until(*max(places, default=_BEFORE_ALL), tx.now_ms)


def choose(
    tx: Reading,
    org: int,
    choice: Choice,
    scope: Scope,
    until: Until,
    after: WindowEnd | None = None,
    *,
    rows_max: int,
) -> ChosenWindow:
    """The next jobs of a choice, at most `rows_max`, from one window; oldest first in each status.

    A window may hold none of them, and yet not be the last.
    """
    params = bound(tx, org, choice, scope, until)
    if params is None:
        return ChosenWindow([], None)
    status = choice.statuses[0] if after is None else after.status
    begin = _BEFORE_ALL if after is None else (after.created_at_ms, after.seq)
    rows_of, end_of = _index_for(tx, org, choice, status)
    params |= {
        "status": status,
        "after_ms": begin[0],
        "after_seq": begin[1],
        "looked_at": WINDOW_ROWS - 1,
        "limit": rows_max,
    }
    end = tx.row(end_of, params)
    if end is not None:
        params |= {"to_ms": end["created_at_ms"], "to_seq": end["seq"]}
    rows = tx.rows(rows_of, params)
    if len(rows) == rows_max:
        return ChosenWindow(rows, WindowEnd(status, rows[-1]["created_at_ms"], rows[-1]["seq"]))
    if end is not None:
        return ChosenWindow(rows, WindowEnd(status, end["created_at_ms"], end["seq"]))
    return ChosenWindow(rows, _next_status(choice, status))


def find_named(tx: Reading, org: int, job_ids: Sequence[str], scope: Scope) -> list[ChosenRow]:
    """Those of the named jobs that are here, in no order."""
    rows = tx.rows(statements.NAMED, {"org": org, "ids": array_of(job_ids)})
    return [row for row in rows if scope.allows(row["queue_name"])]


def bound(
    tx: Reading, org: int, choice: Choice, scope: Scope, until: Until
) -> dict[str, Any] | None:
    """What the statements about a choice take, but for the window. None: nothing can match."""
    queue = None
    if choice.queue_name is not None:
        asked = {"org": org, "queue_name": choice.queue_name}
        queue = tx.value(job_statements.LIVE_QUEUE, asked)
        if queue is None or not scope.allows(choice.queue_name):
            return None
    text = choice.text
    if text is not None and not is_findable(text):
        return None
    is_ascii = text is not None and text.isascii()
    is_within = queue is not None or scope.is_unrestricted
    return {
        "org": org,
        "queue": queue,
        "of_queue": queue,
        "queues": None if is_within else queues_in_scope(tx, org, scope),
        "job_type": choice.job_type,
        "error_key": choice.error_key,
        "created_after_ms": choice.created_after_ms,
        "created_before_ms": choice.created_before_ms,
        "ended_by_ms": until.at_ms,
        "is_delayed": 1 if choice.is_delayed else None,
        "state": choice.state,
        "text": text.lower() if text is not None and is_ascii else None,
        "text_pattern": f"*{pattern_of(text)}*" if text is not None and not is_ascii else None,
        "tag": choice.tag,
        "to_ms": until.created_at_ms,
        "to_seq": until.seq,
    }


def _next_status(choice: Choice, status: str) -> WindowEnd | None:
    left = choice.statuses[choice.statuses.index(status) + 1 :]
    return WindowEnd(left[0], *_BEFORE_ALL) if left else None


def _index_for(
    tx: Reading, org: int, choice: Choice, status: str
) -> tuple[Statement[ChosenRow], Statement[PlaceRow]]:
    """The rows of the index that has the fewest others, and the end of a window of it."""
    if choice.error_key is not None and status == "deadletter":
        return statements.OF_ERROR, statements.END_OF_ERROR
    if _is_smaller(tx, org, choice.queue_name, status):
        return statements.OF_QUEUE, statements.END_OF_QUEUE
    return statements.OF_STATUS, statements.END_OF_STATUS


def _is_smaller(tx: Reading, org: int, queue_name: str | None, status: str) -> bool:
    """Whether a queue has fewer jobs than the organization has of a status."""
    if queue_name is None:
        return False
    of_queue = job_stats(tx, org, ALL_QUEUES, queue_name)["total"]
    return bool(of_queue < job_stats(tx, org, ALL_QUEUES)[status])
