"""A tree of patterns that come and go finds what a tree finds that never held the others."""

import random
from typing import Final

from spooled_lite.core.topics.trie import Trie

WORDS: Final = ("a", "b", "*")
TOPICS: Final = ("a", "b", "a.a", "a.b", "b.a", "a.b.a", "b.b.b.b", "c")


def a_pattern(chance: random.Random) -> str:
    tokens = [chance.choice(WORDS) for _ in range(chance.randint(1, 3))]
    return ".".join([*tokens, "#"] if chance.random() < 0.3 else tokens)


def test_patterns_that_come_and_go_leave_nothing_behind() -> None:
    chance = random.Random(7)
    trie: Trie[int] = Trie()
    held: list[tuple[str, int]] = []
    for number in range(600):
        if held and chance.random() < 0.5:
            trie.remove(*held.pop(chance.randrange(len(held))))
        else:
            held.append((a_pattern(chance), number))
            trie.add(*held[-1])
        fresh = Trie(held)
        for topic in TOPICS:
            assert sorted(trie.matches(topic)) == sorted(fresh.matches(topic))
    for pattern, number in held:
        trie.remove(pattern, number)

    assert trie._root.is_bare
