"""REST route that searches payloads, results and errors of jobs. Contract: amendments, 2 (S5)."""

import asyncio
import re
from collections.abc import Sequence
from typing import Final

from msgspec import structs

from spooled_lite.core.jobs.choice import Choice
from spooled_lite.core.jobs.payload_path import path_search
from spooled_lite.core.jobs.search import (
    BEFORE_ALL,
    TEXT_CHARS_MAX,
    WHERES,
    Place,
    Search,
    SearchHit,
    Where,
    find_named,
    search_window,
)
from spooled_lite.core.jobs.states import STATUSES
from spooled_lite.errors import BadRequest
from spooled_lite.times import format_optional_ms
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.paging import Page, integer
from spooled_lite.wire.http.resources.job_filters import STATUS_ALIASES, filter_of
from spooled_lite.wire.http.resources.job_views import job_summary
from spooled_lite.wire.shapes.job_actions import STATES
from spooled_lite.wire.shapes.search import FoundJob, Match, SearchAnswer

SECONDS: Final = 0.2  # of a call; then it says where to go on
JOBS_SHOWN: Final = 20
JOBS_SHOWN_MAX: Final = 100

_PLACE: Final = re.compile(r"(-?[0-9]{1,18})\.([0-9]{1,18})")
_BEGIN: Final = "begin"  # of jobs, when some were found before any were looked through


async def search(call: Call) -> Reply:
    wanted, place = _wanted(call), _place(call)
    shown = integer(call, "limit", default=JOBS_SHOWN, least=1, most=JOBS_SHOWN_MAX)
    found: list[SearchHit] = []
    if place is None and wanted.at_path is None:
        found = await call.reads.read(find_named, call.org, wanted, call.scope, shown)
    if wanted.is_by_index:
        return _answer(call, found, 0, None, None)
    if found:  # that was meant; who wants more goes on
        return _answer(call, found, 0, None, BEFORE_ALL)
    with call.services.searches.place(call.org):
        return await _looked_through(call, wanted, place or BEFORE_ALL, shown)


async def _looked_through(call: Call, wanted: Search, begin: Place, shown: int) -> Reply:
    """Search for SECONDS, but at least one window, so that each further call gets on."""
    loop = asyncio.get_running_loop()
    until = loop.time() + SECONDS
    found, scanned, oldest_ms = list[SearchHit](), 0, None
    place: Place | None = begin
    while place is not None:
        window = await call.reads.read(
            search_window, call.org, wanted, call.scope, place, rows_max=shown - len(found)
        )
        found += window.found
        place, scanned = window.place, scanned + window.looked_at
        oldest_ms = oldest_ms if window.oldest_ms is None else window.oldest_ms
        if len(found) == shown or loop.time() > until:
            break
    return _answer(call, found, scanned, oldest_ms, place)


def _answer(
    call: Call, found: Sequence[SearchHit], scanned: int, oldest_ms: int | None, place: Place | None
) -> Reply:
    return reply(
        SearchAnswer(
            jobs=[_found_job(each, call.org_id) for each in found],
            scanned=scanned,
            reached_at=format_optional_ms(oldest_ms),
            cursor=_cursor_of(place),
            is_complete=place is None,
        )
    )


def _found_job(found: SearchHit, org_id: str) -> FoundJob:
    summary = structs.asdict(job_summary(found.row, org_id))
    return FoundJob(**summary, match=Match(found.where, found.excerpt))


# -- what is asked for ---------------------------------------------------------------------------


def _wanted(call: Call) -> Search:
    query = call.query
    text, path, equals = query.get("text"), query.get("path"), query.get("equals")
    choice = _choice(call)
    if path:
        if text:
            raise BadRequest("Query parameters `text` and `path` cannot be combined")
        if equals is None:
            raise BadRequest("Query parameter `equals` is required with `path`")
        return Search(choice=choice, at_path=path_search(path, equals))
    if equals is not None:
        raise BadRequest("Query parameter `path` is required with `equals`")
    if not text:
        raise BadRequest("Query parameter `text` or `path` is required")
    if len(text) > TEXT_CHARS_MAX:
        raise BadRequest(f"Query parameter `text` is longer than {TEXT_CHARS_MAX} characters")
    return Search(choice=choice, text=text, where=_where(query.get("where")))


def _where(given: str | None) -> Sequence[Where]:
    if not given:
        return WHERES
    asked = {each.strip() for each in given.split(",")}
    if not asked <= set(WHERES):
        raise BadRequest(f"Query parameter `where` may name: {', '.join(WHERES)}")
    return [each for each in WHERES if each in asked]


def _choice(call: Call) -> Choice:
    asked = filter_of(call, Page(limit=0, offset=0), None)
    if asked.exact_state is not None:
        raise BadRequest(f"Query parameter `state` must be one of: {', '.join(STATES)}")
    statuses = _statuses(call.query.get("status"))
    if asked.error_key is not None and not statuses:
        statuses = ["deadletter"]  # as in the list
    return Choice(
        statuses=statuses,
        # As it is sent: no queue has a name that is none, and nothing is found there.
        queue_name=call.query.get("queue_name") or call.query.get("queue") or None,
        state=asked.state,
        error_key=asked.error_key,
        job_type=asked.job_type,
        tag=asked.tag,
        created_after_ms=asked.created_after_ms,
        created_before_ms=asked.created_before_ms,
    )


def _statuses(given: str | None) -> Sequence[str]:
    """Raises BadRequest for an unknown one."""
    found = [STATUS_ALIASES.get(each.strip().lower()) for each in given.split(",")] if given else []
    if None in found:
        raise BadRequest(f"Query parameter `status` may name: {', '.join(STATUSES)}")
    return list(dict.fromkeys(each for each in found if each is not None))


# -- where a call goes on ------------------------------------------------------------------------


def _place(call: Call) -> Place | None:
    text = call.query.get("cursor")
    if not text:
        return None
    if text == _BEGIN:
        return BEFORE_ALL
    numbers = _PLACE.fullmatch(text)
    if numbers is None:
        raise BadRequest("Query parameter `cursor` is none that was answered before")
    return Place(int(numbers[1]), int(numbers[2]))


def _cursor_of(place: Place | None) -> str | None:
    if place is None:
        return None
    return _BEGIN if place == BEFORE_ALL else f"{place.created_at_ms}.{place.seq}"
