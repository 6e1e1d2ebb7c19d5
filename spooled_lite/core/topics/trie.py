"""Patterns as a tree of their tokens: a topic walks down all branches that match it at once.

A walk meets each node at most once, so it never costs more than there are tokens in all patterns;
usually it meets a handful.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from spooled_lite.core.topics.pattern import tokens_of

T = TypeVar("T")


class _Node(Generic[T]):
    __slots__ = ("any_tail", "children", "ends", "one_word")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] = {}  # by the literal that leads there
        self.one_word: _Node[T] | None = None  # behind a `*`
        self.ends: list[T] = []  # of patterns that end here
        self.any_tail: list[T] = []  # of patterns that end here with a `#`


class Trie(Generic[T]):
    def __init__(self, bound: Iterable[tuple[str, T]]) -> None:
        """`bound` gives each pattern with what it leads to."""
        self._root: _Node[T] = _Node()
        for pattern, target in bound:
            self._add(tokens_of(pattern), target)

    def matches(self, topic: str) -> list[T]:
        """What leads from this topic, each once, whatever number of patterns lead there."""
        return list(dict.fromkeys(self._walk(tokens_of(topic))))

    def _add(self, tokens: Sequence[str], target: T) -> None:
        node = self._root
        for token in tokens:
            if token == "#":
                node.any_tail.append(target)
                return
            if token == "*":
                if node.one_word is None:
                    node.one_word = _Node()
                node = node.one_word
            else:
                node = node.children.setdefault(token, _Node())
        node.ends.append(target)

    def _walk(self, tokens: Sequence[str]) -> Iterator[T]:
        nodes = [self._root]
        for token in tokens:
            for node in nodes:
                yield from node.any_tail
            nodes = [
                there
                for node in nodes
                for there in (node.children.get(token), node.one_word)
                if there is not None
            ]
            if not nodes:
                return
        for node in nodes:
            yield from node.any_tail
            yield from node.ends
