"""The filters and orders of lists of jobs, as query parameters name them. Contract: jobs, J2."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from spooled_lite.core.jobs.choice import WaitingState
from spooled_lite.core.jobs.columns import Kind
from spooled_lite.core.jobs.errors import key_shown
from spooled_lite.core.jobs.filter_statements import OF_STATE, StateWord
from spooled_lite.core.jobs.kinds import RULES
from spooled_lite.core.jobs.query import JobFilter, slow_filter
from spooled_lite.core.jobs.states import STATUSES
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.queues.names import is_queue_name
from spooled_lite.errors import BadRequest, RequestTimeout
from spooled_lite.storage.transaction import Reading
from spooled_lite.wire.http.call import Call
from spooled_lite.wire.http.paging import Page, time_ms
from spooled_lite.wire.shapes.job_actions import STATES

R = TypeVar("R")

SLOW_LIST_SECONDS_MAX: Final = 2.0  # of a list that no index answers
TAG_CHARACTERS_MAX: Final = 1_024

STATUS_ALIASES: Final = {
    **{status: status for status in STATUSES},
    "dead_letter": "deadletter",
    "dead-letter": "deadletter",
    "canceled": "cancelled",
}
LISTED_STATES: Final = (*STATES, *OF_STATE)
JOB_ORDERS: Final = frozenset(
    {
        "created_at",
        "updated_at",
        "scheduled_at",
        "completed_at",
        "finished_at",
        "priority",
        "status",
        "queue_name",
        "retry_count",
    }
)


async def listed(
    call: Call,
    shown: Page,
    statuses: Sequence[str] | None,
    find: Callable[[Reading, int, JobFilter, Scope], list[R]],
) -> list[R]:
    """A page of jobs by the query of J2. A list that no index answers has two seconds."""
    return await read_jobs(call, filter_of(call, shown, statuses), find)


async def read_jobs(
    call: Call, wanted: JobFilter, find: Callable[[Reading, int, JobFilter, Scope], list[R]]
) -> list[R]:
    """Raises RequestTimeout: the list was slow; it names the filter that made it so."""
    slow = slow_filter(wanted)
    if slow is None:
        return await call.reads.read(find, call.org, wanted, call.scope)
    try:
        return await call.reads.read_within(
            SLOW_LIST_SECONDS_MAX, find, call.org, wanted, call.scope
        )
    except RequestTimeout:
        raise RequestTimeout(
            f"The filter `{slow}` took longer than {SLOW_LIST_SECONDS_MAX:g} seconds;"
            " narrow the list by queue, status or time"
        ) from None


def filter_of(call: Call, shown: Page, statuses: Sequence[str] | None) -> JobFilter:
    query = call.query
    queue_name = query.get("queue_name") or query.get("queue")
    tag = query.get("tag") or None
    if tag is not None and len(tag) > TAG_CHARACTERS_MAX:
        raise BadRequest(f"Query parameter `tag` is longer than {TAG_CHARACTERS_MAX} characters")
    order_by = query.get("order_by", "")
    waiting, exact = _state(query.get("state"))
    return JobFilter(
        queue_name=queue_name if queue_name and is_queue_name(queue_name) else None,
        statuses=statuses,
        text=query.get("q") or None,
        job_type=query.get("job_type") or None,
        kind=_kind(query.get("kind")),
        task_name=query.get("task_name") or None,
        created_after_ms=time_ms(call, "created_after"),
        created_before_ms=time_ms(call, "created_before"),
        tag=tag,
        workflow_id=query.get("workflow_id") or None,
        worker_id=query.get("worker_id") or None,
        state=waiting,
        exact_state=exact,
        finished_after_ms=time_ms(call, "finished_after"),
        finished_before_ms=time_ms(call, "finished_before"),
        error_key=_error_key(query.get("error_key")),
        order_by=order_by if order_by in JOB_ORDERS else "created_at",
        descending=query.get("order_dir", "").lower() != "asc",
        rows_max=shown.fetch,
        offset=shown.offset,
    )


def named_jobs(call: Call, ids_max: int) -> list[str]:
    """The jobs that the parameter `ids` names. Raises BadRequest: it is absent, or too long."""
    given = call.query.get("ids")
    if given is None:
        raise BadRequest("Query parameter `ids` is required")
    job_ids = [part for each in given.split(",") if (part := each.strip())]
    if len(job_ids) > ids_max:
        raise BadRequest(f"Query parameter `ids` may name at most {ids_max} jobs")
    return job_ids


def statuses_of(given: str | None) -> Sequence[str] | None:
    """Unknown names are dropped; if none remain there is no filter (contract: J2)."""
    names = [STATUS_ALIASES.get(each.strip().lower()) for each in (given or "").split(",")]
    known = list(dict.fromkeys(name for name in names if name is not None))
    return known or None


def _state(given: str | None) -> tuple[WaitingState | None, StateWord | None]:
    """Raises BadRequest for an unknown one."""
    for waiting in STATES:
        if given == waiting:
            return waiting, None
    for word in OF_STATE:
        if given == word:
            return None, word
    if given:
        raise BadRequest(f"Query parameter `state` must be one of: {', '.join(LISTED_STATES)}")
    return None, None


def _kind(given: str | None) -> Kind | None:
    """Raises BadRequest for an unknown one."""
    for kind in RULES:
        if given == kind:
            return kind
    if given:
        raise BadRequest(f"Query parameter `kind` must be one of: {', '.join(RULES)}")
    return None


def _error_key(given: str | None) -> int | None:
    """Raises BadRequest: no error is shown so."""
    if not given:
        return None
    key = key_shown(given)
    if key is None:
        raise BadRequest("Query parameter `error_key` must have 16 hexadecimal digits")
    return key
