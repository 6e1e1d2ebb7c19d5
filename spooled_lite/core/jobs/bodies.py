"""Large payloads and results, which have rows of their own (`job_bodies`) with a checksum."""

import logging
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypedDict, TypeVar, cast

from spooled_lite.core.jobs import statements
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.records import ErrorDetail
from spooled_lite.core.jobs.statements import BodyKind, Which
from spooled_lite.errors import BodyDamaged
from spooled_lite.storage.statement import Value
from spooled_lite.storage.transaction import Reading, Tx

J = TypeVar("J", bound=JobRow)
R = TypeVar("R", bound=Mapping[str, object])

logger = logging.getLogger(__name__)

# What is longer stands in job_bodies. A row is written again at every change of its status: up to
# this size that costs less than a second row would.
IN_ROW_BYTES_MAX: Final = 2_048
# Large values in the answer to a list, of whatever it lists. Those of the others are left out.
PAGE_BYTES_MAX: Final = 4 * 1024 * 1024
DAMAGED_LOGGED_MAX: Final = 1_000  # bodies; a file with more of them is beyond a log

_logged: Final[set[tuple[str, Which]]] = set()


class WithLargeRow(TypedDict):
    """A row of a list without its large column, and the length of that column."""

    seq: int
    size_bytes: int | None


W = TypeVar("W", bound=WithLargeRow)


def is_whole(row: JobRow) -> bool:
    """Whether payload and result are both in the row of the job."""
    return row["payload"] is not None and (row["result"] is not None or row["result_bytes"] is None)


def body_bytes(row: JobRow) -> int:
    """The length of payload and result together, in bytes."""
    size = row["payload_bytes"] or 0
    size += row["result_bytes"] or 0
    for body in (row["payload"], row["result"]):
        size += 0 if body is None else len(body)
    return size


def insert_job(tx: Tx, statement: str, row: JobRow) -> int:
    """Store a new job whose payload is in its row, wherever that is to stand; its number."""
    payload = row["payload"]
    assert payload is not None, "a new job brings it"
    if len(payload) <= IN_ROW_BYTES_MAX:
        return tx.insert(statement, row)
    seq = tx.insert(statement, {**row, "payload": None, "payload_bytes": len(payload)})
    _add(tx, seq, "payload", payload)
    return seq


def result_columns(result: bytes | None) -> dict[str, Any]:
    """The parameters of the statement that completes a job; `add_result` comes after it."""
    if result is None or len(result) <= IN_ROW_BYTES_MAX:
        return {"result": result, "result_bytes": None}
    return {"result": None, "result_bytes": len(result)}


def add_result(tx: Tx, row: JobRow, result: bytes | None) -> JobRow:
    """Store the result of a job that was completed just now, if it stands apart; the job whole."""
    if row["result_bytes"] is None:
        return row
    assert result is not None, "it has a length"
    _add(tx, row["seq"], "result", result)
    return _with(row, {"result": result})


def detail_columns(detail: ErrorDetail) -> dict[str, Any]:
    """The parameters of the statement that says how a job failed; `add_traceback` comes after."""
    size = None if detail.traceback is None else len(detail.traceback)
    return {"error_type": detail.error_type, "traceback_bytes": size}


def add_traceback(tx: Tx, row: JobRow, traceback: bytes | None) -> None:
    """Store the traceback of a job's last error, whose row has its length by now."""
    if traceback is not None:
        _add(tx, row["seq"], "traceback", traceback)


def tracebacks(tx: Reading, rows: Sequence[JobRow], bytes_max: int) -> dict[str, bytes]:
    """The tracebacks of jobs, by their ids, as long as they are at most `bytes_max` together.

    One that is damaged in the file is given as it is: nothing is made from it, and
    `spooled-lite check` names it.
    """
    found: dict[str, bytes] = {}
    left = bytes_max
    for row in rows:
        if row["traceback_bytes"] is None or row["traceback_bytes"] > left:
            continue
        body = tx.value(statements.TRACEBACK, {"seq": row["seq"], "id": row["id"]})
        if body is not None:
            found[row["id"]] = body
            left -= len(body)
    return found


