"""Finds the dead letters that a caller wants to retry or purge."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs import statements
from spooled_lite.core.jobs.statements import DeadLetterRow
from spooled_lite.core.keys.records import Scope
from spooled_lite.storage.texts import array_of
from spooled_lite.storage.transaction import Reading

EVER_MS: Final = 2**62  # later than any job


class DeadLetters(Struct, frozen=True, kw_only=True):
    """A choice of dead letters: those named, those of a queue, or all of the organization."""

    job_ids: Sequence[str] | None = None
    queue_name: str | None = None
    created_before_ms: int = EVER_MS
    limit: int


def find_dead_letters(
    tx: Reading, org: int, wanted: DeadLetters, scope: Scope
) -> list[DeadLetterRow]:
    """Oldest first, at most `limit`. Ids that name none are passed over; ids win over a queue."""
    params = {
        "org": org,
        "created_before_ms": wanted.created_before_ms,
        "limit": wanted.limit,
    }
    if wanted.job_ids is not None:
        named = tx.rows(statements.DEAD_LETTERS_NAMED, {**params, "ids": array_of(wanted.job_ids)})
        return [row for row in named if scope.allows(row["queue_name"])]
    if wanted.queue_name is None and scope.is_unrestricted:
        return tx.rows(statements.DEAD_LETTERS, params)
    queues = queues_in_scope(tx, org, scope, wanted.queue_name)
    return tx.rows(statements.DEAD_LETTERS_OF_QUEUES, {**params, "queues": queues})


def queues_in_scope(tx: Reading, org: int, scope: Scope, queue_name: str | None = None) -> str:
    """The live queues a key may see, or the named one of them, as a JSON array of their numbers."""
    return msgspec.json.encode(
        [
            row["seq"]
            for row in tx.rows(statements.LIVE_QUEUES, {"org": org})
            if scope.allows(row["queue_name"]) and queue_name in (None, row["queue_name"])
        ]
    ).decode()
