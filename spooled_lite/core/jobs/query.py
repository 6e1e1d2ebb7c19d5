"""Finding and listing jobs."""

import re
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs import filter_statements as filters
from spooled_lite.core.jobs import statements
from spooled_lite.core.jobs.choice import WaitingState
from spooled_lite.core.jobs.columns import JobRow, Kind
from spooled_lite.core.jobs.dead_letters import queues_in_scope
from spooled_lite.core.jobs.filter_statements import StateWord
from spooled_lite.core.jobs.statements import JobStatusRow, ListedJobRow
from spooled_lite.core.keys.records import Scope
from spooled_lite.errors import NotFound
from spooled_lite.storage.statement import Statement, Value
from spooled_lite.storage.texts import array_of, is_findable, pattern_of
from spooled_lite.storage.transaction import Reading

R = TypeVar("R")


class JobFilter(Struct, frozen=True, kw_only=True):
    """Which jobs a list is about. A field that is None filters nothing."""

    queue_name: str | None = None
    statuses: Sequence[str] | None = None
    kind: Kind | None = None  # None: all kinds that are listed
    task_name: str | None = None  # of runs, and of what follows their failures
    text: str | None = None  # `q`: id begins with it, or queue name or job type contain it
    job_type: str | None = None
    created_after_ms: int | None = None  # inclusive
    created_before_ms: int | None = None  # exclusive
    tag: str | None = None
    workflow_id: str | None = None
    worker_id: str | None = None  # the worker that holds the lease
    state: WaitingState | None = None
    exact_state: StateWord | None = None
    finished_after_ms: int | None = None  # inclusive
    finished_before_ms: int | None = None  # exclusive
    error_key: int | None = None  # dead letters with this error
    order_by: str = "created_at"
    descending: bool = True
    rows_max: int = 50
    offset: int = 0


_ID_PREFIX: Final = re.compile(r"[0-9a-f]{8}[0-9a-f-]{0,28}")


def get_job(tx: Reading, org: int, job_id: str, scope: Scope) -> JobRow:
    """One job, without large payload and result.

    Raises NotFound: no such job in this organization and scope. Contract: jobs, J3.
    """
    row = tx.row(statements.BY_ID, {"id": job_id, "org": org})
    if row is None or not scope.allows(row["queue_name"]):
        raise NotFound.thing("Job")
    return row


def get_jobs(tx: Reading, org: int, job_ids: Sequence[str], scope: Scope) -> list[JobRow]:
    """The named jobs in the order they were named, without large payloads and results.

    Raises NotFound: one of them is not in this organization and scope; it says which by its index.
    """
    rows = tx.rows(statements.BY_IDS, {"ids": array_of(job_ids), "org": org})
    found = {row["id"]: row for row in rows if scope.allows(row["queue_name"])}
    for index, job_id in enumerate(job_ids):
        if job_id not in found:
            raise NotFound("Job not found", details={"index": index})
    return [found[job_id] for job_id in job_ids]


def job_statuses(tx: Reading, org: int, job_ids: Sequence[str], scope: Scope) -> list[JobStatusRow]:
    """The named jobs that exist, in the order they were named. Contract: jobs, J9."""
    rows = tx.rows(statements.STATUSES, {"ids": array_of(job_ids), "org": org})
    return [row for row in rows if scope.allows(row["queue_name"])]


def list_jobs(tx: Reading, org: int, wanted: JobFilter, scope: Scope) -> list[ListedJobRow]:
    """A page of jobs, ties in the order they were stored. Contract: jobs, J2."""
    return _list(tx, org, wanted, scope, statements.LIST)


def list_whole_jobs(tx: Reading, org: int, wanted: JobFilter, scope: Scope) -> list[JobRow]:
    """The same with every column, but without large payloads and results. Contract: jobs, J20."""
    return _list(tx, org, wanted, scope, statements.LIST_WHOLE)


