"""What a move would do, read from both sides. Changes nothing."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.cli.escaped import escaped
from spooled_lite.cli.moving.config import (
    Config,
    compare,
    differences,
    label,
    queue_body,
    schedule_body,
)
from spooled_lite.cli.moving.jobs import DEAD_SUFFIX, dead_queue
from spooled_lite.cli.moving.side import Side

NAMED_MAX: Final = 10  # of one kind, by name
_OPEN_WORKFLOWS: Final = frozenset({"pending", "running"})


class Plan(Struct, frozen=True):
    lines: Sequence[str]
    losses: Sequence[str]  # what cannot be kept


def plan_of(here: Side, there: Side) -> Plan:
    """Raises: as Side."""
    config = compare(here, there)
    delayed, in_workflows = _count(here, "scheduled")
    dead, dead_in_workflows = _count(here, "deadletter")
    steps_waiting = in_workflows + dead_in_workflows
    losses = [*config.losses, *(_too_long(dead))]
    lines = [*_creates(config), *_changes(config), *_moves(delayed, dead)]
    lines += _drains(here, config)
    lines += _stays(here, steps_waiting)
    return Plan(lines or ["nothing to do"], losses)


def _creates(config: Config) -> Iterator[str]:
    counts = (
        (config.queues, "queues", ""),
        (config.schedules, "schedules", " (paused)"),
        (config.webhooks, "webhooks", " (off)"),
        (config.keys, "keys", " (new secrets, printed once)"),
    )
    new = [
        f"{count} {kind}{how}"
        for pairs, kind, how in counts
        if (count := sum(each.there is None for each in pairs))
    ]
    if new:
        yield f"would create   {' · '.join(new)}"


def _changes(config: Config) -> Iterator[str]:
    """Queues of these names are there already, and what is set there is replaced."""
    changed = [
        f"{label(each.here)} ({', '.join(names)})"
        for each in config.queues
        if each.there is not None and (names := differences(each.there, queue_body(each.here)))
    ]
    changed += [
        f"schedule {label(each.here)} ({', '.join(names)})"
        for each in config.schedules
        if each.there is not None and (names := differences(each.there, schedule_body(each.here)))
    ]
    if changed:
        yield f"would change   {_named(changed)}"


def _moves(delayed: Counter[str], dead: Counter[str]) -> Iterator[str]:
    parts = []
    if delayed:
        parts.append(f"{delayed.total():,} delayed jobs")
    if dead:
        names = _named([f"{escaped(name)}{DEAD_SUFFIX}" for name in dead])
        parts.append(f"{dead.total():,} dead letters (as paused queues {names})")
    if parts:
        yield f"would move     {' · '.join(parts)}"


def _drains(here: Side, config: Config) -> Iterator[str]:
    waiting = running = queues = 0
    paused = []
    for each in config.queues:
        stats = here.thing("queues", each.here.text("queue_name"), "stats")
        if stats is None:
            continue
        here_waiting, here_running = stats.value("pending") or 0, stats.value("processing") or 0
        queues += bool(here_waiting or here_running)
        waiting += here_waiting
        running += here_running
        if here_waiting and not each.here.value("enabled"):
            paused.append(f"{label(each.here)} ({here_waiting:,} jobs)")
    if queues:
        yield f"would drain    {queues} queues with {waiting:,} waiting, {running:,} running"
    if paused:
        yield f"resume here    {_named(paused)}: nobody gets the jobs of a paused queue"


def _stays(here: Side, steps: int) -> Iterator[str]:
    workflows = [
        each for each in here.things("/workflows") if each.text("status") in _OPEN_WORKFLOWS
    ]
    if workflows or steps:
        total = sum(each.value("total_jobs") or 0 for each in workflows)
        told = f"{len(workflows)} workflows of {total:,} steps"
        yield f"would wait for {told}, which stay here until done"


def _count(here: Side, status: str) -> tuple[Counter[str], int]:
    """Jobs by queue, and how many more are steps of workflows."""
    counts: Counter[str] = Counter()
    steps = 0
    for each in here.things("/jobs", {"status": status}):
        if each.text("workflow_id"):
            steps += 1
        else:
            counts[each.text("queue_name")] += 1
    return counts, steps


def _too_long(dead: Counter[str]) -> Iterator[str]:
    for name in dead:
        if dead_queue(name) is None:
            yield f"{dead[name]:,} dead letters of {escaped(name)}: {DEAD_SUFFIX} makes it too long"


def _named(names: Sequence[str]) -> str:
    more = len(names) - NAMED_MAX
    return ", ".join(names[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
