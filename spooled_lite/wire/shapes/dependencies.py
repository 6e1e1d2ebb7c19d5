"""The dependencies of a job, as they are shown. Contract: schedules-workflows-webhooks, 2.2."""

from typing import Annotated

from msgspec import Struct

from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes.about import a_count, about, one_of
from spooled_lite.wire.shapes.common import AN_ID, IsSuccess, QueueName


class JobDependency(Struct):
    """One edge: the job at its other end, and whether the edge is satisfied."""

    job_id: job.JobId
    queue_name: QueueName
    status: job.Status
    dependency_type: Annotated[str, about("`all` or `any`, of the one that waits", "all")]
    condition: Annotated[
        str, one_of("The outcome this dependency requires", "success", "completion", "failure")
    ]
    completed: Annotated[bool, about("Whether the job is completed", False)]
    is_met: Annotated[bool, about("Whether this dependency is satisfied", False)]


class JobDependencies(Struct):
    """Answer of GET /jobs/{id}/dependencies."""

    job_id: job.JobId
    status: job.Status
    dependency_mode: job.DependencyMode
    dependencies_met: job.DependenciesMet
    dependencies: Annotated[list[JobDependency], about("The jobs it waits for")]
    dependents: Annotated[list[JobDependency], about("The jobs that wait for it")]
    depends_on: Annotated[list[str], about("The ids of `dependencies`", [AN_ID])]
    depended_on_by: Annotated[list[str], about("The ids of `dependents`", [])]


class DependenciesAdded(Struct, kw_only=True):
    """Answer of POST /jobs/{id}/dependencies."""

    success: IsSuccess = True
    job_id: job.JobId
    dependencies_added: Annotated[int, a_count("How many are new", 1)]
    added_count: Annotated[int, a_count("The same as `dependencies_added`", 1)]
    added: Annotated[int, a_count("The same as `dependencies_added`", 1)]
    dependencies_met: Annotated[bool, about("Whether it waits for nothing any more", False)]
