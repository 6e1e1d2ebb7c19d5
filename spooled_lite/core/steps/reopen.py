"""A run of a document that had ended begins again: how it ended is forgotten."""

from typing import Final

from spooled_lite.core.steps import close_statements as statements
from spooled_lite.core.workflows import statements as workflow_statements
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.records import ENDED
from spooled_lite.errors import Conflict
from spooled_lite.storage.transaction import Tx

TIME_IS_OVER: Final = "Its workflow has passed its `expires_at`: start a new run instead"


def check_may_reopen(tx: Tx, workflow: WorkflowRow) -> None:
    """Raises Conflict: its time is over, or an unfinished run has its concurrency key by now."""
    if workflow["document"] is None or workflow["status"] not in ENDED:
        return
    if workflow["expires_at_ms"] is not None and workflow["expires_at_ms"] <= tx.now_ms:
        raise Conflict(TIME_IS_OVER)
    names = ("org", "flow_name", "concurrency_key")
    asked = {name: workflow[name] for name in names}  # type: ignore[literal-required]
    holder = tx.row(workflow_statements.HOLDING_KEY, asked)
    if holder is not None:
        raise Conflict("Another run has its concurrency key", details={"workflow_id": holder["id"]})


def reopen_run(tx: Tx, workflow: WorkflowRow) -> bool:
    """Forget how a run ended, before its steps come back; whether there is anything to forget.

    Raises: as `check_may_reopen`.
    """
    if workflow["document"] is None or workflow["status"] not in ENDED:
        return False
    check_may_reopen(tx, workflow)
    tx.execute(statements.FORGET_END, {"seq": workflow["seq"]})
    tx.execute(statements.FORGET_OUTPUT, {"seq": workflow["seq"]})
    return True
