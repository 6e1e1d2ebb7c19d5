"""What an administrator may say of an organization. Contract: platform, sections 5.1 and 11."""

from typing import Any

import msgspec
import pytest

from spooled_lite.core.orgs.admin_records import LEAST, checked_limits, tier_of
from spooled_lite.errors import RuleBroken, WrongShape
from spooled_lite.plans import Limits, OwnLimits


def limits(value: Any) -> bytes | None:
    return checked_limits(msgspec.json.encode(value))


def test_every_limit_of_a_plan_has_a_rule() -> None:
    assert set(LEAST) == {field.name for field in msgspec.structs.fields(Limits)}


@pytest.mark.parametrize("name", LEAST)
def test_a_limit_is_a_whole_number_from_its_least_on_or_null(name: str) -> None:
    for good in (LEAST[name], 1_000, None):
        assert limits({name: good}) == msgspec.json.encode({name: good})
    not_numbers: list[Any] = ["3", 1.5, True, [], {}]
    for wrong in not_numbers:
        with pytest.raises(WrongShape):
            limits({name: wrong})
    for outside in (LEAST[name] - 1, 2**53 + 1):
        with pytest.raises(RuleBroken):
            limits({name: outside})


def test_a_refusal_names_the_limit() -> None:
    with pytest.raises(RuleBroken) as refused:
        limits({"max_queues": -1})

    [problem] = refused.value.details
    assert (problem.field, problem.code) == ("custom_limits.max_queues", "range")


def test_what_no_plan_has_is_kept_as_it_came() -> None:
    given = b'{"note": [1.50, "by hand"],  "max_queues": 3}'

    assert checked_limits(given) == given


@pytest.mark.parametrize("given", [b"null", b"{}", b"[]", b" { } ", b"[ ]"])
def test_nothing_is_no_limits_of_its_own(given: bytes) -> None:
    assert checked_limits(given) is None


@pytest.mark.parametrize("given", [b"3", b'"x"', b"[1]", b"true", b"false", b"0", b'""'])
def test_limits_are_an_object(given: bytes) -> None:
    with pytest.raises(WrongShape):
        checked_limits(given)


def test_limits_are_at_most_64_kib() -> None:
    with pytest.raises(RuleBroken):
        limits({"note": "x" * 65_536})


def test_what_cannot_be_read_back_is_refused() -> None:
    with pytest.raises(RuleBroken):
        checked_limits(b'{"note": 1e999999}')


def test_a_limit_that_is_named_twice_is_right_both_times() -> None:
    with pytest.raises(WrongShape):
        checked_limits(b'{"max_queues": "many", "max_queues": 1}')


def test_an_organization_may_have_each_limit_of_a_tier_of_its_own() -> None:
    assert LEAST.keys() == set(OwnLimits.__struct_fields__) == set(Limits.__struct_fields__)


def test_a_tier_is_known_in_any_case() -> None:
    assert tier_of("PRO") == "pro"


@pytest.mark.parametrize("word", ["gold", "", "deleted", "free "])
def test_an_unknown_tier_is_refused(word: str) -> None:
    with pytest.raises(RuleBroken):
        tier_of(word)
