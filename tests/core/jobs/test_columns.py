"""The columns of a job in Python are those of the table."""

import re
import sqlite3

from spooled_lite.core.jobs import columns
from spooled_lite.core.jobs.statements import inserting
from spooled_lite.core.lifecycle.claim_statements import CLAIM
from spooled_lite.core.lifecycle.statements import COMPLETE
from spooled_lite.storage.migrate import migrate


def table() -> dict[str, tuple[bool, object]]:
    """By column: whether it must have a value, and its default."""
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    migrate(connection, copy_to="")
    rows = connection.execute("PRAGMA table_info(jobs)").fetchall()
    connection.close()
    return {row["name"]: (bool(row["notnull"]), row["dflt_value"]) for row in rows}


def test_every_column_of_the_table_has_its_place_and_no_other() -> None:
    assert list(columns.JobRow.__annotations__) == list(table()) == list(columns.BLANK)


def test_what_an_insert_leaves_out_is_what_the_table_has_by_itself() -> None:
    for brought in (columns.OF_JOB, columns.OF_CANCELLED_JOB, columns.OF_STEP):
        for name, (must_be_given, default) in table().items():
            if name in brought or name == "seq":
                continue
            by_itself = None if default is None else str(default).strip("'")
            blank = dict(columns.BLANK)[name]
            assert by_itself == (None if blank is None else str(blank)), name
            assert not must_be_given or default is not None, name


def test_an_insert_names_each_column_once() -> None:
    statement = inserting(columns.OF_STEP)

    assert len(set(columns.OF_STEP)) == len(columns.OF_STEP)
    assert re.findall(r":(\w+)", statement) == list(columns.OF_STEP)


def test_claim_and_complete_return_first_what_is_asked_for_most() -> None:
    assert sorted(columns.BY_USE.split(", ")) == sorted(columns.JobRow.__annotations__)
    for statement in (CLAIM, COMPLETE):
        assert statement.text.rstrip().endswith(f"RETURNING {columns.BY_USE}")
