"""The statements that find a step of a workflow."""

from typing import Final

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.statements import VISIBLE
from spooled_lite.storage.statement import Statement

# Index jobs_of_workflow, as the next: `key` of at most a thousand.
BY_KEY: Final = Statement(
    JobRow,
    "SELECT * FROM jobs WHERE workflow_id = :workflow_id AND step_key = :key" + VISIBLE,
)

AT: Final = Statement(
    JobRow,
    "SELECT * FROM jobs WHERE workflow_id = :workflow_id AND step_position = :position" + VISIBLE,
)
