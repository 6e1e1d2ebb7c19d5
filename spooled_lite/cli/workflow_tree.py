"""The jobs of a workflow as a tree on lines of text.

Jobs that wait for several others make no tree: such a job stands below the first of them, and its
line names the others.
"""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct, field
from rich.cells import cell_len

from spooled_lite.cli.escaped import cut, escaped
from spooled_lite.cli.things import duration, time_ms

DEPTH_MAX: Final = 20  # of lines that are drawn; what is deeper stands at this depth
KEY_CELLS_MAX: Final = 60
OTHERS_MAX: Final = 5  # that a line names
ERROR_CELLS_MAX: Final = 80


class TreeStep(Struct):
    """What is shown of a job in a workflow."""

    id: str
    status: str
    key: str = ""
    queue_name: str = ""
    depends_on: list[str] = field(default_factory=list)  # ids or keys
    error: Any = None
    retry_count: int = 0
    started_at: str | None = None
    completed_at: str | None = None


class JobsShown(Struct):
    jobs: list[TreeStep]


class TreeLine(Struct):
    """A job, and the marks in front of it."""

    step: TreeStep
    marks: str


def tree_of(shown: JobsShown, now_ms: int) -> Iterator[str]:
    """A line for each job, in the order of the workflow, parents above children."""
    branches = list(_branches(shown.jobs))
    names = {name: each for each in shown.jobs for name in (each.id, each.key)}
    heads = [branch.marks + _name(branch.step) for branch in branches]
    width = max((cell_len(head) for head in heads), default=0)
    for head, branch in zip(heads, branches, strict=True):
        yield (head + " " * (width - cell_len(head)) + _about(branch.step, names, now_ms)).rstrip()


def _branches(steps: list[TreeStep]) -> Iterator[TreeLine]:
    """Depth first without recursion: a workflow may be a chain of a thousand jobs."""
    known = {name: each.id for each in steps for name in (each.key, each.id) if name}
    children: dict[str | None, list[TreeStep]] = {}
    for step in steps:
        parents = [known[name] for name in step.depends_on if name in known]
        children.setdefault(parents[0] if parents else None, []).append(step)
    seen: set[str] = set()
    # A step, the marks of its line, and those in front of its children.
    left = [(step, "", "") for step in reversed(children.get(None, []))]
    while left:
        step, marks, below = left.pop()
        if step.id in seen:
            continue  # no server says such a thing; a circle would have no end
        seen.add(step.id)
        yield TreeLine(step, marks)
        mine = children.get(step.id, [])
        is_deep = len(below) >= 3 * DEPTH_MAX
        for at, child in reversed(list(enumerate(mine))):
            is_last = at == len(mine) - 1
            more = "" if is_deep else ("   " if is_last else "│  ")
            left.append((child, below + ("└─ " if is_last else "├─ "), below + more))
    for step in steps:  # those that only wait for one another; no server says such a thing
        if step.id not in seen:
            yield TreeLine(step, "? ")


def _name(step: TreeStep) -> str:
    return cut(escaped(step.key or step.id), KEY_CELLS_MAX)


def _about(step: TreeStep, names: dict[str, TreeStep], now_ms: int) -> str:
    parts = [f"  {escaped(step.status):<10}"]
    if took := _took(step, now_ms):
        parts.append(took)
    if step.retry_count:
        parts.append(f"retry {step.retry_count}")
    if len(step.depends_on) > 1:
        others = [
            _name(names[each]) if each in names else escaped(each) for each in step.depends_on
        ]
        rest = f" and {len(others) - 1 - OTHERS_MAX} more" if len(others) - 1 > OTHERS_MAX else ""
        parts.append(f"also after {', '.join(others[1 : OTHERS_MAX + 1])}{rest}")
    if error := _error(step.error):
        parts.append(cut(escaped(error), ERROR_CELLS_MAX))
    return "  ".join(parts)


def _took(step: TreeStep, now_ms: int) -> str:
    began_ms, ended_ms = time_ms(step.started_at), time_ms(step.completed_at)
    if began_ms is None:
        return ""
    return duration(max(0, (now_ms if ended_ms is None else ended_ms) - began_ms))


def _error(error: Any) -> str:
    if isinstance(error, dict):
        error = error.get("message")
    return error if isinstance(error, str) else ""
