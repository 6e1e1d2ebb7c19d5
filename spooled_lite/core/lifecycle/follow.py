"""The job that follows when all attempts of another have failed.

It is stored in the transaction that buries the other one. Contract: catbird-capabilities, section
6.3 (T21-T26).
"""

from typing import Final, TypedDict

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.bodies import whole
from spooled_lite.core.jobs.columns import JobRow, Kind
from spooled_lite.core.jobs.following import FailedThing, store_following
from spooled_lite.core.jobs.kinds import RULES
from spooled_lite.core.jobs.policy import (
    OnFail,
    read_on_fail,
    read_policy,
)
from spooled_lite.core.jobs.records import NULL
from spooled_lite.core.tasks import statements as task_statements
from spooled_lite.errors import BodyDamaged
from spooled_lite.storage.transaction import Tx
from spooled_lite.times import format_optional_ms

RETRIED: Final = "the job it follows was retried"


class ToldFailure(Struct, frozen=True):
    """What the following job is told; `kinds.payload_shown` adds which attempt of its own it is."""

    task_name: str | None
    task_run_id: str
    job_id: str
    queue_name: str
    error_message: str | None
    error_type: str | None
    attempts: int
    started_at: str | None
    failed_at: str | None
    concurrency_key: str | None


class MayBeFollowedRow(TypedDict):
    """Of a job, what says whether anything can follow its failure."""

    kind: Kind
    policy: bytes | None
    task_name: str | None


def may_be_followed(row: MayBeFollowedRow) -> bool:
    """Whether anything can say that a job follows: nearly every job needs no further look."""
    has_said = row["policy"] is not None or row["task_name"] is not None
    return has_said and RULES[row["kind"]].is_followed


def follow(tx: Tx, dead: JobRow) -> None:
    """Store the job that follows a dead letter, if it or its task asks for one.

    It has a copy of the input; what is copied is counted by the passes that bury several.
    """
    wanted = _wanted(tx, dead)
    if wanted is None:
        return
    failed = FailedThing(
        org=dead["org"],
        id=dead["id"],
        name=dead["task_name"] or dead["queue_name"],
        priority=dead["priority"],
        headers=dead["headers"],
        input=_input(tx, dead),
        failure=_failure(dead),
        task_name=dead["task_name"],
    )
    store_following(tx, failed, wanted)


def _wanted(tx: Tx, dead: JobRow) -> OnFail | None:
    """What the job itself says, else its task as it is defined now."""
    if dead["policy"] is not None:
        own = read_policy(dead["policy"]).on_fail
        if own is not None:
            return own
    if dead["task_name"] is None:
        return None
    task = tx.row(task_statements.FIND, {"org": dead["org"], "name": dead["task_name"]})
    return None if task is None or task["on_fail"] is None else read_on_fail(task["on_fail"])


def _input(tx: Tx, dead: JobRow) -> bytes:
    """The payload as it was given. One that is damaged in the file is null here: the failure is
    still told of."""
    try:
        found = whole(tx, dead)
    except BodyDamaged:
        return bytes(NULL)
    assert found is not None, "its row was changed in this operation"
    assert found["payload"] is not None, "it was read in full"
    return found["payload"]


def _failure(dead: JobRow) -> bytes:
    return msgspec.json.encode(
        ToldFailure(
            task_name=dead["task_name"],
            task_run_id=dead["id"],
            job_id=dead["id"],
            queue_name=dead["queue_name"],
            error_message=dead["last_error"],
            error_type=dead["error_type"],
            attempts=dead["retry_count"] + 1,
            started_at=format_optional_ms(dead["started_at_ms"]),
            failed_at=format_optional_ms(dead["completed_at_ms"]),
            concurrency_key=dead["concurrency_key"],
        )
    )
