"""Does every run of a document go on, and agree with its steps? For `spooled-lite check`."""

from collections import defaultdict
from collections.abc import Iterator

from spooled_lite.core.steps import check_statements as statements
from spooled_lite.core.steps.item_check import item_problems
from spooled_lite.core.workflows.columns import StandingRow
from spooled_lite.core.workflows.conditions import standing_of
from spooled_lite.storage.transaction import Reading


def wrong_runs(tx: Reading) -> list[str]:
    """A sentence for each step that waits although nothing holds it back, each run that was ended
    and has open steps, and each step that does not agree with its items.
    """
    return [*_stuck(tx), *_not_closed(tx), *item_problems(tx)]


def _stuck(tx: Reading) -> Iterator[str]:
    edges: dict[int, list[StandingRow]] = defaultdict(list)
    for edge in tx.rows(statements.STANDINGS):
        edges[edge["job"]].append(edge)
    for step in tx.rows(statements.WAITING):
        standing = standing_of(edges[step["seq"]], step["dependency_mode"])
        if step["state"] != "waiting_for_signal" and standing != "waiting":
            yield f"job {step['id']}: waits, and its dependencies are {standing}"
        elif step["state"] == "waiting_for_signal" and step["is_signalled"]:
            yield f"job {step['id']}: waits for its signal, which has come"


def _not_closed(tx: Reading) -> Iterator[str]:
    for run in tx.rows(statements.NOT_CLOSED):
        yield f"workflow {run['id']}: was ended, and {run['open_jobs']} of its jobs are open"
