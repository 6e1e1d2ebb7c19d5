import pytest

from spooled_lite.core.workflows.columns import StandingRow
from spooled_lite.core.workflows.conditions import edge_standing, standing_of

ENDED = ("completed", "failed", "deadletter", "cancelled")


def an_edge(status: str, condition: str = "success", *, is_link: bool = False) -> StandingRow:
    return {"status": status, "condition": condition, "is_link": int(is_link)}


@pytest.mark.parametrize("condition", ["success", "completion", "failure"])
@pytest.mark.parametrize("status", ["pending", "scheduled", "processing"])
def test_an_edge_waits_for_the_end_of_its_parent(condition: str, status: str) -> None:
    assert edge_standing(condition, status) == "waiting"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("success", ["met", "impossible", "impossible", "impossible"]),
        ("completion", ["met", "met", "met", "met"]),
        ("failure", ["impossible", "met", "met", "impossible"]),
    ],
)
def test_an_end_meets_an_edge_or_makes_it_impossible(condition: str, expected: list[str]) -> None:
    assert [edge_standing(condition, status) for status in ENDED] == expected


@pytest.mark.parametrize(
    ("statuses", "all_of", "any_of"),
    [
        ([], "met", "met"),
        (["completed"], "met", "met"),
        (["pending"], "waiting", "waiting"),
        (["cancelled"], "impossible", "impossible"),
        (["completed", "pending"], "waiting", "met"),
        (["completed", "deadletter"], "impossible", "met"),
        (["pending", "deadletter"], "impossible", "waiting"),
        (["cancelled", "deadletter"], "impossible", "impossible"),
    ],
)
def test_a_mode_puts_edges_together(statuses: list[str], all_of: str, any_of: str) -> None:
    edges = [an_edge(status) for status in statuses]

    assert standing_of(edges, "all") == standing_of(edges, None) == all_of
    assert standing_of(edges, "any") == any_of


def test_a_parent_link_counts_in_every_mode() -> None:
    for mode in ("all", "any", None):
        link = an_edge("pending", is_link=True)
        assert standing_of([link, an_edge("completed")], mode) == "waiting"
        failed = an_edge("cancelled", is_link=True)
        assert standing_of([failed, an_edge("completed")], mode) == "impossible"
        done = an_edge("completed", is_link=True)
        assert standing_of([done, an_edge("pending")], mode) == "waiting"
        assert standing_of([done], mode) == "met"
