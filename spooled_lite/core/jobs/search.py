"""Searching jobs by what is in their payloads, results and errors, or by their id or key.

No index has what is in a payload. Jobs are looked through in windows of an index, the newest
first, each window a short read: a search never delays other callers, and the next call begins
where the last one ended.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, get_args

from msgspec import Struct

from spooled_lite.core.jobs import search_statements as statements
from spooled_lite.core.jobs.choice import Choice, Until, bound
from spooled_lite.core.jobs.dead_letters import EVER_MS
from spooled_lite.core.jobs.excerpts import BYTES_BEFORE, PIECE_BYTES, excerpt
from spooled_lite.core.jobs.payload_path import PathSearch
from spooled_lite.core.jobs.search_statements import CandidateRow, Walk
from spooled_lite.core.jobs.spellings import OTHERS_MAX, spellings
from spooled_lite.core.jobs.statements import ListedJobRow, Which
from spooled_lite.core.keys.records import Scope
from spooled_lite.storage.texts import array_of
from spooled_lite.storage.transaction import Reading

# Looked through in one read. Of small jobs some 5 ms; of bodies that stand apart, which may have
# megabytes each, so many that others do not wait for a thread for long.
WINDOW_ROWS: Final = 4_000
WINDOW_BODY_BYTES_MAX: Final = 8 * 1024 * 1024
TEXT_CHARS_MAX: Final = 255

Where = Literal["id", "idempotency_key", "payload", "result", "last_error"]
WHERES: Final[tuple[Where, ...]] = get_args(Where)
_BY_INDEX: Final = frozenset({"id", "idempotency_key"})

_ID: Final = re.compile(r"[0-9a-f]{8}[0-9a-f-]{0,28}")
_BEHIND_IDS: Final = "\uffff"


class Search(Struct, frozen=True, kw_only=True):
    """What is looked for: a text, or the value at a path of the payload."""

    choice: Choice  # among which jobs; no statuses: in all
    text: str = ""
    at_path: PathSearch | None = None
    where: Sequence[Where] = WHERES

    @property
    def is_by_index(self) -> bool:
        """Whether no job has to be looked through for it."""
        return self.at_path is None and _BY_INDEX.issuperset(self.where)


class Place(Struct, frozen=True):
    """In the jobs, newest first: the rows from this one on have been looked at."""

    created_at_ms: int
    seq: int


BEFORE_ALL: Final = Place(EVER_MS, EVER_MS)


class SearchHit(Struct, frozen=True):
    row: ListedJobRow
    where: Where
    excerpt: str


class SearchedWindow(Struct, frozen=True):
    found: list[SearchHit]
    place: Place | None  # where the next window begins; None: that was all
    looked_at: int
    oldest_ms: int | None  # of what was looked at


def find_named(
    tx: Reading, org: int, search: Search, scope: Scope, rows_max: int
) -> list[SearchHit]:
    """Jobs of which the text is the id, the beginning of it, or the idempotency key."""
    params = _filters(tx, org, search, scope)
    if params is None:
        return []
    found: list[SearchHit] = []
    key, id_text = search.text, search.text.lower()
    if "idempotency_key" in search.where:
        rows = tx.rows(statements.BY_KEY, {**params, "key": key})
        found += [SearchHit(row, "idempotency_key", key) for row in rows]
    if "id" in search.where and _ID.fullmatch(id_text):
        limits = {"id": id_text, "id_end": id_text + _BEHIND_IDS, "limit": rows_max}
        known = {each.row["id"] for each in found}
        rows = tx.rows(statements.BY_ID, {**params, **limits})
        found += [SearchHit(row, "id", row["id"]) for row in rows if row["id"] not in known]
    return found[:rows_max]


def search_window(
    tx: Reading, org: int, search: Search, scope: Scope, place: Place, *, rows_max: int
) -> SearchedWindow:
    """The jobs of the next window that have it, the newest first, at most `rows_max`."""
    params = _filters(tx, org, search, scope)
    if params is None:
        return SearchedWindow([], None, 0, None)
    walk = _walk_of(search.choice)
    after_ms = search.choice.created_after_ms
    params |= {
        **_text_params(search),
        "before_ms": place.created_at_ms,
        "before_seq": place.seq,
        "to_ms": -EVER_MS if after_ms is None else after_ms,
        "to_seq": -1,
        "looked_at": WINDOW_ROWS - 1,
    }
    end = tx.row(statements.WINDOW_END[walk], params)
    reached = None if end is None else Place(end["created_at_ms"], end["seq"])
    if reached is not None:
        params |= {"to_ms": reached.created_at_ms, "to_seq": reached.seq}
    candidates = tx.rows(statements.CANDIDATES[walk], params)
    found, cut = _looked_through(tx, search, candidates, params, rows_max)
    reached = cut or reached
    if reached is not None:
        params |= {"to_ms": reached.created_at_ms, "to_seq": reached.seq}
    counting = statements.LOOKED_AT if params["queues"] is None else statements.LOOKED_AT_IN_SCOPE
    looked_at = tx.row(counting[walk], params)
    assert looked_at is not None, "count(*) always yields a row"
    return SearchedWindow(found, reached, looked_at["count"], looked_at["oldest_ms"])


def _looked_through(
    tx: Reading,
    search: Search,
    candidates: Iterable[CandidateRow],
    params: Mapping[str, Any],
    rows_max: int,
) -> tuple[list[SearchHit], Place | None]:
    """Those that have it; and where the window ended early, because that was enough for a read."""
    found: list[SearchHit] = []
    bytes_left = WINDOW_BODY_BYTES_MAX
    for row in candidates:
        size = _size_of(search, row)
        if size > bytes_left and bytes_left < WINDOW_BODY_BYTES_MAX:
            return found, Place(row["created_at_ms"], row["seq"] + 1)  # this one is the next
        bytes_left -= size
        match = _match(tx, search, row, params)
        if match is None:
            continue
        shown = tx.row(statements.BY_NUMBER, {"seq": row["seq"]})
        assert shown is not None, "it was there in the same snapshot"
        found.append(SearchHit(shown, *match))
        if len(found) == rows_max:
            return found, Place(row["created_at_ms"], row["seq"])
    return found, None


def _match(
    tx: Reading, search: Search, row: CandidateRow, params: Mapping[str, Any]
) -> tuple[Where, str] | None:
    if search.at_path is not None:
        payload = row["payload"] or tx.value(statements.PAYLOAD_WITH_TEXT, _of(row, params))
        written = None if payload is None else search.at_path.found_in(payload)
        if written is None:
            return None
        shown = f"{search.at_path.path}: {written}".encode()
        is_end = len(shown) <= PIECE_BYTES
        return "payload", excerpt(shown[:PIECE_BYTES], is_begin=True, is_end=is_end)
    places: Mapping[Which, int | None] = {"payload": row["payload_at"], "result": row["result_at"]}
    apart: Mapping[Which, int | None] = {
        "payload": row["payload_bytes"],
        "result": row["result_bytes"],
    }
    for which, place in places.items():
        if place is not None:
            return which, _around(tx, row["seq"], which, place)
        if apart[which] is not None and which in search.where:
            asked = {**_of(row, params), "which": which}
            place = tx.value(statements.PLACE_IN_BODY, asked)
            if place is not None:
                return which, _around(tx, row["seq"], which, place, is_apart=True)
    if row["error_at"] is not None:
        return "last_error", _around(tx, row["seq"], "last_error", row["error_at"])
    return None


def _around(
    tx: Reading,
    seq: int,
    where: Which | Literal["last_error"],
    place: int,
    *,
    is_apart: bool = False,
) -> str:
    begin = max(1, place - BYTES_BEFORE)
    # One more than is shown: it tells whether the text goes on.
    asked = {"seq": seq, "which": where, "from": begin, "length": PIECE_BYTES + 1}
    piece = tx.value(statements.PIECE_OF_BODY if is_apart else statements.PIECES[where], asked)
    assert piece is not None, "the text was found there"
    is_end = len(piece) <= PIECE_BYTES
    return excerpt(piece[:PIECE_BYTES], is_begin=begin == 1, is_end=is_end)


def _size_of(search: Search, row: CandidateRow) -> int:
    """How much is read of a candidate besides its row; with a path, that is looked through here."""
    size = len(row["payload"] or b"")
    if "payload" in search.where:
        size += row["payload_bytes"] or 0
    if "result" in search.where:
        size += row["result_bytes"] or 0
    return size


def _of(row: CandidateRow, params: Mapping[str, Any]) -> dict[str, Any]:
    return {**params, "seq": row["seq"]}


def _walk_of(choice: Choice) -> Walk:
    """The index with the fewest jobs that are not meant."""
    statuses = list(choice.statuses)
    if choice.queue_name is not None:
        return "dead_of_queue" if statuses == ["deadletter"] else "of_queue"
    return "of_status" if len(statuses) == 1 else "newest"


def _filters(tx: Reading, org: int, search: Search, scope: Scope) -> dict[str, Any] | None:
    choice = search.choice
    params = bound(tx, org, choice, scope, Until(EVER_MS, EVER_MS, EVER_MS))
    if params is None:
        return None
    statuses = list(choice.statuses)
    params["status"] = statuses[0] if statuses else None
    params["statuses"] = array_of(statuses) if statuses else None
    return params


def _text_params(search: Search) -> dict[str, Any]:
    if search.at_path is None:
        where, itself = search.where, spellings(search.text)
    else:
        where, itself = ("payload",), search.at_path.spellings
    others = [*itself[1:], *[None] * OTHERS_MAX][:OTHERS_MAX]
    return {
        "text_itself": itself[0],
        **{f"other_{n}": each for n, each in enumerate(others)},
        "in_payload": "payload" in where,
        "in_result": "result" in where,
        "in_error": "last_error" in where,
        "has_path": search.at_path is not None,
    }
