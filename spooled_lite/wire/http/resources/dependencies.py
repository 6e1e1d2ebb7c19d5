"""REST routes of job dependencies. Contract: schedules-workflows-webhooks, 2.2 rows 19 and 20."""

from spooled_lite.core.lifecycle.depend import depend
from spooled_lite.core.workflows.columns import ChildRow, ParentRow
from spooled_lite.core.workflows.conditions import edge_standing
from spooled_lite.core.workflows.dependencies import Dependencies, get_dependencies
from spooled_lite.core.workflows.records import Mode
from spooled_lite.errors import RuleBroken
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.shapes.dependencies import DependenciesAdded, JobDependencies, JobDependency
from spooled_lite.wire.shapes.job_bodies import AddDependencies


async def get(call: Call) -> Reply:
    found = await call.reads.read(get_dependencies, call.org, call.path("id"), call.scope)
    return reply(_dependency_view(found))


async def add(call: Call) -> Reply:
    body = await call.body(AddDependencies)
    outcome = await Acting(call, "job", "add_parents", call.path("id")).write(
        depend,
        call.org,
        call.path("id"),
        depends_on=body.checked_parents(),
        mode=_mode(body),
        scope=call.scope,
    )
    return reply(
        DependenciesAdded(
            job_id=call.path("id"),
            dependencies_added=outcome.added,
            added_count=outcome.added,
            added=outcome.added,
            dependencies_met=outcome.dependencies_met,
        )
    )


def _mode(body: AddDependencies) -> Mode:
    """An unknown `dependency_type` leaves the mode at `all`; an unknown mode is refused."""
    if body.dependency_mode in ("all", "any"):
        return "any" if body.dependency_mode == "any" else "all"
    if body.dependency_mode is not None:
        raise RuleBroken.of(
            "dependency_mode", "Field `dependency_mode` must be `all` or `any`", "invalid_value"
        )
    return "any" if body.dependency_type == "any" else "all"


def _dependency_view(found: Dependencies) -> JobDependencies:
    job = found.job
    mode = job["dependency_mode"] or "all"
    parents = [_edge(parent, parent["status"], mode) for parent in found.parents]
    children = [
        _edge(child, job["status"], child["dependency_mode"] or "all") for child in found.children
    ]
    return JobDependencies(
        job_id=job["id"],
        status=job["status"],
        dependency_mode=mode,
        dependencies_met=job["dependencies_met"] != 0,
        dependencies=parents,
        dependents=children,
        depends_on=[edge.job_id for edge in parents],
        depended_on_by=[edge.job_id for edge in children],
    )


def _edge(other: ParentRow | ChildRow, parent_status: str, mode: str) -> JobDependency:
    condition = other["condition"]
    return JobDependency(
        job_id=other["id"],
        queue_name=other["queue_name"],
        status=other["status"],
        dependency_type=mode,
        condition=condition,
        completed=other["status"] == "completed",
        is_met=edge_standing(condition, parent_status) == "met",
    )
