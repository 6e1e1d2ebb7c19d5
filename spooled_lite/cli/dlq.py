"""`spooled-lite dlq`: dead letters, and the errors that made them."""

from collections.abc import Callable
from typing import Any, Final

import click
import msgspec

from spooled_lite.cli.client import Client
from spooled_lite.cli.connect import as_json_option, asks_server, limit_option
from spooled_lite.cli.consent import counted, get_consent, yes_option
from spooled_lite.cli.escaped import escaped, message_of
from spooled_lite.cli.given import past
from spooled_lite.cli.job_actions import act_on_many
from spooled_lite.cli.job_changes import one_by_one
from spooled_lite.cli.jobs import retries
from spooled_lite.cli.suggesting import SuggestingGroup
from spooled_lite.cli.things import Column, Thing, ago, number, print_list, text

RETRIED_AT_ONCE: Final = 100  # the most that one call puts back
PURGED_AT_ONCE: Final = 10_000  # the most that one call deletes
CALL_SECONDS_MAX: Final = 300.0


def _queues(thing: Thing) -> str:
    found = thing.value("queues")
    names = [str(each.get("name")) for each in found] if isinstance(found, list) else []
    return escaped(", ".join(names))


LETTERS: Final = (
    text("ID", whole=True),
    text("QUEUE", "queue_name"),
    Column("RETRIES", retries, whole=True, right=True),
    ago("DIED", "completed_at"),
    text("ERROR", "last_error"),
)
ERRORS: Final = (
    text("KEY", whole=True),
    number("DEAD", "dead_count"),
    number("LAST HOUR", "failed_1h"),
    ago("LAST", "last_at"),
    Column("QUEUES", _queues),
    text("ERROR", "title"),
)

queue_option = click.option("--queue", metavar="NAME", help="Only of this queue.")
error_option = click.option(
    "--error", metavar="KEY", help="Only with this error; `dlq errors` has the keys."
)


@click.group(cls=SuggestingGroup)
def dlq() -> None:
    """Look at dead letters, put them back, or delete them."""


@dlq.command("list")
@queue_option
@error_option
@click.option("--since", type=past, metavar="TIME", help="Created since then, such as 2h.")
@click.option("--before", type=past, metavar="TIME", help="Created before then.")
@limit_option
@as_json_option
@asks_server
def list_letters(
    client: Client, queue: str | None, error: str | None, since: str | None, before: str | None,
    limit: int | None, as_json: bool,
) -> None:  # fmt: skip
    """List dead letters, the newest first."""
    print_list(
        client,
        "/jobs/dlq",
        LETTERS,
        query={
            "queue_name": queue, "error_key": error, "created_after": since,
            "created_before": before,
        },
        limit=limit,
        as_json=as_json,
        none="No dead letters.",
        is_frozen=True,
    )  # fmt: skip


@dlq.command()
@queue_option
@limit_option
@as_json_option
@asks_server
def errors(client: Client, queue: str | None, limit: int | None, as_json: bool) -> None:
    """List the errors of dead letters, each once."""
    query = {"queue": queue}
    none = "No dead letters."
    path = "/dashboard/errors"
    print_list(client, path, ERRORS, query=query, limit=limit, as_json=as_json, none=none)


@dlq.command()
@click.argument("job_ids", nargs=-1, metavar="[ID]...")
@queue_option
@error_option
@click.option("--all", "is_all", is_flag=True, help="All that there are.")
@yes_option
@as_json_option
@asks_server
def retry(
    client: Client, job_ids: tuple[str, ...], queue: str | None, error: str | None, is_all: bool,
    yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Put dead letters back into their queues.

    By id, or all that fit, after they were counted.
    """
    if bool(job_ids) + bool(queue or error) + is_all != 1:
        raise click.UsageError("say which: by id, or with --queue or --error, or --all")
    if job_ids:
        one_by_one(client, "retry", job_ids, as_json=as_json)
    elif error is not None:
        act_on_many(client, "retry", _chosen(queue, error), is_agreed=yes, as_json=as_json)
    else:
        count = _dead_count(client, queue)
        if count:
            get_consent(f"Put back {_letters(count, queue)}?", is_given=yes)
        body = {"queue_name": queue, "limit": RETRIED_AT_ONCE}

        def put_back() -> int:
            answer = client.post("/jobs/dlq/retry", body, seconds=CALL_SECONDS_MAX)
            return int(Thing(answer.body, client.now_ms).value("retried_count") or 0)

        _tell("retried_count", _in_passes(put_back, count), "put back", as_json=as_json)


@dlq.command()
@queue_option
@error_option
@click.option("--before", type=past, metavar="TIME", help="Only those created before then, as 7d.")
@click.option("--all", "is_all", is_flag=True, help="All that there are.")
@yes_option
@as_json_option
@asks_server
def purge(
    client: Client, queue: str | None, error: str | None, before: str | None, is_all: bool,
    yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Delete dead letters, after they were counted. It cannot be undone."""
    if bool(queue or error or before) + is_all != 1:
        raise click.UsageError("say which: with --queue, --error or --before, or --all")
    if error is not None:
        chosen = {**_chosen(queue, error), **({"created_before": before} if before else {})}
        act_on_many(client, "delete", chosen, is_agreed=yes, as_json=as_json)
        return
    count = _dead_count(client, queue)
    older = f", those created before {before}" if before else ""
    if count:
        get_consent(f"Delete {_letters(count, queue)}{older}?", is_given=yes)
    body = {
        "confirm": True, "queue_name": queue, "older_than": before, "limit": PURGED_AT_ONCE
    }  # fmt: skip

    def purged() -> int:
        answer = client.post("/jobs/dlq/purge", body, seconds=CALL_SECONDS_MAX)
        return int(Thing(answer.body, client.now_ms).value("purged_count") or 0)

    _tell("purged_count", _in_passes(purged, count), "deleted", as_json=as_json)


def _in_passes(act: Callable[[], int], count: int) -> int:
    """Until none is left, or as many are done as were counted: what was put back may die again."""
    done = 0
    while done < count and (more := act()):
        done += more
    return done


def _dead_count(client: Client, queue: str | None) -> int:
    stats = Thing(client.get("/jobs/stats", {"queue_name": queue}).body, client.now_ms)
    count = stats.value("deadletter")
    return count if isinstance(count, int) else 0


def _letters(count: int, queue: str | None) -> str:
    of_queue = "" if queue is None else f" of {message_of(queue)}"
    return f"{counted(count, 'dead letter')}{of_queue}"


def _chosen(queue: str | None, error: str) -> dict[str, Any]:
    chosen: dict[str, Any] = {"error_key": error, "statuses": ["deadletter"]}
    return chosen if queue is None else {**chosen, "queue_name": queue}


def _tell(name: str, done: int, act: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode({name: done}))
    else:
        click.echo(f"{counted(done, 'dead letter')} {act}")
