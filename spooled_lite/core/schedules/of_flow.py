"""The one schedule of a flow: put, looked at and deleted by the name of the flow.

Contract: catbird-capabilities, S1 and S2.
"""

from collections.abc import Mapping
from typing import Any

from spooled_lite.core.flows.query import get_flow
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.schedules import statements
from spooled_lite.core.schedules.columns import ScheduleRow
from spooled_lite.core.schedules.define import delete
from spooled_lite.core.schedules.of_task import put_schedule
from spooled_lite.core.schedules.records import NewSchedule
from spooled_lite.errors import NotFound
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Reading, Tx


@in_lane(Lane.CREATE)
def put_flow_schedule(
    tx: Tx,
    org: int,
    new: NewSchedule,
    also: Mapping[str, Any],
    next_run_at_ms: int | None,
    admission: Admission,
    scope: Scope,
) -> ScheduleRow:
    """As `put_task_schedule`, of a flow. Raises: as `get_flow`; QuotaExceeded."""
    assert new.flow_name is not None
    get_flow(tx, org, new.flow_name, scope)
    known = tx.row(statements.OF_FLOW, {"org": org, "flow_name": new.flow_name})
    return put_schedule(tx, known, org, new, also, next_run_at_ms, admission, scope)


def get_flow_schedule(tx: Reading, org: int, flow_name: str, scope: Scope) -> ScheduleRow:
    """Raises: as `get_flow`; NotFound when the flow has none."""
    get_flow(tx, org, flow_name, scope)
    row = tx.row(statements.OF_FLOW, {"org": org, "flow_name": flow_name})
    if row is None:
        raise NotFound.thing("Schedule", resource="schedule")
    return row


def delete_flow_schedule(tx: Tx, org: int, flow_name: str, scope: Scope) -> str:
    """The id that it had. Raises: as `get_flow_schedule`."""
    schedule_id = get_flow_schedule(tx, org, flow_name, scope)["id"]
    delete(tx, org, schedule_id, scope)
    return schedule_id
