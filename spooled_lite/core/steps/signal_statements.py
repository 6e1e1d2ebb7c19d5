"""Every statement about the signals that steps wait for."""

from typing import Final

from spooled_lite.storage.statement import Value

IS_SIGNALLED: Final = Value(int, "SELECT is_signalled FROM step_states WHERE job = :step")

# The first one counts. The row is there as a rule; a file of an import may lack it.
DELIVER: Final = Value(
    int,
    """
INSERT INTO step_states (job, org, is_signalled, signal) VALUES (:step, :org, 1, :signal)
    ON CONFLICT (job) DO UPDATE SET is_signalled = 1, signal = :signal WHERE is_signalled = 0
RETURNING job
""",
)
