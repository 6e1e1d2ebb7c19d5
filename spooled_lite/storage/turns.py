"""A line that several owners share: within one owner first come, first served; the owners in turns.

However much one of them lines up, the next thing of another is at most one round away.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

HOUSE: Final = 0  # owner of what the server does for itself
OUTSIDE: Final = -1  # owner of what callers ask who belong to no organization


class Turns(Generic[T]):
    """Not safe for several threads by itself; who shares it between threads has a lock."""

    __slots__ = ("_length", "_of_owner")

    def __init__(self) -> None:
        self._of_owner: OrderedDict[int, deque[T]] = OrderedDict()  # the next one to serve first
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def count_of(self, owner: int) -> int:
        waiting = self._of_owner.get(owner)
        return 0 if waiting is None else len(waiting)

    def put(self, owner: int, item: T) -> None:
        waiting = self._of_owner.get(owner)
        if waiting is None:
            waiting = self._of_owner[owner] = deque()
        waiting.append(item)
        self._length += 1

    def put_back(self, owner: int, item: T) -> None:
        """What was taken and not served: it is the next one again, and so is its owner."""
        waiting = self._of_owner.get(owner)
        if waiting is None:
            waiting = self._of_owner[owner] = deque()
        waiting.appendleft(item)
        self._of_owner.move_to_end(owner, last=False)
        self._length += 1

    def next_owner(self, may: Callable[[int], bool] | None = None) -> int | None:
        """Whose turn it is among the owners that may be served; None when none of them waits."""
        owners = self._of_owner
        return next(iter(owners) if may is None else filter(may, owners), None)

    def take(self, may: Callable[[int], bool] | None = None) -> T | None:
        """The next one of the owner whose turn it is; None when there is none to serve."""
        owner = self.next_owner(may)
        if owner is None:
            return None
        waiting = self._of_owner[owner]
        item = waiting.popleft()
        self._length -= 1
        if waiting:
            self._of_owner.move_to_end(owner)
        else:
            del self._of_owner[owner]
        return item

    def take_many(self, count_max: int) -> list[T]:
        """The next ones, as by `take` again and again."""
        taken: list[T] = []
        owners = self._of_owner
        while owners and len(taken) < count_max:
            owner, waiting = next(iter(owners.items()))
            if len(owners) == 1:  # one owner: there are no turns
                while waiting and len(taken) < count_max:
                    taken.append(waiting.popleft())
            else:
                taken.append(waiting.popleft())
            if waiting:
                owners.move_to_end(owner)
            else:
                del owners[owner]
        self._length -= len(taken)
        return taken

    def firsts(self) -> list[T]:
        """The one of each owner that has waited longest."""
        return [waiting[0] for waiting in self._of_owner.values()]
