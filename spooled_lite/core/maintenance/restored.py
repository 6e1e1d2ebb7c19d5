"""What a file of an earlier moment needs before it is served again."""

from typing import Final

from msgspec import Struct

from spooled_lite.core.inbox.check import skip_notification_numbers
from spooled_lite.core.jobs.passes import PASS_MAX
from spooled_lite.core.lifecycle.settle import release
from spooled_lite.core.maintenance import restored_statements as statements
from spooled_lite.core.queues.pause import set_paused
from spooled_lite.storage.event_log import NEWEST_AT
from spooled_lite.storage.transaction import Reading, Tx

# So far ahead that no stream has seen a number of the time that is lost.
EVENTS_SKIPPED: Final = 1_000_000
# More than a server makes. So the numbers of two files that were restored from one moment differ,
# the later one's being higher.
EVENTS_SKIPPED_PER_MS: Final = 10
REASON: Final = "restored from a backup"


class KeyAlive(Struct, frozen=True):
    """A key that works in a restored file, and does not in the newer one."""

    name: str
    prefix: str
    organization: str


def keys_alive_again(restored: Reading, newer: Reading) -> list[KeyAlive]:
    """The keys that were revoked, deleted or given another secret since, the oldest first.

    Their secrets of then work again in the restored file.
    """
    asked = {"now_ms": restored.now_ms}
    still = {row["id"]: row["secret_id"] for row in newer.rows(statements.KEYS_ALIVE, asked)}
    return [
        KeyAlive(row["name"], row["key_prefix"], row["slug"])
        for row in restored.rows(statements.KEYS_ALIVE, asked)
        if still.get(row["id"]) != row["secret_id"]
    ]


def skip_events(tx: Tx) -> None:
    """Let the next event, and the next notification, have a number that nobody has seen.

    A client that comes back with the Last-Event-ID of the time that is lost is then told that it
    missed something, and never takes a new event for one it has.
    """
    since_ms = max(0, tx.now_ms - (tx.value(NEWEST_AT) or 0))
    skipped = EVENTS_SKIPPED + EVENTS_SKIPPED_PER_MS * since_ms
    tx.execute(statements.SKIP_EVENTS, {"skipped": skipped})
    tx.execute(statements.BEGIN_EVENTS, {"skipped": skipped, "now_ms": tx.now_ms})
    skip_notification_numbers(tx)


def free_leases(tx: Tx) -> int:
    """One pass: take jobs back from their workers, which counts as no attempt. 0: none is left."""
    return release(tx, tx.rows(statements.HELD, {"limit": PASS_MAX}))


def pause_queues(tx: Tx, reason: str = REASON) -> int:
    """One pass: pause queues that hand out jobs. 0: none is left."""
    running = tx.rows(statements.RUNNING_QUEUES, {"limit": PASS_MAX})
    for queue in running:
        set_paused(tx, queue, reason=reason)
    return len(running)