def _list(tx: Reading, org: int, wanted: JobFilter, scope: Scope, select: Statement[R]) -> list[R]:
    if wanted.text is not None and not is_findable(wanted.text):
        return []
    params: dict[str, Any] = {"org": org, "limit": wanted.rows_max, "offset": wanted.offset}
    if wanted.worker_id is not None or wanted.state is not None or wanted.error_key is not None:
        return _list_few(tx, org, wanted, scope, params, select)
    names = [*_scope_filters(tx, org, wanted, scope, params), *_filters(wanted, params)]
    if wanted.order_by == "finished_at":
        names.append("completed")
    if wanted.order_by == "completed_at":
        return _list_by_completion(tx, names, wanted, params, select)
    return tx.rows(_statement(names, wanted, select), params)


def _list_few(
    tx: Reading,
    org: int,
    wanted: JobFilter,
    scope: Scope,
    params: dict[str, Any],
    select: Statement[R],
) -> list[R]:
    """Jobs that a worker holds, that are held back, or that died of one error."""
    given = (wanted.worker_id, wanted.state, wanted.error_key)
    if sum(each is not None for each in given) > 1:
        return []  # a job that a worker holds waits for nothing, and a dead letter neither
    if wanted.state is not None:
        params["queues"] = queues_in_scope(tx, org, scope, wanted.queue_name)
        names = ["queues"]
        index, few = filters.FEW[wanted.state]
    else:
        params |= {"worker_id": wanted.worker_id, "error_key": wanted.error_key}
        names = _scope_filters(tx, org, wanted, scope, params)
        index, few = filters.FEW["worker_id" if wanted.error_key is None else "error_key"]
    names += _filters(wanted, params)
    where = " AND ".join([few, *(filters.FRAGMENTS[name] for name in names)]) + statements.VISIBLE
    # Where none has come to its end: in the order of completion they are what follows.
    is_open = wanted.order_by == "completed_at" and wanted.error_key is None
    by = "created_at" if is_open else wanted.order_by
    order = _order(by, descending=wanted.descending)
    page = (
        f"{statements.NUMBERS} INDEXED BY {index} WHERE {where}{order} LIMIT :limit OFFSET :offset"
    )
    whole = f"{select.text}{statements.BY_NUMBERS} WHERE seq IN ({page}){order}"
    return tx.rows(Statement(select.row_type, whole), params)


def _list_by_completion(
    tx: Reading,
    names: Sequence[str],
    wanted: JobFilter,
    params: dict[str, Any],
    select: Statement[R],
) -> list[R]:
    """Finished jobs by an index that holds only them; the others follow, in either direction."""
    finished, others = [*names, "completed"], [*names, "not_completed"]
    rows = tx.rows(_statement(finished, wanted, select), params)
    if len(rows) == wanted.rows_max:
        return rows
    skipped = tx.value(Value(int, f"{statements.COUNT}{_where(finished)} LIMIT :offset)"), params)
    assert skipped is not None, "count(*) always yields a row"
    rest = msgspec.structs.replace(wanted, order_by="created_at")
    more = {"limit": wanted.rows_max - len(rows), "offset": wanted.offset - skipped}
    return rows + tx.rows(_statement(others, rest, select), {**params, **more})


def slow_filter(wanted: JobFilter) -> str | None:
    """The filter or order that no index answers, to be named when its time is up.

    Contract: jobs, J2 ("Cost").
    """
    if wanted.tag is not None:
        return "tag"
    if wanted.text is not None and not _is_id_prefix(wanted.text):
        return "q"
    if wanted.workflow_id is not None:
        return "workflow_id"
    if wanted.worker_id is not None:
        return "worker_id"
    if wanted.state is not None:
        return "state"
    if wanted.exact_state is not None:
        return "state"
    if wanted.error_key is not None:
        return "error_key"
    if wanted.task_name is not None and wanted.kind != "task_run":
        return "task_name"
    if wanted.kind in ("job", "step"):
        return "kind"
    if wanted.order_by not in ("created_at", "completed_at", "finished_at"):
        return "order_by"
    if wanted.order_by != "finished_at":
        if wanted.finished_after_ms is not None:
            return "finished_after"
        if wanted.finished_before_ms is not None:
            return "finished_before"
    # An index answers one of these at a time, and none of them in the order of completion.
    narrowed_by = [
        name
        for name, value in (
            ("queue_name", wanted.queue_name),
            ("job_type", wanted.job_type),
            ("kind", wanted.kind),
            ("q", wanted.text),
            ("status", None if _is_dead_of_queue(wanted) else wanted.statuses),
        )
        if value is not None
    ]
    if wanted.order_by in ("completed_at", "finished_at"):
        narrowed_by += [] if wanted.created_after_ms is None else ["created_after"]
        narrowed_by += [] if wanted.created_before_ms is None else ["created_before"]
        return "order_by" if narrowed_by else None
    if len(narrowed_by) > 1 or (wanted.statuses is not None and len(wanted.statuses) > 1):
        return narrowed_by[-1]
    return None


