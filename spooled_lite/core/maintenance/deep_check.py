"""What `spooled-lite check --deep` looks at besides: every stored text, orphaned history, usage."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

import msgspec

from spooled_lite.core.jobs.check_statements import ID_OF
from spooled_lite.core.maintenance import deep_check_statements as statements
from spooled_lite.storage.transaction import Reading

SHOWN_MAX: Final = 100  # problems of each kind: a file that is badly damaged has millions


def deep_problems(tx: Reading) -> list[str]:
    """Every problem as a sentence, at most SHOWN_MAX of each kind; an empty list when all is well.

    Reads all of the file: it takes as long as a backup.
    """
    texts = (said for place in statements.TEXTS for said in islice(_in(tx, place), SHOWN_MAX))
    return [*texts, *_of_history(tx), *_of_usage(tx)]


def _in(tx: Reading, place: str) -> Iterator[str]:
    """What is wrong with the texts of one column."""
    statement, after = statements.TEXTS[place], 0
    while rows := tx.rows(statement, {"after": after}):
        for row in rows:
            after = row["seq"]
            if (wrong := _wrong_with(row["text"])) is not None:
                yield f"{_name(tx, place, after)} {wrong}"


def _wrong_with(text: bytes) -> str | None:
    try:
        text.decode("utf-8")
        msgspec.json.decode(text, type=msgspec.Raw)
    except UnicodeDecodeError as error:
        return f"is not UTF-8 (byte {error.start})"
    except (msgspec.DecodeError, RecursionError) as error:
        return f"is not JSON: {error}"
    return None


def _name(tx: Reading, place: str, seq: int) -> str:
    """What a person knows the text by."""
    table, _, column = place.partition(".")
    job = seq if table == "jobs" else None
    if table == "job_bodies":
        job = tx.value(statements.JOB_OF_BODY, {"seq": seq})
    job_id = None if job is None else tx.value(ID_OF, {"seq": job})
    return f"{table} row {seq}: its {column}" if job_id is None else f"job {job_id}: its {column}"


def _of_history(tx: Reading) -> Iterator[str]:
    for row in tx.rows(statements.ORPHANED_HISTORY, {"limit": SHOWN_MAX}):
        yield f"job number {row['job']}, which is not there, has {row['count']} rows of history"


def _of_usage(tx: Reading) -> Iterator[str]:
    limit = {"limit": SHOWN_MAX}
    for row in tx.rows(statements.USAGE_OF_MONTHS, limit):
        yield (
            f"organization {row['slug']}: usage of {row['name']} is {row['ever']} in all and"
            f" {row['months']} by its months"
        )
    for month in tx.rows(statements.USAGE_OF_DAYS, limit):
        yield (
            f"organization {month['slug']}: usage of {month['name']} in {month['month']} is"
            f" {month['counted']}, and {month['days']} by its days"
        )
