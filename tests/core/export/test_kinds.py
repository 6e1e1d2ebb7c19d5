"""Nothing is forgotten: each table and each column is in a line, or left out for a reason."""

from collections.abc import Iterator

import pytest

from spooled_lite.core.export.all_kinds import LEFT_OUT, LINE_KINDS
from spooled_lite.core.export.kind import LineKind
from tests.core.stage import Stage, a_stage

# What SQLite keeps for itself.
ITS_OWN = frozenset({"sqlite_sequence"})


@pytest.fixture
def stage() -> Iterator[Stage]:
    yield from a_stage()


def test_every_table_is_exported_or_left_out_for_a_reason(stage: Stage) -> None:
    tables = {
        row["name"] for row in stage.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")
    }

    exported = [kind.table for kind in LINE_KINDS]
    beside = [table for kind in LINE_KINDS for table in kind.tables]

    assert sorted([*exported, *beside, *LEFT_OUT]) == sorted(tables - ITS_OWN)
    assert all(LEFT_OUT.values())


@pytest.mark.parametrize("kind", LINE_KINDS, ids=lambda kind: str(kind.name))
def test_every_column_is_in_a_line_or_left_out_for_a_reason(stage: Stage, kind: LineKind) -> None:
    columns = {row["name"] for row in stage.rows(f"PRAGMA table_info({kind.table})")}

    said = [field.column for field in kind.fields if field.column is not None]

    assert sorted([*said, *kind.follows, *kind.left_out]) == sorted(columns)


@pytest.mark.parametrize("kind", LINE_KINDS, ids=lambda kind: str(kind.name))
def test_lines_come_in_the_order_of_the_table_without_being_sorted(
    stage: Stage, kind: LineKind
) -> None:
    plan = [
        row["detail"] for row in stage.rows(f"EXPLAIN QUERY PLAN {kind.select}", organization=None)
    ]

    assert plan[0].startswith(
        ("SCAN each", "SEARCH each USING PRIMARY KEY", "SEARCH each USING INTEGER PRIMARY KEY")
    )
    # Of one event the webhooks are brought into their order.
    assert [step for step in plan if "TEMP B-TREE" in step] == (
        ["USE TEMP B-TREE FOR ORDER BY"] if kind.name == "owed_event" else []
    )


def test_a_kind_comes_after_those_it_refers_to() -> None:
    names = [kind.name for kind in LINE_KINDS]

    assert names.index("organization") == 0
    assert names.index("queue") < names.index("job") < names.index("dependency")
    assert names.index("webhook") < names.index("delivery")
    assert names.index("schedule") < names.index("schedule_run")
