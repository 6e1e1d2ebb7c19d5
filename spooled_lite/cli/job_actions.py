"""Acts on many jobs at once: counted, asked about, and done in passes."""

import sys
from typing import Any, Final

import click
import msgspec
from msgspec import Struct

from spooled_lite.cli.answer import ServerRefused
from spooled_lite.cli.client import Client
from spooled_lite.cli.consent import counted, get_consent
from spooled_lite.cli.escaped import message_of

QUEUES_SHOWN: Final = 10
NAMED_MAX: Final = 1_000  # ids in one call
PASS_SECONDS_MAX: Final = 120.0
# What a person reads: before it is done, and afterwards.
VERBS: Final = {
    "retry": ("Put back", "put back"),
    "cancel": ("Cancel", "cancelled"),
    "delete": ("Delete", "deleted"),
}


class _Counted(Struct):
    eligible: int
    is_exact: bool
    by_queue: dict[str, int]
    until: str


class Done(Struct):
    done: int
    skipped: dict[str, int]
    cursor: str | None = None


def act_on_many(
    client: Client, action: str, chosen: dict[str, Any], *, is_agreed: bool, as_json: bool
) -> None:
    """Do this to all jobs that fit, after they are counted and a person has agreed.

    Jobs that come to fit after the count are left out. `chosen` is a filter of the API; an empty
    one is all jobs that the action is for.
    """
    verb, past = VERBS[action]
    body: dict[str, Any] = {"action": action, **({"filter": chosen} if chosen else {"all": True})}
    count = _ask(client, {**body, "dry_run": True}).read(_Counted)
    if not count.eligible:
        _say(as_json, Done(0, {}), "No such jobs.")
        return
    _print_count(count)
    number = counted(count.eligible, "job") + ("" if count.is_exact else " or more")
    get_consent(f"{verb} {number}?", is_given=is_agreed)
    total = Done(0, {}, "")
    while total.cursor is not None:
        # The first call says nothing of where to go on.
        place = {"cursor": total.cursor} if total.cursor else {"until": count.until}
        passed = _ask(client, {**body, **place}).read(Done)
        total = _sum(total, passed)
        if sys.stderr.isatty() and total.cursor is not None:
            click.echo(f"{total.done:,} {past}", err=True)
    _say(as_json, total, f"{counted(total.done, 'job')} {past}{skipped(total)}")


def delete_named(client: Client, job_ids: list[str], *, is_agreed: bool, as_json: bool) -> None:
    """Delete finished jobs by id. Raises ServerRefused when some of them are left."""
    if len(job_ids) > 1:
        get_consent(f"Delete {counted(len(job_ids), 'job')}?", is_given=is_agreed)
    total = Done(0, {})
    for at in range(0, len(job_ids), NAMED_MAX):
        body = {"action": "delete", "job_ids": job_ids[at : at + NAMED_MAX]}
        total = _sum(total, _ask(client, body).read(Done))
    _say(as_json, total, f"{counted(total.done, 'job')} deleted{skipped(total)}")
    if total.skipped:
        sys.exit(1)


def skipped(total: Done) -> str:
    """What was left out, and why."""
    reasons = [
        f"{count:,} {message_of(reason.replace('_', ' '))}"
        for reason, count in sorted(total.skipped.items())
    ]
    return f"; not done: {', '.join(reasons)}" if reasons else ""


def _ask(client: Client, body: dict[str, Any]) -> Any:
    try:
        return client.post("/jobs/actions", body, seconds=PASS_SECONDS_MAX)
    except ServerRefused as error:
        if error.status in (404, 405):
            raise error.hinted("This server has no acts on many jobs.") from None
        raise


def _sum(total: Done, more: Done) -> Done:
    reasons = {*total.skipped, *more.skipped}
    return Done(
        total.done + more.done,
        {each: total.skipped.get(each, 0) + more.skipped.get(each, 0) for each in reasons},
        more.cursor,
    )


def _print_count(count: _Counted) -> None:
    largest = sorted(count.by_queue.items(), key=lambda each: (-each[1], each[0]))
    for name, number in largest[:QUEUES_SHOWN]:
        click.echo(f"{number:>9,}  {message_of(name)}", err=True)
    if len(largest) > QUEUES_SHOWN:
        rest = sum(number for _, number in largest[QUEUES_SHOWN:])
        click.echo(f"{rest:>9,}  in {len(largest) - QUEUES_SHOWN} other queues", err=True)


def _say(as_json: bool, total: Done, told: str) -> None:
    if as_json:
        click.echo(msgspec.json.encode({"done": total.done, "skipped": total.skipped}))
    else:
        click.echo(told)
