"""Reading schedules and their runs."""

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from msgspec import Struct

from spooled_lite.core.jobs.bodies import filled
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.schedules import statements
from spooled_lite.core.schedules.columns import (
    ListedScheduleRow,
    RunRow,
    ScheduleOfAnyOrgRow,
    ScheduleRow,
)
from spooled_lite.errors import NotFound
from spooled_lite.storage.statement import Statement
from spooled_lite.storage.texts import array_of
from spooled_lite.storage.transaction import Reading

FedBySchedule = Literal["queue", "task", "flow"]

# The columns that a list can be sorted by, by their names on the wire.
SORT_COLUMNS: Final[Mapping[str, str]] = {
    "created_at": "created_at_ms",
    "updated_at": "updated_at_ms",
    "last_run_at": "last_run_at_ms",
    "next_run_at": "next_run_at_ms",
    "name": "name",
    "queue_name": "queue_name",
    "priority": "priority",
    "run_count": "run_count",
    "is_active": "is_active",
}
# Fragments of constants, joined with AND; values are always bound.
_FRAGMENTS: Final[Mapping[str, str]] = {
    "queue_name": "queue_name = :queue_name",
    "queue_names": "queue_name IN (SELECT value FROM json_each(:queue_names))",
    "is_active": "is_active = :is_active",
    "queue": "task_name IS NULL AND flow_name IS NULL",
    "task": "task_name IS NOT NULL",
    "flow": "flow_name IS NOT NULL",
    "task_name": "task_name = :task_name",
    "flow_name": "flow_name = :flow_name",
}
TARGETS: Final[tuple[FedBySchedule, ...]] = get_args(FedBySchedule)


class ScheduleFilter(Struct, frozen=True, kw_only=True):
    """Which schedules a list shows, and in which order. A field that is None filters nothing."""

    queue_name: str | None = None
    is_active: bool | None = None
    target: FedBySchedule | None = None  # what it feeds
    task_name: str | None = None
    flow_name: str | None = None
    order_by: str = "created_at"
    descending: bool = True
    rows_max: int = 100
    offset: int = 0


def get_schedule(tx: Reading, org: int, schedule_id: str, scope: Scope) -> ScheduleRow:
    """One schedule.

    Raises:
        NotFound: no such schedule in this organization.
        AccessDenied: its queue is outside the key's queues.

    Contract: schedules, section 1.2 row 3.
    """
    row = tx.row(statements.BY_ID, {"id": schedule_id, "org": org})
    if row is None:
        raise NotFound.thing("Schedule")
    scope.check(row["queue_name"])
    return row


def list_schedules(
    tx: Reading, org: int, wanted: ScheduleFilter, scope: Scope
) -> list[ListedScheduleRow]:
    """A page of schedules, without those outside the key's queues.

    Once the templates of a page reach PAGE_BYTES_MAX, the remaining large ones are left out.

    Contract: schedules, section 1.2 row 1.
    """
    params: dict[str, Any] = {"org": org, "limit": wanted.rows_max, "offset": wanted.offset}
    names = []
    if wanted.queue_name is not None:
        names.append("queue_name")
        params["queue_name"] = wanted.queue_name
    if wanted.is_active is not None:
        names.append("is_active")
        params["is_active"] = int(wanted.is_active)
    if wanted.target is not None:
        names.append(wanted.target)
    if wanted.task_name is not None:
        names.append("task_name")
        params["task_name"] = wanted.task_name
    if wanted.flow_name is not None:
        names.append("flow_name")
        params["flow_name"] = wanted.flow_name
    if not scope.is_unrestricted:
        names.append("queue_names")
        params["queue_names"] = queue_names_in_scope(tx, org, scope)
    rows = tx.rows(_statement(names, wanted), params)
    return filled(tx, rows, "payload_template", statements.TEMPLATE)


def list_all_schedules(
    tx: Reading, *, is_active: bool | None, limit: int, offset: int
) -> list[ScheduleOfAnyOrgRow]:
    """The schedules of all organizations, newest first. Contract: platform, section 17."""
    asked = {"is_active": is_active, "limit": limit, "offset": offset}
    rows = tx.rows(statements.OF_ALL_ORGS, asked)
    return filled(tx, rows, "payload_template", statements.TEMPLATE)


def list_runs(
    tx: Reading, org: int, schedule_id: str, scope: Scope, *, limit: int, offset: int
) -> list[RunRow]:
    """The runs of a schedule, newest first. Raises: as `get_schedule`.

    Contract: schedules, section 1.2 row 9.
    """
    schedule = get_schedule(tx, org, schedule_id, scope)
    asked = {"schedule": schedule["seq"], "limit": limit, "offset": offset}
    return tx.rows(statements.RUNS, asked)


def queue_names_in_scope(tx: Reading, org: int, scope: Scope) -> str:
    """Those of its schedules that a key may see, as a JSON array."""
    names = tx.values(statements.QUEUE_NAMES, {"org": org})
    return array_of([name for name in names if scope.allows(name)])


def _statement(names: list[str], wanted: ScheduleFilter) -> Statement[ListedScheduleRow]:
    where = "".join(f" AND {_FRAGMENTS[name]}" for name in names)
    way = "DESC" if wanted.descending else "ASC"
    order = (
        f" ORDER BY {SORT_COLUMNS[wanted.order_by]} {way}, seq {way} LIMIT :limit OFFSET :offset"
    )
    return Statement(statements.LIST.row_type, statements.LIST.text + where + order)
