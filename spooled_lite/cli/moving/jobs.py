"""Moves the jobs that wait long: delayed ones and dead letters. The others are done here.

A delayed job runs on one side only, whatever breaks off in between. It is written into the ledger,
then cancelled here, then created there under a key of its own. A job that begins to run before it
could be cancelled stays here. The other order, to create it there first, would run it twice when
its time comes between the two.

A dead letter runs nowhere, so it is created there first, in a paused queue, and then deleted here.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Final

import click
import msgspec
from msgspec import Raw, Struct

from spooled_lite.cli.answer import ServerRefused
from spooled_lite.cli.client import path_of
from spooled_lite.cli.escaped import escaped
from spooled_lite.cli.moving.ledger import Ledger, LedgerLine
from spooled_lite.cli.moving.side import ShownThing, Side
from spooled_lite.core.queues.names import QUEUE_NAME_MAX

DEAD_SUFFIX: Final = ".dead"
REFUSED_MAX: Final = 20  # jobs that are refused there: then it is not about single jobs
# What a job has that a new one can be given. Its parent has another id there, and is left out.
JOB_FIELDS: Final = (
    "queue_name",
    "priority",
    "max_retries",
    "timeout_seconds",
    "scheduled_at",
    "expires_at",
    "tags",
    "idempotency_key",
    "completion_webhook",
)

MovedBody = Mapping[str, Raw]
TellProgress = Callable[[str], None]


class Tally(Struct):
    """What became of the jobs."""

    moved: int = 0
    dead: int = 0
    stayed: int = 0
    refused: int = 0
    with_webhook: int = 0
    problems: list[str] = []


def move_jobs(here: Side, there: Side, ledger: Ledger, tell: TellProgress) -> Tally:
    """Move all that can be moved. Repeating it goes on where it broke off.

    Raises:
        ServerRefused, Unreachable: a server refused for good, or is not there any more.
    """
    tally = Tally()
    for line in list(ledger.leaving.values()):
        _take_up(here, there, ledger, line, tally)
    for job_id, _ in _of_status(here, "scheduled"):
        _move_delayed(here, there, ledger, job_id, tally)
        tell(f"{tally.moved:,} delayed jobs moved")
    ready: set[str] = set()
    for job_id, queue_name in _of_status(here, "deadletter"):
        _move_dead(here, there, ledger, job_id, queue_name, ready, tally)
        tell(f"{tally.dead:,} dead letters moved")
    return tally


def dead_queue(queue_name: str) -> str | None:
    """The name of the queue there for the dead letters of a queue; None when it is too long."""
    name = f"{queue_name}{DEAD_SUFFIX}"
    return name if len(name) <= QUEUE_NAME_MAX else None


def _of_status(here: Side, status: str) -> list[tuple[str, str]]:
    """The ids and queues of jobs that no workflow has.

    All are read before the first is moved, since that changes the pages of the list. No more is
    kept of each, for there may be a million.
    """
    return [
        (each.text("id"), sys.intern(each.text("queue_name")))
        for each in here.things("/jobs", {"status": status})
        if not each.text("workflow_id")
    ]


def _move_delayed(here: Side, there: Side, ledger: Ledger, job_id: str, tally: Tally) -> None:
    job = here.thing("jobs", job_id)
    if job is None or job.text("status") != "scheduled":
        return  # its time has come, or somebody cancelled it
    if (reason := _why_it_stays(here, job_id)) is not None:
        tally.stayed += 1
        tally.problems.append(f"job {job_id} stays until it is done: {reason}")
        return
    body = _body(job)
    ledger.write("leaving", **{"from": job_id}, queue=job.text("queue_name"), job=body)
    if _cancelled(here, job_id):
        _arrive(here, there, ledger, ledger.leaving[job_id], tally)
    else:
        ledger.write("stayed", **{"from": job_id})
        tally.stayed += 1


def _take_up(here: Side, there: Side, ledger: Ledger, line: LedgerLine, tally: Tally) -> None:
    """Go on with a job that was on its way when the last run broke off."""
    job_id = str(line["from"])
    job = here.thing("jobs", job_id)
    if job is None:
        tally.problems.append(
            f"job {escaped(job_id)} was on its way, and is not stored here any more: look at its"
            " line `leaving` in the ledger, and at what its worker did"
        )
    elif job.text("status") == "cancelled":
        _arrive(here, there, ledger, line, tally)
    elif job.text("status") != "scheduled":  # a scheduled one is moved in its turn
        ledger.write("stayed", **{"from": job_id})
        tally.stayed += 1


def _cancelled(here: Side, job_id: str) -> bool:
    """Whether the job is taken from this side; False when it runs or has run."""
    try:
        here.post(path_of("jobs", job_id, "cancel"))
        return True
    except ServerRefused as error:
        if error.status >= 500:
            raise
    # An earlier call whose answer was lost may have cancelled it.
    job = here.thing("jobs", job_id)
    return job is not None and job.text("status") == "cancelled"


def _arrive(here: Side, there: Side, ledger: Ledger, line: LedgerLine, tally: Tally) -> None:
    """Create the job there, or once more here if it is refused there for good."""
    job_id, body = str(line["from"]), line["job"]
    try:
        to = _created(there, job_id, body)
    except ServerRefused as error:
        if error.status >= 500 or error.status in (401, 403, 408, 429):
            raise
        back = ShownThing.read(
            here.post("/jobs", {**body, "idempotency_key": f"back:{job_id}"}).body
        )
        ledger.write("stayed", **{"from": job_id}, to=back.text("id"), error=error.message)
        tally.stayed += 1
        tally.problems.append(
            f"job {job_id} is refused there, and stays here as {back.text('id')}: {error.message}"
        )
        tally.refused += 1
        if tally.refused >= REFUSED_MAX:
            raise
        return
    ledger.write("moved", **{"from": job_id}, to=to, queue=line["queue"])
    tally.moved += 1
    tally.with_webhook += "completion_webhook" in body


def _move_dead(
    here: Side,
    there: Side,
    ledger: Ledger,
    job_id: str,
    queue_name: str,
    ready: set[str],
    tally: Tally,
) -> None:
    name = dead_queue(queue_name)
    if name is None:
        tally.problems.append(
            f"dead letter {job_id} stays: `{queue_name}{DEAD_SUFFIX}` is too long"
        )
        return
    job = here.thing("jobs", job_id)
    if job is None or job.text("status") != "deadletter":
        return  # somebody has retried or deleted it
    if name not in ready:
        # A new one is paused in the same call, so that no worker ever gets anything from it.
        there.put(path_of("queues", name, "config"), {"enabled": False})
        ready.add(name)
    body = _body(job)
    for past in ("scheduled_at", "expires_at"):
        body.pop(past, None)
    to = _created(there, job_id, {**body, "queue_name": _json(name)})
    if job_id not in ledger.moved:
        ledger.write(
            "moved",
            **{"from": job_id},
            to=to,
            queue=name,
            was=queue_name,
            dead=True,
            error=job.text("last_error"),
        )
    done = here.post("/jobs/actions", {"action": "delete", "job_ids": [job_id]})
    if ShownThing.read(done.body).value("done") == 1:
        tally.dead += 1
        tally.with_webhook += "completion_webhook" in body
    elif (now := here.thing("jobs", job_id)) is not None and now.text("status") != "deadletter":
        # Somebody has retried it here in between, so it must not be there as well.
        there.post(path_of("jobs", to, "cancel"))
        ledger.write("stayed", **{"from": job_id}, to=to)
        tally.stayed += 1
    else:
        raise click.ClickException(
            f"{here.url}: dead letter {job_id} is there and cannot be deleted here: does the key"
            " have the permission jobs:delete?"
        )


def _why_it_stays(here: Side, job_id: str) -> str | None:
    """Ids are other ones there, so jobs that know of each other stay together."""
    found = here.thing("jobs", job_id, "dependencies")
    if found is None:
        return None
    if found.value("dependents"):
        return "other jobs wait for it"
    return "it waits for other jobs" if found.value("dependencies") else None


def _created(there: Side, job_id: str, body: MovedBody) -> str:
    """The id there. Repeating it creates no second job.

    A job keeps its idempotency key: a producer that sends it again there gets this job. When the
    key is that of another job there, the job gets one of its own.
    """
    own = {**body, "idempotency_key": f"moved:{job_id}"}
    if "idempotency_key" in body:
        answer = ShownThing.read(there.post("/jobs", body).body)
        if answer.value("created") or _is_same(there.thing("jobs", answer.text("id")), body):
            return answer.text("id")
    return ShownThing.read(there.post("/jobs", own).body).text("id")


def _is_same(job: ShownThing | None, body: MovedBody) -> bool:
    wanted = ShownThing(body)
    return job is not None and all(
        job.value(name) == wanted.value(name) for name in ("queue_name", "payload")
    )


def _body(job: ShownThing) -> dict[str, Raw]:
    return {"payload": job.members["payload"], **job.chosen(JOB_FIELDS)}  # null is a payload


def _json(text: str) -> Raw:
    return Raw(msgspec.json.encode(text))
