"""Patterns of topics: contract catbird-capabilities, section 5; `v24` is V24 of 22.2."""

import pytest

from spooled_lite.core.topics.pattern import checked_pattern, checked_topic
from spooled_lite.core.topics.trie import Trie
from spooled_lite.errors import RuleBroken

VALID = ["a.b", "a", "a.*", "a.*.c", "*.*", "a.#", "a.*.#", "#", "*", "*.#", "A_b-9", "a" * 255]
INVALID = [
    *("foo*", "foo*bar", "foo#bar", "foo.#.bar", "#.foo", "foo..bar", ".foo", "foo.", "foo bar"),
    *("foo@bar", "foo.?.bar", "foo.>", "", "a" * 256, "#.#", "*#", "ä", "a\n", "a.\n"),
]


@pytest.mark.parametrize("pattern", VALID)
def test_a_valid_pattern_is_taken(pattern: str) -> None:
    assert checked_pattern(pattern) == pattern


@pytest.mark.parametrize("pattern", INVALID)
def test_an_invalid_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(RuleBroken, match="`pattern`"):
        checked_pattern(pattern)


@pytest.mark.parametrize("topic", ["", "a.*", "#", "a..b", "a.", "a b", "a" * 256, "a\n"])
def test_a_topic_has_no_wildcards(topic: str) -> None:
    with pytest.raises(RuleBroken, match="`topic`"):
        checked_topic(topic)


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a", False),
        ("a.b", "a.b.c", False),
        ("a.b", "A.b", False),
        ("a.*", "a.b", True),
        ("a.*", "a", False),
        ("a.*", "a.b.c", False),
        ("a.*.c", "a.b.c", True),
        ("a.*.c", "a.b.b.c", False),
        ("*.*", "a.b", True),
        ("*.*", "a", False),
        ("a.#", "a", True),
        ("a.#", "a.b", True),
        ("a.#", "a.b.c", True),
        ("a.#", "ab", False),
        ("a.#", "b.a", False),
        ("a.*.#", "a.b", True),
        ("a.*.#", "a.b.c", True),
        ("a.*.#", "a", False),
        ("#", "any", True),
        ("#", "any.thing.at.all", True),
        ("*", "a", True),
        ("*", "a.b", False),
        ("*.b", "a.b", True),
        ("*.b", "b", False),
        ("*.#", "a", True),
        ("very.long.literal.prefix.#", "very.long.literal.prefix", True),
        ("very.long.literal.prefix.#", "very.long.literal", False),
    ],
)
def test_what_matches(pattern: str, topic: str, expected: bool) -> None:
    assert bool(Trie([(pattern, 1)]).matches(topic)) is expected


def test_many_patterns_of_one_target_lead_there_once() -> None:
    trie = Trie([("a.#", "x"), ("a.b", "x"), ("*.b", "y"), ("#", "x"), ("a.c", "z")])

    assert sorted(trie.matches("a.b")) == ["x", "y"]
    assert trie.matches("c") == ["x"]
    assert Trie[str]([]).matches("a") == []


def test_a_walk_meets_each_node_once_however_many_patterns_cross() -> None:
    names = [".".join("*" if n >> bit & 1 else "a" for bit in range(10)) for n in range(1_024)]
    trie = Trie([(name, name) for name in names])

    assert len(trie.matches(".".join("a" * 10))) == 1_024
    assert trie.matches(".".join("b" * 10)) == [".".join("*" * 10)]
