"""Slugs: which are good, which are free, and what a name suggests."""

import pytest

from spooled_lite.core.orgs.create import TRIES_MAX, check_slug, create, free_slug
from spooled_lite.core.orgs.slugs import RESERVED, slug_of, slug_problem
from tests.core.stage import Stage
from tests.factories import an_org


def chance(length_bytes: int) -> bytes:
    return b"\xab" * length_bytes


@pytest.mark.parametrize("slug", ["abc", "a1b", "1ab", "a-b-c", "a" * 50, "123"])
def test_a_good_slug_breaks_no_rule(slug: str) -> None:
    assert slug_problem(slug) is None


@pytest.mark.parametrize(
    ("slug", "code"),
    [
        ("", "length"),
        ("ab", "length"),
        ("a" * 51, "length"),
        ("-abc", "regex"),
        ("abc-", "regex"),
        ("a--b", "regex"),
        ("Abc", "regex"),
        ("a_b", "regex"),
        ("a b", "regex"),
        ("äbc", "regex"),
        ("abc\n", "regex"),
        *[(each, "reserved_slug") for each in sorted(RESERVED)],
    ],
)
def test_a_bad_slug_breaks_one(slug: str, code: str) -> None:
    problem = slug_problem(slug)

    assert problem is not None
    assert (problem.field, problem.code) == ("slug", code)


def test_who_may_take_a_reserved_slug_breaks_no_rule() -> None:
    assert slug_problem("admin", may_be_reserved=True) is None


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Acme Inc.", "acme-inc"),
        ("  Two\t words  ", "two-words"),
        ("a--b - c", "a-b-c"),
        ("Ünïcode GmbH", "ncode-gmbh"),
        ("x" * 80, "x" * 50),
        ("y" * 49 + " z", "y" * 49),
        ("ab", None),
        ("日本語", None),
        ("Admin", None),
        ("", None),
    ],
)
def test_a_name_suggests_a_slug(name: str, slug: str | None) -> None:
    assert slug_of(name) == slug


def test_a_name_that_suggests_none_gets_one_of_chance(stage: Stage) -> None:
    assert stage.read(free_slug, "日本語", chance) == "org-ababab"


def test_a_slug_that_is_taken_gets_a_number(stage: Stage) -> None:
    stage.run(create, an_org(slug="acme-2"))

    assert stage.read(free_slug, "Acme", chance) == "acme-3"


def test_a_long_slug_is_cut_for_its_number(stage: Stage) -> None:
    stage.run(create, an_org(slug="x" * 50))

    assert stage.read(free_slug, "x" * 50, chance) == "x" * 48 + "-2"


def test_after_many_numbers_chance_decides(stage: Stage) -> None:
    for number in range(2, TRIES_MAX + 2):
        stage.run(create, an_org(slug=f"acme-{number}"))

    assert stage.read(free_slug, "Acme", chance) == "acme-ababab"


def test_an_organization_without_a_slug_gets_one_from_its_name(stage: Stage) -> None:
    row = stage.run(create, an_org(name="Acme", slug=None))

    assert row["slug"] == "acme-2"


def test_the_answer_about_a_slug_says_what_can_be_done(stage: Stage) -> None:
    free = stage.read(check_slug, "fresh", chance)
    taken = stage.read(check_slug, "acme", chance)
    bad = stage.read(check_slug, "-", chance)

    assert (free.is_free, free.problem, free.suggestion) == (True, None, None)
    assert (taken.is_free, taken.problem, taken.suggestion) == (False, None, "acme-2")
    assert not bad.is_free
    assert bad.problem is not None
    assert bad.suggestion is None
