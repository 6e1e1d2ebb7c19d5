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

    @property
    def is_bare(self) -> bool:
        return not (self.children or self.one_word or self.ends or self.any_tail)


class Trie(Generic[T]):
    def __init__(self, bound: Iterable[tuple[str, T]] = ()) -> None:
        """`bound` gives each pattern with what it leads to."""
        self._root: _Node[T] = _Node()
        for pattern, target in bound:
            self.add(pattern, target)

    def matches(self, topic: str) -> list[T]:
        """What leads from this topic, each once, whatever number of patterns lead there."""
        return list(dict.fromkeys(self._walk(tokens_of(topic))))

    def add(self, pattern: str, target: T) -> None:
        node = self._root
        for token in tokens_of(pattern):
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

    def remove(self, pattern: str, target: T) -> None:
        """Take back what `add` was told, and branches that lead nowhere any more."""
        path: list[tuple[_Node[T], str]] = []
        node, there = self._root, ""
        for there in tokens_of(pattern):
            if there == "#":
                break
            path.append((node, there))
            found = node.one_word if there == "*" else node.children.get(there)
            assert found is not None, "it was added"
            node = found
        (node.any_tail if there == "#" else node.ends).remove(target)
        while node.is_bare and path:
            node, token = path.pop()
            if token == "*":
                node.one_word = None
            else:
                del node.children[token]

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
