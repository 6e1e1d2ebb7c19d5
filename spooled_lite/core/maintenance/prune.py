"""Delete rows that are older than their retention. Contract: platform, section 5.5."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from msgspec import Struct

from spooled_lite.core.acts import statements as act_statements
from spooled_lite.core.inbox.forget import (
    delete_expired_notifications,
    delete_seen_notifications,
)
from spooled_lite.core.ingest import statements as ingest_statements
from spooled_lite.core.jobs import error_statements
from spooled_lite.core.jobs.passes import PASS_MAX, Pass, delete_first, first_of
from spooled_lite.core.maintenance import remove_org_statements
from spooled_lite.core.maintenance import statements as removal_statements
from spooled_lite.core.maintenance.remove import (
    COUNTS_MAX,
    FROM_START,
    REMOVE_MAX,
    Position,
    remove,
)
from spooled_lite.core.maintenance.remove_flow import forget_documents, prune_flow_runs
from spooled_lite.core.maintenance.remove_task import prune_task_runs
from spooled_lite.core.overview.hours import forget_hours, make_hours
from spooled_lite.core.schedules import statements as schedule_statements
from spooled_lite.core.workflows import statements as workflow_statements
from spooled_lite.plans import OwnLimits, Plans
from spooled_lite.storage import event_log
from spooled_lite.storage.counters import DAY_MS, MINUTE_MS
from spooled_lite.storage.disk_room import GIVE_BACK_PAGES
from spooled_lite.storage.shrink import GIVE_BACK_PAGE
from spooled_lite.storage.transaction import Tx

ACTS_KEPT_MAX: Final = 100_000  # of an organization: some 30 MB
SWEEP_MS: Final = 300_000  # from the end of one sweep to the next
# Dead letters, which stay, are passed over again only so often: there may be millions.
SWEEPS_BETWEEN_WHOLE: Final = 12
VACUUM_SHARE: Final = 0.2  # of the file that may be empty before it is made smaller
ERRORS_KEPT_MS: Final = 7 * DAY_MS  # since the last one, when no dead letter has it
MINUTES_KEPT: Final = 25 * 60  # what looks further back than a day reads the hours

_DONE: Final = frozenset({"completed", "cancelled"})


class Retention(Struct, frozen=True):
    """How long the server keeps rows, in days; 0 or less: for ever."""

    job_days: int = 30
    history_days: int = 7
    plans: Plans | None = None  # None: they are not enforced

    def windows(self, tier: str, own: OwnLimits | None) -> tuple[int, int]:
        """Days for jobs and history: the organization's own, else the plan's, else the server's.

        A 0 of its own counts. Contract: platform, section 5.1.
        """
        job_days, history_days = self.job_days, self.history_days
        if self.plans is not None:
            plan = self.plans.limits(tier)
            job_days, history_days = plan.job_retention_days or 0, plan.history_retention_days or 0
        if own is not None and own.job_retention_days is not None:
            job_days = own.job_retention_days
        if own is not None and own.history_retention_days is not None:
            history_days = own.history_retention_days
        return job_days, history_days


class Pruning:
    """One sweep after another, a pass over the rows of one organization at a time.

    The position of a sweep is kept in memory only: after a crash the sweep begins again.
    """

    def __init__(
        self,
        retention: Retention,
        also: Sequence[Callable[[Tx, int], int]] = (),
        once: Sequence[Callable[[Tx], int]] = (),
        may_prune: Callable[[int], bool] = lambda now_ms: True,
    ) -> None:
        """`also` are further steps for each organization, `once` are steps for the whole file.

        Each step returns how many rows it deleted, and is called again until that is 0. Nothing is
        deleted while `may_prune` returns False.
        """
        self._may_prune = may_prune
        self._retention = retention
        self._also = also
        self._once = once
        self._steps: list[Callable[[Tx], int]] | None = None  # last one first; None: begin anew
        self._after: dict[int, Position] = {}  # by organization
        self._needed: dict[int, Position] = {}  # where the next sweep has to look again
        self._after_workflow: dict[int, Position] = {}  # by organization
        self._queue = 0
        self._sweeps = 0

    def run_once(self, tx: Tx) -> Pass:
        """At most a few hundred rows; due again at once until the sweep is through."""
        if not self._may_prune(tx.now_ms):
            return Pass(0, tx.now_ms + SWEEP_MS)
        if self._steps is None:
            self._steps = self._begin(tx)
        if not self._steps:
            self._steps = None
            return Pass(0, tx.now_ms + SWEEP_MS)
        done = self._steps[-1](tx)
        if not done:
            self._steps.pop()
        return Pass(done, tx.now_ms)

    def _begin(self, tx: Tx) -> list[Callable[[Tx], int]]:
        self._queue = 0
        if self._sweeps % SWEEPS_BETWEEN_WHOLE == 0:
            self._after.clear()
            self._after_workflow.clear()
        self._after.update(self._needed)
        self._needed.clear()
        self._sweeps += 1
        steps: list[Callable[[Tx], int]] = [_give_back_pages, self._prune_minutes, *self._once]
        for row in tx.rows(removal_statements.ORGANIZATIONS):
            steps += [partial(_of_org, step, row["seq"]) for step in (*self._also, _prune_events)]
            own = OwnLimits.stored(row["custom_limits"])
            windows = self._retention.windows(row["plan_tier"], own)
            # Steps are taken from the end of the list, so workflows are pruned after their jobs.
            steps.append(partial(self._prune_workflows, org=row["seq"], days=windows[0]))
            steps.append(partial(_prune_sums, org=row["seq"]))
            steps.append(partial(_prune_history, org=row["seq"], days=windows[1]))
            steps.append(partial(_prune_runs, org=row["seq"], days=windows[1]))
            steps.append(partial(_prune_deliveries, org=row["seq"], days=windows[1]))
            steps.append(partial(_prune_inbound_log, org=row["seq"], days=windows[1]))
            steps.append(partial(_prune_notifications, org=row["seq"], days=windows[0]))
            steps.append(partial(_prune_acts, org=row["seq"], days=windows[1]))
            steps.append(partial(_of_org, forget_documents, row["seq"]))
            steps.append(partial(_of_org, prune_flow_runs, row["seq"]))
            steps.append(partial(_of_org, prune_task_runs, row["seq"]))
            steps.append(partial(self._prune_jobs, org=row["seq"], days=windows[0]))
        return steps

    def _prune_jobs(self, tx: Tx, org: int, days: int) -> int:
        """Returns how many rows were looked at; jobs that a waiting child needs are skipped."""
        if days <= 0:
            return 0
        after = self._after.get(org, FROM_START)
        rows = tx.rows(
            removal_statements.OLD,
            {
                "org": org,
                "completed_before_ms": tx.now_ms - days * DAY_MS,
                "after_ms": after[0],
                "after_seq": after[1],
                "limit": REMOVE_MAX,
            },
        )
        if any(row["is_needed"] for row in rows):
            self._needed.setdefault(org, after)
        old = [row for row in rows if row["status"] in _DONE and not row["is_needed"]]
        count = remove(tx, old)
        # Those that had too many edges for this pass are looked at again in the next.
        passed = rows[: rows.index(old[count])] if count < len(old) else rows
        if passed:
            self._after[org] = (passed[-1]["completed_at_ms"], passed[-1]["seq"])
        return len(rows)

    def _prune_workflows(self, tx: Tx, org: int, days: int) -> int:
        """Returns how many rows were looked at; a workflow goes after the last of its jobs."""
        if days <= 0:
            return 0
        after = self._after_workflow.get(org, FROM_START)
        rows = tx.rows(
            workflow_statements.OLD,
            {
                "org": org,
                "completed_before_ms": tx.now_ms - days * DAY_MS,
                "after_ms": after[0],
                "after_seq": after[1],
                "limit": PASS_MAX,
            },
        )
        found, rows = len(rows), list(first_of(rows))
        for row in rows:
            if not row["is_needed"]:
                tx.execute(workflow_statements.DELETE, {"seq": row["seq"]})
        if rows:
            self._after_workflow[org] = (rows[-1]["completed_at_ms"], rows[-1]["seq"])
        return found

    def _prune_minutes(self, tx: Tx) -> int:
        """Returns how many queues were looked at, the one where its rows ran out among them."""
        queues = tx.values(
            removal_statements.QUEUES_AFTER, {"after": self._queue, "limit": REMOVE_MAX}
        )
        left = COUNTS_MAX
        for queue in queues:
            left -= _forget_minutes(tx, queue, left)
            if left <= 0:
                break
            before_ms = tx.now_ms - ERRORS_KEPT_MS
            tx.execute(error_statements.FORGET_OLD, {"queue": queue, "before_ms": before_ms})
            self._queue = queue
        return len(queues)


def _prune_sums(tx: Tx, org: int) -> int:
    """Returns 0 once there is nothing for another pass: a sweep's worth is few."""
    count = _forget_minutes(tx, -org, COUNTS_MAX)
    return count if count >= COUNTS_MAX else 0


