"""Do the counters of inboxes agree with their rows? For `spooled-lite check`, and after imports."""

from typing import Final

from spooled_lite.core.inbox import statements
from spooled_lite.storage.transaction import Reading, Tx

# So far ahead that no reader has seen a number of the file that this one takes the place of.
NUMBERS_SKIPPED: Final = 1_000_000_000


def recount_unseen(tx: Tx, org: int) -> None:
    """Count what an organization has not seen. Again is no change."""
    tx.execute(statements.RECOUNT, {"org": org})


def wrong_unseen_counts(tx: Reading) -> list[str]:
    """A sentence for each organization whose counter is not the number of its rows."""
    return [
        f"organization {row['slug']}: {row['counted']} unseen notifications by the counter,"
        f" {row['found']} rows"
        for row in tx.rows(statements.WRONG_COUNTS)
    ]


def skip_notification_numbers(tx: Tx) -> None:
    """Let the next notification have a number that nobody has seen.

    A reader goes on behind the last number it has. It may have that from a later moment of a file
    that was restored, or from the server that was exported.
    """
    tx.execute(statements.BEGIN_NUMBERS)
    tx.execute(statements.SKIP_NUMBERS, {"skipped": NUMBERS_SKIPPED})
