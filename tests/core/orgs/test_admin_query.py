"""What an administrator asks of the file. Contract: platform, section 11."""

from typing import Any

import pytest

from spooled_lite.core.orgs.admin_query import (
    OrganizationFilter,
    list_organizations,
    server_sums,
)
from spooled_lite.core.orgs.create import create
from spooled_lite.storage.transaction import Reading
from tests.core.stage import Stage
from tests.factories import an_org


class Counting(Reading):
    """How often it was asked."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading._connection, reading.now_ms)
        self.asked = 0

    def row(self, *args: Any, **more: Any) -> Any:
        self.asked += 1
        return super().row(*args, **more)

    def rows(self, *args: Any, **more: Any) -> Any:
        self.asked += 1
        return super().rows(*args, **more)

    def value(self, *args: Any, **more: Any) -> Any:
        self.asked += 1
        return super().value(*args, **more)


def found(stage: Stage, **wanted: Any) -> list[str]:
    page = stage.read(list_organizations, OrganizationFilter(**wanted))
    return [row["slug"] for row in page.rows]


@pytest.mark.parametrize("organizations", [1, 40])
def test_a_page_takes_two_statements_however_many_rows_it_has(
    stage: Stage, organizations: int
) -> None:
    for number in range(organizations):
        stage.run(create, an_org(slug=f"org-{number}"))

    def asked(reading: Reading) -> int:
        counting = Counting(reading)
        page = list_organizations(counting, OrganizationFilter(limit=100))
        assert len(page.rows) == page.total == organizations + 1
        return counting.asked

    assert stage.read(asked) == 2


def test_the_order_of_equals_is_stable_over_pages(stage: Stage) -> None:
    for number in range(9):
        stage.run(create, an_org(slug=f"org-{number}", name="Same"))

    pages = [found(stage, sort_by="name", limit=4, offset=offset) for offset in (0, 4, 8)]

    assert sorted(slug for page in pages for slug in page) == sorted(found(stage, limit=100))


def test_another_language_is_found_in_small_letters_and_capitals(stage: Stage) -> None:
    stage.run(create, an_org(slug="ecole", name="École Zürich"))

    assert found(stage, search="École") == ["ecole"]
    assert found(stage, search="zÜRICH") == ["ecole"]
    assert found(stage, search="Zurich") == []
    assert found(stage, search="RICH") == ["ecole"]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ({"plan_tier": "PRO"}, {"plan_tier": "pro"}),
        ({"plan_tier": "gold"}, {"plan_tier": None}),
        ({"search": " a%b_c' "}, {"search": "ab_c"}),
        ({"search": "%';"}, {"search": None}),
        ({"search": "x" * 101}, {"search": "x" * 100}),
        ({"sort_by": "id; DROP"}, {"sort_by": "created_at"}),
        ({"order": "ASC"}, {"descending": False}),
        ({"order": "up"}, {"descending": True}),
    ],
)
def test_unknown_words_count_as_left_out(words: dict[str, str], wanted: dict[str, Any]) -> None:
    made = OrganizationFilter.lenient(**words, limit=5, offset=2)  # type: ignore[arg-type]

    assert {name: getattr(made, name) for name in wanted} == wanted
    assert (made.limit, made.offset) == (5, 2)


def test_jobs_of_a_queue_that_is_being_removed_are_in_no_sum(stage: Stage) -> None:
    stage.enqueue("kept")
    stage.enqueue("gone")
    stage.rows("UPDATE queues SET deleted_at_ms = 1 WHERE queue_name = 'gone'")

    sums = stage.read(server_sums)

    assert (sums.jobs["pending"], sums.day["created"], sums.rest["queue_count"]) == (1, 1, 1)


def test_an_organization_that_is_being_removed_is_in_no_sum(stage: Stage) -> None:
    stage.enqueue()
    stage.rows("UPDATE organizations SET deleted_at_ms = 1")

    sums = stage.read(server_sums)

    assert list(sums.organizations) == []
    assert (sums.jobs["pending"], sums.day["created"], sums.rest["queue_count"]) == (0, 0, 0)
    assert found(stage) == []
