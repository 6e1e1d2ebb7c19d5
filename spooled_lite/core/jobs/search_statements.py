"""Statements that search payloads, results and errors, a window of an index at a time."""

from collections.abc import Mapping
from typing import Final, Literal, TypedDict

from spooled_lite.core.jobs.choice_statements import FILTERED, PlaceRow
from spooled_lite.core.jobs.spellings import OTHERS_MAX
from spooled_lite.core.jobs.statements import LISTED, SHOWN, ListedJobRow, Which
from spooled_lite.storage.statement import Statement, Value

Walk = Literal["newest", "of_status", "of_queue", "dead_of_queue"]

_WALKS: Final[Mapping[Walk, tuple[str, str]]] = {
    "newest": ("jobs_newest", f"org = :org{LISTED}"),
    "of_status": ("jobs_by_status", f"org = :org AND status = :status{LISTED}"),
    "of_queue": ("jobs_by_queue", "queue = :of_queue"),
    "dead_of_queue": ("jobs_dead_of_queue", "queue = :of_queue AND status = 'deadletter'"),
}

# In the order of the index, before one row and down to another one.
_BETWEEN: Final = """
   AND (created_at_ms, seq) < (:before_ms, :before_seq)
   AND (created_at_ms, seq) >= (:to_ms, :to_seq)"""
_NEWEST_FIRST: Final = "\n ORDER BY created_at_ms DESC, seq DESC"
_STATUSES: Final = """
   AND (:statuses IS NULL OR status IN (SELECT value FROM json_each(:statuses)))"""


def _from(walk: Walk) -> str:
    index, where = _WALKS[walk]
    return f"FROM jobs INDEXED BY {index} WHERE {where}{_BETWEEN}"


def _place_in(column: str) -> str:
    """Where the first byte of the text stands in a blob, from 1 on; NULL when it is not there.

    Not all spellings at once: most texts have one, and the others are not looked for then.
    """
    others = ", ".join(f"nullif(instr({column}, :other_{n}), 0)" for n in range(OTHERS_MAX))
    return f"""coalesce(nullif(instr({column}, :text_itself), 0),
                CASE WHEN :other_0 IS NOT NULL THEN coalesce({others}) END)"""


_IN_PAYLOAD: Final = f"CASE WHEN :in_payload THEN {_place_in('payload')} END"
_IN_RESULT: Final = f"CASE WHEN :in_result THEN {_place_in('result')} END"
_IN_ERROR: Final = f"CASE WHEN :in_error THEN {_place_in('CAST(last_error AS BLOB)')} END"


class CandidateRow(TypedDict):
    """A job that has the text in its row, or a body that stands apart."""

    seq: int
    created_at_ms: int
    payload_bytes: int | None
    result_bytes: int | None
    payload_at: int | None
    result_at: int | None
    error_at: int | None
    payload: bytes | None  # where a path leads through it


# A body that stands apart is looked at for itself: it may be large.
CANDIDATES: Final[Mapping[Walk, Statement[CandidateRow]]] = {
    walk: Statement(
        CandidateRow,
        f"""
SELECT seq, created_at_ms, payload_bytes, result_bytes, {_IN_PAYLOAD} AS payload_at,
       {_IN_RESULT} AS result_at, {_IN_ERROR} AS error_at,
       CASE WHEN :has_path THEN payload END AS payload
  {_from(walk)}{_STATUSES}{FILTERED}
   AND coalesce({_IN_PAYLOAD}, {_IN_RESULT}, {_IN_ERROR},
                CASE WHEN :in_payload THEN payload_bytes END,
                CASE WHEN :in_result THEN result_bytes END) IS NOT NULL{_NEWEST_FIRST}""",
    )
    for walk in _WALKS
}

# The index alone: the last row of a window that has others behind it.
WINDOW_END: Final[Mapping[Walk, Statement[PlaceRow]]] = {
    walk: Statement(
        PlaceRow,
        f"SELECT created_at_ms, seq {_from(walk)}{_NEWEST_FIRST} LIMIT 1 OFFSET :looked_at",
    )
    for walk in _WALKS
}


class LookedAtRow(TypedDict):
    count: int
    oldest_ms: int | None


# The index alone.
LOOKED_AT: Final[Mapping[Walk, Statement[LookedAtRow]]] = {
    walk: Statement(
        LookedAtRow, f"SELECT count(*) AS count, min(created_at_ms) AS oldest_ms {_from(walk)}"
    )
    for walk in _WALKS
}

# Of the queues that a key may see: it is told nothing of others.
LOOKED_AT_IN_SCOPE: Final[Mapping[Walk, Statement[LookedAtRow]]] = {
    walk: Statement(
        LookedAtRow,
        LOOKED_AT[walk].text + "\n   AND queue IN (SELECT value FROM json_each(:queues))",
    )
    for walk in _WALKS
}

# Index job_bodies_of_job, in both.
PLACE_IN_BODY: Final = Value(
    int, f"SELECT {_place_in('body')} FROM job_bodies WHERE job = :seq AND which = :which"
)
PAYLOAD_WITH_TEXT: Final = Value(
    bytes,
    f"""
SELECT body FROM job_bodies
 WHERE job = :seq AND which = 'payload' AND {_place_in("body")} IS NOT NULL
""",
)

# Around a place that was found, in the row of the job or apart.
_PIECE: Final = "substr({}, :from, :length)"
PIECES: Final[Mapping[Which | Literal["last_error"], Value[bytes]]] = {
    "payload": Value(bytes, f"SELECT {_PIECE.format('payload')} FROM jobs WHERE seq = :seq"),
    "result": Value(bytes, f"SELECT {_PIECE.format('result')} FROM jobs WHERE seq = :seq"),
    "last_error": Value(
        bytes, f"SELECT {_PIECE.format('CAST(last_error AS BLOB)')} FROM jobs WHERE seq = :seq"
    ),
}
PIECE_OF_BODY: Final = Value(
    bytes,
    f"SELECT {_PIECE.format('body')} FROM job_bodies WHERE job = :seq AND which = :which",
)

BY_NUMBER: Final = Statement(ListedJobRow, f"SELECT {SHOWN} FROM jobs WHERE seq = :seq")

# Index jobs_by_id: an id, or what one begins with.
BY_ID: Final = Statement(
    ListedJobRow,
    f"SELECT {SHOWN} FROM jobs INDEXED BY jobs_by_id"
    f" WHERE id >= :id AND id < :id_end AND org = :org{_STATUSES}{FILTERED} LIMIT :limit",
)

# Index jobs_by_key.
BY_KEY: Final = Statement(
    ListedJobRow,
    f"SELECT {SHOWN} FROM jobs INDEXED BY jobs_by_key"
    f" WHERE org = :org AND idempotency_key = :key{_STATUSES}{FILTERED}",
)
