"""Letting a job wait for others."""

from collections.abc import Sequence

from msgspec import Struct

from spooled_lite.core.jobs.query import get_job
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.steps.dependents import look_again
from spooled_lite.core.workflows.dependencies import add_dependencies
from spooled_lite.core.workflows.records import Mode
from spooled_lite.storage.transaction import Tx


class Depends(Struct, frozen=True):
    added: int
    dependencies_met: bool


def depend(
    tx: Tx, org: int, job_id: str, *, depends_on: Sequence[str], mode: Mode, scope: Scope
) -> Depends:
    """Add dependencies and decide anew whether the job may run.

    A job that waits for one that has failed already is cancelled at once.

    Raises: as `add_dependencies`. Contract: schedules-workflows-webhooks, section 2.2 row 20.
    """
    added = add_dependencies(tx, org, job_id, depends_on=depends_on, mode=mode, scope=scope)
    look_again(tx, get_job(tx, org, job_id, scope)["seq"])
    met = get_job(tx, org, job_id, scope)["dependencies_met"]
    return Depends(added, met != 0)
