"""What follows for a workflow from every change of one of its steps."""

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.statements import BriefJobRow
from spooled_lite.core.jobs.states import ACTIVE
from spooled_lite.core.steps.advance import count_move
from spooled_lite.core.steps.fail_fast import close_failed_run
from spooled_lite.events import MOVING, Event
from spooled_lite.storage.transaction import Tx


def watch_steps(tx: Tx, event: Event) -> None:
    """Called with every event: when a step changed its status, its workflow counts it anew. Before
    that, a run that fails at once has closed its other steps: it ends with the one that failed.
    """
    if event.type not in MOVING or event.was is None:
        return  # a new step was counted when its workflow was stored
    job: JobRow | BriefJobRow = event.row
    workflow_id = job["workflow_id"]
    if workflow_id is None:
        return
    is_gone = event.type == "job.deleted"
    if is_gone and event.was not in ACTIVE:
        return  # its workflow keeps it in the counter of its last status
    if event.type == "job.deadlettered":
        step: JobRow = event.row
        if step["phase"] is not None:
            close_failed_run(tx, step)
    count_move(tx, workflow_id, was=event.was, now="cancelled" if is_gone else job["status"])
