"""The table of everything that happens without a request."""

from collections.abc import Callable

from spooled_lite.background.courier import Courier
from spooled_lite.background.scheduler import Scheduler
from spooled_lite.background.supervisor import AsyncLoop, Loop
from spooled_lite.core.answers.keep import forget_old_answers
from spooled_lite.core.auth.forget import (
    forget_codes,
    forget_confirmations,
    forget_revoked_tokens,
)
from spooled_lite.core.lifecycle.cancel import expire_jobs
from spooled_lite.core.lifecycle.named_leases import forget_named_leases
from spooled_lite.core.lifecycle.promote import promote_due
from spooled_lite.core.lifecycle.reap import reap_expired_leases
from spooled_lite.core.lifecycle.wake import wake_held_back
from spooled_lite.core.maintenance.prune import Pruning, Retention
from spooled_lite.core.maintenance.remove_org import remove_deleted
from spooled_lite.core.maintenance.safety import SafetySweep
from spooled_lite.core.schedules.define import remove_deleted_schedules
from spooled_lite.core.steps.dependents import work_off_cascades
from spooled_lite.core.steps.expire import expire_runs
from spooled_lite.core.steps.item_work import ItemWork
from spooled_lite.core.webhooks.clear import clear_webhooks
from spooled_lite.core.webhooks.spread import spread_owed
from spooled_lite.core.workers.sweep import forget_old_workers, sweep_silent_workers
from spooled_lite.events import Deadline


def loops(
    retention: Retention,
    safety: SafetySweep,
    may_prune: Callable[[int], bool] = lambda now_ms: True,
) -> tuple[Loop, ...]:
    """`may_prune` says for a moment whether old rows may be deleted."""
    pruning = Pruning(
        retention,
        also=(forget_old_workers, remove_deleted_schedules),
        once=(
            forget_revoked_tokens,
            forget_codes,
            forget_confirmations,
            forget_named_leases,
            forget_old_answers,
        ),
        may_prune=may_prune,
    )
    # fmt: off
    return (
        Loop("promote-due",             Deadline.PROMOTION,      promote_due),
        Loop("reap-expired-leases",     Deadline.LEASE_END,      reap_expired_leases),
        Loop("expire-jobs",             Deadline.EXPIRY,         expire_jobs),
        Loop("expire-runs",             Deadline.RUN_EXPIRY,     expire_runs),
        Loop("wake-held-back",          Deadline.ROOM,           wake_held_back),
        Loop("tell-dependents",         Deadline.DEPENDENTS,     work_off_cascades),
        Loop("work-on-items",           Deadline.ITEMS,          ItemWork().run_once),
        Loop("sweep-silent-workers",    Deadline.WORKER_SILENCE, sweep_silent_workers),
        Loop("remove-deleted",          Deadline.DELETION,       remove_deleted),
        Loop("spread-owed",             Deadline.SPREADING,      spread_owed),
        Loop("clear-webhooks",          Deadline.CLEARING,       clear_webhooks),
        Loop("prune-old",               Deadline.RETENTION,      pruning.run_once),
        Loop("safety-sweep",            Deadline.SAFETY,         safety.run_once),
    )
    # fmt: on


def calling_loops(courier: Courier, scheduler: Scheduler) -> tuple[AsyncLoop, ...]:
    """The loops that call other servers or compute outside the writing thread."""
    # fmt: off
    return (
        AsyncLoop("deliver",  Deadline.DELIVERY, courier.run_once),
        AsyncLoop("fire-due", Deadline.SLOT,     scheduler.run_once),
    )
    # fmt: on