def _forget_minutes(tx: Tx, key: int, limit: int) -> int:
    """Sum up hours that are over, then delete their minutes once they are old.

    Returns how many rows were read or deleted: after days without a server there are millions.
    """
    count = make_hours(tx, key, limit) + forget_hours(tx, key, limit)
    if count >= limit:
        return count
    asked = {"queue": key, "minute": tx.now_ms // MINUTE_MS - MINUTES_KEPT}
    count += tx.execute(removal_statements.DELETE_OLD_MINUTES, {**asked, "limit": limit - count})
    asked["limit"] = max(0, limit - count)
    return count + tx.execute(removal_statements.DELETE_OLD_HISTOGRAMS, asked)


def _of_org(step: Callable[[Tx, int], int], org: int, tx: Tx) -> int:
    return step(tx, org)


def _give_back_pages(tx: Tx) -> int:
    """Make the file smaller when much of it is empty; returns by how many pages."""
    pages, free = tx.value(removal_statements.PAGES), _free_pages(tx)
    if free <= max(PASS_MAX, (pages or 0) * VACUUM_SHARE):
        return 0
    for _ in range(GIVE_BACK_PAGES):
        tx.execute(GIVE_BACK_PAGE)
    return free - _free_pages(tx)


def _free_pages(tx: Tx) -> int:
    return tx.value(removal_statements.FREE_PAGES) or 0


def _prune_events(tx: Tx, org: int) -> int:
    return tx.execute(
        event_log.FORGET_OLD,
        {"org": org, "created_before_ms": tx.now_ms - event_log.KEPT_MS, "limit": PASS_MAX},
    )


def _prune_history(tx: Tx, org: int, days: int) -> int:
    if days <= 0:
        return 0
    return tx.execute(
        removal_statements.DELETE_OLD_HISTORY,
        {"org": org, "created_before_ms": tx.now_ms - days * DAY_MS, "limit": PASS_MAX},
    )


def _prune_runs(tx: Tx, org: int, days: int) -> int:
    if days <= 0:
        return 0
    return tx.execute(
        schedule_statements.DELETE_OLD_RUNS,
        {"org": org, "started_before_ms": tx.now_ms - days * DAY_MS, "limit": PASS_MAX},
    )


def _prune_deliveries(tx: Tx, org: int, days: int) -> int:
    if days <= 0:
        return 0
    return delete_first(
        tx,
        removal_statements.OLD_DELIVERIES,
        remove_org_statements.DELETE_LARGE["deliveries"],
        {"org": org, "created_before_ms": tx.now_ms - days * DAY_MS},
    )


def _prune_acts(tx: Tx, org: int, days: int) -> int:
    """Old ones, and those beyond the newest ACTS_KEPT_MAX, where acts are kept for ever, too."""
    params = {"org": org, "limit": PASS_MAX, "kept": ACTS_KEPT_MAX}
    beyond = tx.execute(act_statements.DELETE_BEYOND, params)
    if beyond or days <= 0:
        return beyond
    before_ms = tx.now_ms - days * DAY_MS
    return tx.execute(act_statements.DELETE_OLD, {**params, "created_before_ms": before_ms})


def _prune_notifications(tx: Tx, org: int, days: int) -> int:
    """Those that have expired, and those that were seen before the jobs that are kept."""
    expired = delete_expired_notifications(tx, org)
    if expired or days <= 0:
        return expired
    return delete_seen_notifications(tx, org, tx.now_ms - days * DAY_MS)


def _prune_inbound_log(tx: Tx, org: int, days: int) -> int:
    if days <= 0:
        return 0
    return tx.execute(
        ingest_statements.DELETE_OLD,
        {"org": org, "created_before_ms": tx.now_ms - days * DAY_MS, "limit": PASS_MAX},
    )
