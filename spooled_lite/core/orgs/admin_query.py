"""What an administrator sees: all organizations, one organization, and the sums of the server."""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from msgspec import Struct

from spooled_lite.core.orgs import admin_statements as statements
from spooled_lite.core.orgs.columns import (
    DetailedOrgRow,
    JobsNowRow,
    JobsOfADayRow,
    RestRow,
    TierRow,
    UsedOrgRow,
    WorkersRow,
)
from spooled_lite.core.orgs.usage import OrgUsage, usage_of
from spooled_lite.core.workers.records import HEARD_OF_WITHIN_MS
from spooled_lite.errors import NotFound
from spooled_lite.plans import TIERS, Plans
from spooled_lite.storage.counters import DAY_MINUTES, DAY_MS, MINUTE_MS, day_name
from spooled_lite.storage.statement import Statement, Value
from spooled_lite.storage.texts import pattern_of
from spooled_lite.storage.transaction import Reading

R = TypeVar("R")

SEARCH_CHARS_MAX: Final = 100
SORTS: Final = ("name", "slug", "plan_tier", "created_at", "updated_at")
DELETED: Final = "deleted"  # the tier after a soft deletion
WEEK_MS: Final = 7 * DAY_MS

# Fragments of constants, joined with AND; values are always bound.
_NOT_REMOVED: Final = "deleted_at_ms IS NULL"
_TIER: Final = "plan_tier = :plan_tier"
_SEARCH: Final = "(instr(lower(name), :search) OR instr(lower(slug), :search))"
# The same for text beyond ASCII, which only names contain.
_SEARCH_PATTERN: Final = "name GLOB :search"


class OrganizationFilter(Struct, frozen=True, kw_only=True):
    """Which organizations a list is about. A field that is None filters nothing."""

    plan_tier: str | None = None
    search: str | None = None
    sort_by: str = "created_at"
    descending: bool = True
    limit: int = 50
    offset: int = 0

    @classmethod
    def lenient(
        cls,
        *,
        plan_tier: str = "",
        search: str = "",
        sort_by: str = "",
        order: str = "",
        **page: int,
    ) -> "OrganizationFilter":
        """From the words of a query. Words that are not known count as left out."""
        tier, kept = plan_tier.lower(), _searchable(search)
        return cls(
            plan_tier=tier if tier in TIERS or tier == DELETED else None,
            search=kept or None,
            sort_by=sort_by if sort_by in SORTS else "created_at",
            descending=order.lower() != "asc",
            **page,
        )


class FoundOrganizations(Struct, frozen=True):
    rows: Sequence[UsedOrgRow]
    total: int


class OrganizationDetail(Struct, frozen=True):
    row: DetailedOrgRow
    usage: OrgUsage


class ServerSums(Struct, frozen=True):
    """Rows of sums; `organizations` one for each tier, the most frequent first."""

    organizations: Sequence[TierRow]
    jobs: JobsNowRow
    day: JobsOfADayRow
    workers: WorkersRow
    rest: RestRow


def list_organizations(tx: Reading, wanted: OrganizationFilter) -> FoundOrganizations:
    """A page of organizations, each with its usage: two statements, however many they are.

    Contract: platform, section 11.
    """
    where, params = _where(wanted)
    column = f"{wanted.sort_by}_ms" if wanted.sort_by.endswith("_at") else wanted.sort_by
    direction = "DESC" if wanted.descending else "ASC"
    order = f"ORDER BY {column} {direction}, seq {direction}"
    page = {**params, "today": _today(tx), "limit": wanted.limit, "offset": wanted.offset}
    listed = f"{statements.LIST}{where} {order} LIMIT :limit OFFSET :offset) AS page {order}"
    rows = tx.rows(Statement(UsedOrgRow, listed), page)
    return FoundOrganizations(rows, tx.value(Value(int, statements.COUNT + where), params) or 0)


def get_organization_detail(tx: Reading, org_id: str, plans: Plans) -> OrganizationDetail:
    """One organization with everything that is counted of it. Raises NotFound."""
    row = tx.row(statements.DETAIL, {"id": org_id, "today": _today(tx)})
    if row is None:
        raise NotFound.thing("Organization")
    return OrganizationDetail(row, usage_of(tx, row, plans))


def server_sums(tx: Reading) -> ServerSums:
    """The sums of all organizations. Counts organizations, keys, queues and workers, but no jobs.

    Contract: platform, section 11.
    """
    minute = tx.now_ms // MINUTE_MS
    since_midnight = {
        "today_ms": tx.now_ms // DAY_MS * DAY_MS,
        "week_ago_ms": tx.now_ms - WEEK_MS,
    }
    return ServerSums(
        organizations=tx.rows(statements.ORGANIZATIONS, since_midnight),
        jobs=_one(tx, statements.JOBS_NOW),
        day=_one(tx, statements.JOBS_OF_A_DAY, day_from=minute - DAY_MINUTES + 1, minute=minute),
        workers=_one(tx, statements.WORKERS, since_ms=tx.now_ms - HEARD_OF_WITHIN_MS),
        rest=_one(tx, statements.REST),
    )


def _where(wanted: OrganizationFilter) -> tuple[str, dict[str, Any]]:
    fragments, params = [_NOT_REMOVED], dict[str, Any]()
    if wanted.plan_tier is not None:
        fragments.append(_TIER)
        params["plan_tier"] = wanted.plan_tier
    if wanted.search is not None:
        is_ascii = wanted.search.isascii()
        fragments.append(_SEARCH if is_ascii else _SEARCH_PATTERN)
        params["search"] = wanted.search.lower() if is_ascii else f"*{pattern_of(wanted.search)}*"
    return " AND ".join(fragments), params


def _one(tx: Reading, statement: Statement[R], **params: int) -> R:
    row = tx.row(statement, params)
    assert row is not None, "sums always yield a row"
    return row


def _today(tx: Reading) -> str:
    return day_name(tx.now_ms // DAY_MS)


def _searchable(text: str) -> str:
    kept = "".join(each for each in text if each.isalnum() or each in " -_")
    return kept[:SEARCH_CHARS_MAX].strip()
