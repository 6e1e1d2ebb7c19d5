"""Tasks over HTTP. Contract: catbird-capabilities, section 6.1, A5."""

from spooled_lite.core.breakers.columns import BreakerStanding
from spooled_lite.core.breakers.standing import standing
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.maintenance.remove_task import delete_task, remove_runs_of_leaving
from spooled_lite.core.queues.names import on_fail_queue
from spooled_lite.core.tasks.columns import TaskRow
from spooled_lite.core.tasks.define import create_task, define_task
from spooled_lite.core.tasks.names import checked_task_name
from spooled_lite.core.tasks.query import TASKS_LISTED, get_task, list_tasks
from spooled_lite.core.tasks.records import TaskDefinition
from spooled_lite.core.tasks.revision import Defined
from spooled_lite.storage.transaction import Reading
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.http.if_match import if_match_of
from spooled_lite.wire.http.paging import page, paged
from spooled_lite.wire.http.unknown_fields import body_and_unknown
from spooled_lite.wire.shapes.on_fail_bodies import OnFailBody
from spooled_lite.wire.shapes.policy_bodies import BreakerView
from spooled_lite.wire.shapes.tasks import CreateTask, ReplaceTask, TaskView


async def list_all(call: Call) -> Reply:
    shown = page(call, default=TASKS_LISTED, max=500)
    rows = await call.reads.read(
        list_tasks, call.org, call.scope, limit=shown.fetch, offset=shown.offset
    )
    return paged([TaskView.of(row) for row in rows], shown)


async def create(call: Call) -> Reply:
    body, unknown = await body_and_unknown(call, CreateTask, TaskView)
    name = checked_task_name(body.name)
    wanted = _wanted(call, name, body)

    def answer(made: Defined[TaskRow]) -> Reply:
        said = unknown if made.is_new else []
        return reply(_told(made, [*said, *body.warnings()]), 201 if made.is_new else 200)

    return await Acting(call, "task", "create", name, count=lambda it: it.is_new).write_once(
        answer, create_task, call.org, name, wanted, call.scope
    )


async def get(call: Call) -> Reply:
    row, breaker = await call.reads.point(_with_breaker, call.org, call.path("name"), call.scope)
    view = TaskView.of(row)
    if breaker is not None:
        view.breaker = BreakerView.of(breaker)
    return reply(view)


def _with_breaker(
    tx: Reading, org: int, name: str, scope: Scope
) -> tuple[TaskRow, BreakerStanding | None]:
    row = get_task(tx, org, name, scope)
    has_one = row["circuit_breaker"] is not None
    return row, standing(tx, "task", row["seq"]) if has_one else None


async def replace(call: Call) -> Reply:
    name = checked_task_name(call.path("name"))
    body, unknown = await body_and_unknown(call, ReplaceTask, TaskView, may_be_empty=True)
    wanted, if_match = _wanted(call, name, body), if_match_of(call)
    made = await Acting(call, "task", "change", name, count=lambda it: it.is_changed).write(
        define_task, call.org, name, wanted, call.scope, if_match
    )
    return reply(_told(made, [*unknown, *body.warnings()]))


async def delete(call: Call) -> Reply:
    """The runs go in passes, so that no other caller waits long. When the caller goes away, a loop
    deletes those that are left.
    """
    name = call.path("name")
    await Acting(call, "task", "delete", name).write(delete_task, call.org, name, call.scope)
    while not await call.write(remove_runs_of_leaving, call.org, name):
        pass
    return NO_CONTENT


def _wanted(call: Call, name: str, body: ReplaceTask) -> TaskDefinition:
    """Raises: as `ReplaceTask.definition`; AccessDenied when the key does not open a queue."""
    wanted = body.definition(name)
    call.scope.check(wanted.queue_name)
    _check_on_fail(call, name, body.on_fail)
    return wanted


def _check_on_fail(call: Call, name: str, on_fail: OnFailBody | None) -> None:
    if on_fail is not None:
        call.scope.check(on_fail.queue_name or on_fail_queue(name))


def _told(made: Defined[TaskRow], warnings: list[str]) -> TaskView:
    view = TaskView.of(made.row)
    view.changed, view.warnings = made.is_changed, warnings
    return view
