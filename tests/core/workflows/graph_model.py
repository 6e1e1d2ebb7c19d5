"""What a workflow should do, written down a second time: without a database and as plainly as can.

It is told of every act when the loops have come to rest; it does not know how they got there.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from spooled_lite.core.workflows.records import NewStep
from tests.core.workflows.graphs import a_step

QUEUES: Final = ("x", "y", "z")
MAX_RETRIES: Final = 1
_ENDED: Final = frozenset({"completed", "deadletter", "cancelled"})
_GOOD: Final = {
    "success": {"completed"},
    "completion": set(_ENDED),
    "failure": {"deadletter"},
}


def random_steps(size: int, parents_max: int, seed: int) -> list[NewStep]:
    """So many steps in any order, each with up to so many parents."""
    choose = random.Random(seed)
    steps = []
    for place in range(size):
        count = min(place, choose.randint(0, parents_max))
        near = range(max(0, place - 3 * parents_max), place)
        parents = choose.sample(near, min(count, len(near)))
        steps.append(
            a_step(
                f"s{place}",
                *(f"s{parent}" for parent in parents),
                queue_name=choose.choice(QUEUES),
                mode=choose.choice(("all", "any")),
                condition=choose.choice(("success", "success", "completion", "failure")),
                max_retries=MAX_RETRIES,
            )
        )
    choose.shuffle(steps)
    return steps


@dataclass
class Node:
    step: NewStep
    status: str = "pending"
    is_met: bool = True
    is_delayed: bool = False
    was_cancelled_by_parent: bool = False
    is_told_to_stop: bool = False
    retries: int = 0


@dataclass
class Model:
    nodes: dict[str, Node]
    children: dict[str, list[str]] = field(default_factory=dict)
    was_started: bool = False
    was_cancelled: bool = False

    @classmethod
    def of(cls, steps: Iterable[NewStep]) -> "Model":
        model = cls({step.key: Node(step, is_met=not step.depends_on) for step in steps})
        model.children = {key: [] for key in model.nodes}
        for key, node in model.nodes.items():
            for parent in node.step.depends_on:
                model.children[parent].append(key)
        return model

    # -- what is seen ------------------------------------------------------------------------

    @property
    def statuses(self) -> dict[str, str]:
        return {key: node.status for key, node in self.nodes.items()}

    @property
    def claimable(self) -> set[str]:
        return {
            key
            for key, node in self.nodes.items()
            if node.status == "pending" and node.is_met and not node.is_delayed
        }

    def of_status(self, *statuses: str) -> list[str]:
        return [key for key, node in self.nodes.items() if node.status in statuses]

    @property
    def counted(self) -> tuple[int, ...]:
        order = ("pending", "processing", "completed", "deadletter", "cancelled")
        return tuple(len(self.of_status(status)) for status in order)

    @property
    def status(self) -> str:
        waiting, processing, _, failed, cancelled = self.counted
        if self.was_cancelled:
            return "cancelled"
        if waiting or processing:
            return "running" if self.was_started else "pending"
        if failed:
            return "failed"
        return "cancelled" if cancelled else "completed"

    # -- acts --------------------------------------------------------------------------------

    def claim(self, key: str) -> None:
        assert key in self.claimable, "handed out and not claimable"
        self.was_started = True
        self.nodes[key].status = "processing"

    def complete(self, key: str) -> None:
        self._end(key, "completed")

    def fail(self, key: str, *, may_retry: bool, at_once: bool = False) -> None:
        node = self.nodes[key]
        if node.is_told_to_stop:
            self._end(key, "cancelled")
        elif may_retry and node.retries < MAX_RETRIES:
            node.retries += 1
            node.status, node.is_delayed = "pending", not at_once
        else:
            self._end(key, "deadletter")

    def cancel(self, key: str) -> None:
        self._end(key, "cancelled")

    def time_passes(self) -> None:
        for node in self.nodes.values():
            node.is_delayed = False

    def retry(self, key: str) -> None:
        node = self.nodes[key]
        node.status, node.retries = "pending", node.retries + 1
        node.is_met = self._standing(key) != "waiting"
        self._changed([key])

    def start_over(self) -> None:
        """All dead letters, as a retry of the workflow or of all dead letters does."""
        failed = self.of_status("deadletter")
        for key in failed:
            self.nodes[key].status, self.nodes[key].retries = "pending", 0
        for key in failed:
            self.nodes[key].is_met = self._standing(key) != "waiting"
        self._changed([*failed, *self._bring_back()])

    def renew(self, key: str) -> bool:
        """Whether the lease goes on."""
        if self.nodes[key].is_told_to_stop:
            self._end(key, "cancelled")
        return self.nodes[key].status == "processing"

    def cancel_all(self, *, stop_running: bool = False) -> None:
        if self.of_status("pending", "processing"):
            self.was_cancelled = True
            for key in self.of_status("pending"):
                self.nodes[key].status, self.nodes[key].is_delayed = "cancelled", False
            for key in self.of_status("processing"):
                self.nodes[key].is_told_to_stop |= stop_running

    # -- what follows ------------------------------------------------------------------------

    def _end(self, key: str, status: str) -> None:
        self.nodes[key].status, self.nodes[key].is_delayed = status, False
        self.nodes[key].is_told_to_stop = False
        if self.of_status("pending", "processing"):
            self.was_started = True
        self._changed([key])

    def _changed(self, keys: list[str]) -> None:
        while keys:
            for child in self.children[keys.pop()]:
                keys += self._looks_again(child)

    def _looks_again(self, key: str) -> list[str]:
        """Those whose status has changed."""
        node, standing = self.nodes[key], self._standing(key)
        if node.status == "pending" and standing == "impossible":
            node.status, node.was_cancelled_by_parent = "cancelled", True
            node.is_met, node.is_delayed = False, False
            return [key]
        if node.status == "pending":
            node.is_met = standing == "met"
        elif node.status == "cancelled" and node.was_cancelled_by_parent:
            return self._bring_back() if standing != "impossible" else []
        return []

    def _bring_back(self) -> list[str]:
        """As many as can be at the same time."""
        if self.was_cancelled:
            return []
        back = {
            key: node
            for key, node in self.nodes.items()
            if node.status == "cancelled" and node.was_cancelled_by_parent
        }
        for node in back.values():
            node.status = "pending"
        while hopeless := [key for key in back if self._standing(key) == "impossible"]:
            for key in hopeless:
                back.pop(key).status = "cancelled"
        for key, node in back.items():
            node.was_cancelled_by_parent = False
            node.is_met = self._standing(key) == "met"
        return list(back)

    def _standing(self, key: str) -> str:
        step = self.nodes[key].step
        statuses = [self.nodes[parent].status for parent in step.depends_on]
        good = [status in _GOOD[step.condition] for status in statuses]
        lost = [status in _ENDED - _GOOD[step.condition] for status in statuses]
        if not statuses or all(good) or (step.mode == "any" and any(good)):
            return "met"
        is_lost = all(lost) if step.mode == "any" else any(lost)
        return "impossible" if is_lost else "waiting"
