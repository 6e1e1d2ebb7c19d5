"""Do sums, rows and bodies agree? For `spooled-lite check`: it looks at every job."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from spooled_lite.core.jobs import check_statements as statements
from spooled_lite.core.jobs import error_statements
from spooled_lite.core.jobs.bodies import is_intact
from spooled_lite.storage.transaction import Reading

TITLE_SHOWN_CHARS: Final = 80


def conservation(tx: Reading) -> list[str]:
    """What does not add up, a sentence each; nothing when all is well.

    Per live queue: created - removed = rows = the sum of the status counters, and each status
    counter is the number of its rows; that of messages besides. Per organization: the active jobs
    are those there are, and the sums of a day hold those of its queues. Per error: its dead letters
    are those there are. What stands apart from its row is there, and is what was stored.
    """
    of_sums = [*_of_queues(tx), *_of_organizations(tx), *_of_minutes(tx), *_of_errors(tx)]
    return [*of_sums, *_of_rows(tx), *_of_bodies(tx)]


def _of_queues(tx: Reading) -> Iterator[str]:
    counted: dict[int, dict[str, int]] = {}
    for counter in tx.rows(statements.ALL_COUNTERS):
        counted.setdefault(counter["queue"], {})[counter["name"]] = counter["value"]
    found: dict[int, dict[str, int]] = {}
    row_counts: Counter[int] = Counter()
    for row in tx.rows(statements.ALL_COUNTS):
        of_queue = found.setdefault(row["queue"], {})
        gauges = ("status", "message") if row["is_message"] else ("status",)
        for gauge in gauges:
            name = f"{gauge}.{row['status']}"
            of_queue[name] = of_queue.get(name, 0) + row["count"]
        row_counts[row["queue"]] += row["count"]
    for queue in tx.rows(statements.ALL_LIVE_QUEUES):
        sums, rows = counted.get(queue["seq"], {}), found.get(queue["seq"], {})
        kept = sums.get("created", 0) - sums.get("removed", 0)
        name, row_count = queue["queue_name"], row_counts[queue["seq"]]
        if kept != row_count:
            yield f"queue {name}: {kept} jobs by its counters (created - removed), {row_count} rows"
        for gauge in sorted({*(each for each in sums if "." in each), *rows}):
            if sums.get(gauge, 0) != rows.get(gauge, 0):
                noun = "messages" if gauge.startswith("message.") else "jobs"
                yield (
                    f"queue {name}: {sums.get(gauge, 0)} {gauge.partition('.')[2]} {noun}"
                    f" by the counter, {rows.get(gauge, 0)} rows"
                )


def _of_organizations(tx: Reading) -> Iterator[str]:
    for row in tx.rows(statements.ACTIVE_OF_ORGANIZATIONS):
        if row["counted"] != row["found"]:
            yield (
                f"organization {row['slug']}: {row['counted']} active jobs by the counter,"
                f" {row['found']} rows"
            )


def _of_minutes(tx: Reading) -> Iterator[str]:
    """What an organization has counted is at least what its live queues have."""
    asked = {"minute": tx.value(statements.DAY_BEGINS) or 0}
    sums = {
        (row["org"], row["name"]): row for row in tx.rows(statements.SUMS_OF_ORGANIZATIONS, asked)
    }
    for row in tx.rows(statements.SUMS_OF_QUEUES, asked):
        sum_row = sums.get((row["org"], row["name"]))
        if sum_row is not None and sum_row["value"] < row["value"]:
            yield (
                f"organization {sum_row['slug']}: {sum_row['value']} {row['name']} in a day by its"
                f" sums, {row['value']} by its queues"
            )


def _of_rows(tx: Reading) -> Iterator[str]:
    for row in tx.rows(statements.WRONGLY_CLAIMABLE):
        yield f"job {row['id']}: claimable is {row['claimable']} while {row['status']}"
    for job_id in tx.values(statements.WRONGLY_FOLLOWING):
        yield f"job {job_id}: its kind and the failure that it follows do not agree"


def _of_errors(tx: Reading) -> Iterator[str]:
    for row in tx.rows(error_statements.WRONG_COUNTS):
        yield (
            f"queue {row['queue_name']}: {row['counted']} dead letters by the counter of an error,"
            f" {row['found']} rows ({row['title'][:TITLE_SHOWN_CHARS]})"
        )
    if count := tx.value(error_statements.UNGROUPED):
        yield f"{count} dead letters are counted by no error"


def _of_bodies(tx: Reading) -> Iterator[str]:
    for row in tx.rows(statements.WITHOUT_BODY):
        yield f"job {row['id']}: its {row['which']} is missing"
    after = 0
    while (body := tx.row(statements.BODY_AFTER, {"after": after})) is not None:
        after = body["seq"]
        if not is_intact(body["body"], body["checksum"]):
            job_id = tx.value(statements.ID_OF, {"seq": body["job"]})
            name = f"number {body['job']}" if job_id is None else job_id
            yield f"job {name}: its {body['which']} is damaged, the checksum does not match"
