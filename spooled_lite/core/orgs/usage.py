"""What an organization uses, and whether there is room for more."""

from collections.abc import Callable, Mapping
from typing import Final

from spooled_lite.errors import QuotaExceeded
from spooled_lite.plans import Caps, Resource
from spooled_lite.storage.transaction import Tx

_QUEUES: Final = "SELECT count(*) FROM queues WHERE org = :org AND deleted_at_ms IS NULL"
_WORKERS: Final = """
SELECT count(*) FROM workers WHERE org = :org AND status IN ('healthy', 'degraded')
"""
_KEYS: Final = "SELECT count(*) FROM api_keys WHERE org = :org AND is_active = 1"


def check_room(tx: Tx, org: int, caps: Caps, resource: Resource, *, more: int) -> None:
    """Raises QuotaExceeded when `more` of a resource would pass its cap.

    Contract: platform, sections 3.4 and 5.2.
    """
    limit = caps.limits.get(resource)
    if limit is None or more <= 0:
        return
    current = _CURRENT[resource](tx, org)
    if current + more > limit:
        raise QuotaExceeded(
            resource, current=current, limit=limit, plan=caps.plan, upgrade_to=caps.upgrade_to
        )


def check_room_for_jobs(tx: Tx, org: int, caps: Caps, *, more: int) -> None:
    """The daily and the active jobs, in the order of the contract."""
    check_room(tx, org, caps, "jobs_per_day", more=more)
    check_room(tx, org, caps, "active_jobs", more=more)


def _counted(statement: str) -> Callable[[Tx, int], int]:
    def count(tx: Tx, org: int) -> int:
        row = tx.row(statement, {"org": org})
        assert row is not None, "count(*) always yields a row"
        value: int = row[0]
        return value

    return count


_CURRENT: Final[Mapping[Resource, Callable[[Tx, int], int]]] = {
    "jobs_per_day": lambda tx, org: tx.used_today(org, "jobs_created"),
    "active_jobs": lambda tx, org: tx.used_now(org, "active_jobs"),
    "queues": _counted(_QUEUES),
    "workers": _counted(_WORKERS),
    "api_keys": _counted(_KEYS),
}
