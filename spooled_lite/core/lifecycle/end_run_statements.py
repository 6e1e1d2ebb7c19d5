"""Every statement about runs that are ended before all their steps have."""

from typing import Final

from spooled_lite.storage.statement import Value

END_EARLY: Final = """
UPDATE workflows
   SET ended_as = 'completed', completion_reason = :reason, updated_at_ms = :now_ms
 WHERE seq = :seq
"""

# The worker that ends a run settles its job by that, whatever becomes of the job.
KEEP_LEASE: Final = "UPDATE jobs SET settled_lease_id = lease_id WHERE seq = :seq"

WORKFLOW_OF_STEP: Final = Value(str, "SELECT workflow_id FROM jobs WHERE seq = :seq")

GIVE_REASON: Final = "UPDATE workflows SET cancel_reason = :reason WHERE seq = :seq"