def whole(tx: Reading, row: J) -> J | None:
    """The job with its payload and result; None if it was deleted in the meantime.

    Raises:
        BodyDamaged: a body is not what was stored. That is logged once for each.
    """
    if is_whole(row):
        return row
    asked = {"seq": row["seq"], "id": row["id"]}
    bodies: dict[Which, bytes] = {
        stored["which"]: stored["body"]
        for stored in tx.rows(statements.BODIES, asked)
        if checksum(stored["body"]) == stored["checksum"]
    }
    for which in _apart(row):
        if which in bodies:
            continue
        if tx.value(statements.IS_THERE, asked) is None:
            return None
        _log_once(row["id"], which)
        raise BodyDamaged(which)
    return _with(row, {which: bodies[which] for which in _apart(row)})


def all_whole(tx: Reading, rows: Sequence[J]) -> list[J | BodyDamaged | None]:
    """As `whole` for each job; in the place of a damaged one stands the error."""
    return [_whole_or_error(tx, row) for row in rows]


def whole_while_room(tx: Reading, rows: Sequence[J], bytes_max: int) -> list[J]:
    """Each of them whole as long as what is read for that is at most `bytes_max`.

    The others stay without their bodies, as one that is damaged or was deleted meanwhile does.
    """
    found: list[J] = []
    left = bytes_max
    for row in rows:
        size = 0 if is_whole(row) else body_bytes(row)
        if size > left:
            found.append(row)
            continue
        left -= size
        each = _whole_or_error(tx, row)
        found.append(row if each is None or isinstance(each, BodyDamaged) else each)
    return found


def filled(tx: Reading, rows: Sequence[W], column: str, statement: Value[bytes]) -> list[W]:
    """The rows of a list, each with its one large column, which `statement` reads for `:seq`.

    The rows come with the length of that column as `size_bytes`, and with NULL in its place. It
    stays NULL where PAGE_BYTES_MAX is used up, unless it is at most IN_ROW_BYTES_MAX long.
    """
    found: list[W] = []
    left = PAGE_BYTES_MAX
    for row in rows:
        size = row["size_bytes"] or 0
        if size > IN_ROW_BYTES_MAX:
            if size > left:
                found.append(row)
                continue
            left -= size
        value = tx.value(statement, {"seq": row["seq"]}) if size else None
        found.append(row if value is None else _with(row, {column: value}))
    return found


def is_omitted(value: bytes | None, size_bytes: int | None) -> bool:
    """Whether `filled` had no room for the large column of a row, which is so long."""
    return value is None and bool(size_bytes)


def is_intact(body: bytes | None, stored_checksum: int | None) -> bool:
    """Whether a body is what was stored. One that stands in its row has no checksum."""
    return body is None or stored_checksum is None or checksum(body) == stored_checksum


def checksum(body: bytes) -> int:
    return zlib.crc32(body)


def _apart(row: JobRow) -> Iterator[Which]:
    if row["payload"] is None:
        yield "payload"
    if row["result"] is None and row["result_bytes"] is not None:
        yield "result"


def _whole_or_error(tx: Reading, row: J) -> J | BodyDamaged | None:
    try:
        return whole(tx, row)
    except BodyDamaged as error:
        return error


def _with(row: R, columns: Mapping[str, object]) -> R:
    """A copy of the row with new values in these columns."""
    return cast(R, {**row, **columns})


def _add(tx: Tx, job: int, which: BodyKind, body: bytes) -> None:
    params = {"job": job, "which": which, "body": body, "checksum": checksum(body)}
    tx.execute(statements.ADD_BODY, params)


def _log_once(job_id: str, which: Which) -> None:
    if (job_id, which) not in _logged and len(_logged) < DAMAGED_LOGGED_MAX:
        _logged.add((job_id, which))
        logger.critical("the %s of job %s is damaged in the file", which, job_id)
