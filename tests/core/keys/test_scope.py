"""Which queues a key opens."""

import pytest

from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.errors import AccessDenied


@pytest.mark.parametrize("entries", [(), ("*",), ("a", "*")])
def test_no_list_or_a_star_opens_everything(entries: tuple[str, ...]) -> None:
    scope = Scope(entries)

    assert scope.is_unrestricted
    assert scope.allows("anything")


@pytest.mark.parametrize(
    ("entry", "allowed", "refused"),
    [
        ("mail", ["mail"], ["Mail", "mails", "mai", ""]),
        ("mail-*", ["mail-", "mail-in", "mail-a-b"], ["mail", "xmail-in"]),
        ("*-low", ["a-low", "-low"], ["a-lower"]),
        ("a*b*c", ["abc", "axxbyyc"], ["ab", "acb"]),
        ("a.b*", ["a.b", "a.bc"], ["axb"]),
        ("**x", ["x", "yx"], ["xy"]),
        ("ab*ba", ["abba", "ab-ba"], ["aba"]),
        ("*a" * 60 + "b", ["a" * 60 + "b"], ["a" * 100]),
    ],
)
def test_an_entry_is_a_name_or_a_pattern(
    entry: str, allowed: list[str], refused: list[str]
) -> None:
    scope = Scope((entry,))

    assert not scope.is_unrestricted
    assert [name for name in allowed if not scope.allows(name)] == []
    assert [name for name in refused if scope.allows(name)] == []


def test_a_queue_outside_is_denied_and_not_named() -> None:
    with pytest.raises(AccessDenied) as caught:
        Scope(("a",)).check("secret-queue")

    assert "secret-queue" not in caught.value.message
    ALL_QUEUES.check("any")


def test_scopes_are_compared_by_their_entries() -> None:
    assert Scope(("a",)) == Scope(("a",))
    assert Scope(("a",)) != ALL_QUEUES
    assert len({Scope(("a",)), Scope(("a",))}) == 1