def _scope_filters(
    tx: Reading, org: int, wanted: JobFilter, scope: Scope, params: dict[str, Any]
) -> list[str]:
    if wanted.queue_name is not None:
        queue = tx.value(statements.LIVE_QUEUE, {"org": org, "queue_name": wanted.queue_name})
        visible = queue is not None and scope.allows(wanted.queue_name)
        params["queue"] = queue if queue is not None and visible else -1
        return ["queue"]
    if not scope.is_unrestricted:
        params["queues"] = queues_in_scope(tx, org, scope)
        return ["queues"]
    return []


def _kind_filters(wanted: JobFilter, params: dict[str, Any]) -> list[str]:
    """Which kinds, and which task. An index has the runs of a task, and one all rare kinds."""
    params |= {"kind": wanted.kind, "task_name": wanted.task_name}
    if wanted.kind is None:
        return ["listed"] if wanted.task_name is None else ["listed", "task_name"]
    if wanted.kind == "task_run" and wanted.task_name is not None:
        return ["run"]
    is_common = wanted.kind in ("job", "step")
    names = ["listed", "kind"] if is_common else ["other_kind"]
    return names if wanted.task_name is None else [*names, "task_name"]


def _filters(wanted: JobFilter, params: dict[str, Any]) -> list[str]:
    names = _kind_filters(wanted, params)
    if wanted.statuses is not None:
        if _is_dead_of_queue(wanted):
            names.append("deadletter")
        elif len(wanted.statuses) == 1:
            params["status"] = wanted.statuses[0]
            names.append("status")
        else:
            params["statuses"] = array_of(wanted.statuses)
            names.append("statuses")
    for name in (
        *("job_type", "created_after_ms", "created_before_ms", "tag", "workflow_id"),
        *("finished_after_ms", "finished_before_ms"),
    ):
        value = getattr(wanted, name)
        if value is not None:
            params[name] = value
            names.append(name)
    if wanted.exact_state is not None:
        names.append(f"state.{wanted.exact_state}")
    if wanted.text is not None and not wanted.text.isascii():
        params["text_pattern"] = f"*{pattern_of(wanted.text)}*"
        names.append("text_pattern")
    elif wanted.text is not None:
        params["text"] = wanted.text.lower()
        params["text_end"] = wanted.text.lower() + "\uffff"
        names.append("id_text" if _is_id_prefix(wanted.text) else "text")
    return names


def _is_dead_of_queue(wanted: JobFilter) -> bool:
    """Then an index has them all, and no other jobs."""
    return wanted.queue_name is not None and list(wanted.statuses or ()) == ["deadletter"]


def _is_id_prefix(text: str) -> bool:
    return _ID_PREFIX.fullmatch(text.lower()) is not None


def _where(names: Sequence[str]) -> str:
    joined = " AND ".join(["org = :org", *(filters.FRAGMENTS[name] for name in names)])
    return f"{joined}{statements.VISIBLE}"


def _statement(names: Sequence[str], wanted: JobFilter, select: Statement[R]) -> Statement[R]:
    by_index = ""
    if "id_text" in names:
        by_index = statements.BY_NUMBERS
    elif wanted.order_by == "finished_at":
        by_index = " INDEXED BY jobs_by_completion"
    elif "deadletter" in names:
        by_index = " INDEXED BY jobs_dead_of_queue"
    order = _order(wanted.order_by, descending=wanted.descending)
    return Statement(
        select.row_type,
        f"{select.text}{by_index} WHERE {_where(names)}{order} LIMIT :limit OFFSET :offset",
    )


def _order(by: str, *, descending: bool) -> str:
    direction = "DESC" if descending else "ASC"
    return f" ORDER BY {filters.ORDER_COLUMNS[by]} {direction}, seq {direction}"
