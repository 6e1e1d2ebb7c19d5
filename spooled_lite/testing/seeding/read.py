"""Reads a seed, and checks all of it that can be checked without the rows of the world: with the
decoders and the rules of the bodies that its members are."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, Generic, TypeVar

from msgspec import Raw, Struct

from spooled_lite.core.flows.records import FlowDefinition
from spooled_lite.core.jobs.columns import NewJob
from spooled_lite.core.jobs.records import queue_of
from spooled_lite.core.keys.records import ALL_QUEUES, NewKey, normalized
from spooled_lite.core.messages.records import NewMessage
from spooled_lite.core.queues.records import QueueChanges
from spooled_lite.core.schedules.records import NewSchedule
from spooled_lite.core.tasks.names import checked_task_name
from spooled_lite.core.tasks.records import NewTaskRun, TaskDefinition
from spooled_lite.core.topics.bind import TopicTarget
from spooled_lite.core.topics.pattern import checked_pattern
from spooled_lite.core.webhooks.records import NewWebhook
from spooled_lite.core.workflows.flow_names import checked_flow_name
from spooled_lite.core.workflows.graph import Graph, graph_of
from spooled_lite.core.workflows.records import NewWorkflow
from spooled_lite.core.workflows.store_run import NewRun
from spooled_lite.errors import RuleBroken, SpooledError
from spooled_lite.testing.faults.checks import check as check_fault
from spooled_lite.testing.faults.rules import FaultRule
from spooled_lite.testing.faults.shapes import NewFault
from spooled_lite.testing.seeding.shapes import (
    ROWS_MAX,
    SeedBinding,
    SeedBody,
    SeedFlow,
    SeedJob,
    SeedKey,
    SeedMessage,
    SeedQueue,
    SeedRun,
    SeedSchedule,
    SeedStep,
    SeedTask,
    SeedWebhook,
    SeedWorkflow,
)
from spooled_lite.testing.shapes import SetClock
from spooled_lite.wire.admission import Storing, check_payload_of_plan
from spooled_lite.wire.http.body import LISTS_BYTES_MAX, decode, decode_body
from spooled_lite.wire.http.body_lists import check_lists
from spooled_lite.wire.http.resources.messages import new_message
from spooled_lite.wire.http.resources.new_jobs import new_job
from spooled_lite.wire.http.resources.schedules import new_schedule
from spooled_lite.wire.http.resources.webhooks import new_webhook
from spooled_lite.wire.http.resources.workflows import extensions_of, new_workflow
from spooled_lite.wire.off_loop import OffLoop
from spooled_lite.wire.share import Share

T = TypeVar("T")
B = TypeVar("B", bound=Struct)

PART: Final = 0.5  # of the loop's time: other calls and other worlds go on


class Placed(Struct, Generic[T], frozen=True):
    """One thing of a seed: where it stands, its name if it has one, and what core is to store."""

    place: str
    name: str
    new: T


class ChosenKey(Struct, frozen=True):
    key: NewKey
    secret: str | None  # None: it is drawn


class PlannedWorkflow(Struct, frozen=True):
    workflow: NewWorkflow | NewRun
    graph: Graph = ()


class PlannedBinding(Struct, frozen=True):
    target: TopicTarget
    pattern: str


class PlannedMessage(Struct, frozen=True):
    queue_name: str
    message: NewMessage


class CheckedSeed(Struct, frozen=True, kw_only=True):
    """A seed that the world may still refuse for what it contains already."""

    clock: SetClock | None
    queues: Sequence[Placed[QueueChanges]]
    keys: Sequence[Placed[ChosenKey]]
    schedules: Sequence[Placed[NewSchedule]]
    webhooks: Sequence[Placed[NewWebhook]]
    tasks: Sequence[Placed[TaskDefinition]]
    flows: Sequence[Placed[FlowDefinition]]
    bindings: Sequence[Placed[PlannedBinding]]
    jobs: Sequence[Placed[NewJob]]
    messages: Sequence[Placed[PlannedMessage]]
    runs: Sequence[Placed[NewTaskRun]]
    workflows: Sequence[Placed[PlannedWorkflow]]
    faults: Sequence[NewFault]


async def read_seed(body: bytes, storing: Storing, off_loop: OffLoop, org: int) -> CheckedSeed:
    """Read and check it piece by piece, so that nobody else waits for more than one piece.

    Raises:
        As the decoders and checks of the routes whose bodies the members are; the error names the
        place, such as `jobs[3].payload`.
        RuleBroken: a name, a key or an idempotency key is there twice, or there are too many rows.
    """
    seed = await off_loop.run(org, len(body), decode_body, SeedBody, body)
    reading = _Reading(off_loop, org)
    checks = _Checks(storing)
    checks.count(*(each or () for each in (seed.queues, seed.keys, seed.schedules, seed.webhooks)))
    checks.count(*(each or () for each in (seed.bindings, seed.jobs, seed.messages)))
    checks.count(*(each or () for each in (seed.tasks, seed.flows, seed.runs)))
    return CheckedSeed(
        clock=seed.clock,
        queues=await reading.each("queues", seed.queues, checks.queue),
        keys=await reading.each("keys", seed.keys, checks.key),
        schedules=await reading.each("schedules", seed.schedules, checks.schedule),
        webhooks=await reading.each("webhooks", seed.webhooks, checks.webhook),
        tasks=await reading.each("tasks", seed.tasks, checks.task),
        flows=await reading.each("flows", seed.flows, checks.flow),
        bindings=await reading.each("bindings", seed.bindings, checks.binding),
        jobs=await reading.each("jobs", seed.jobs, checks.job),
        messages=await reading.each("messages", seed.messages, checks.message),
        runs=await reading.each("runs", seed.runs, checks.run),
        workflows=await reading.each("workflows", seed.workflows, checks.workflow),
        faults=await reading.each("faults", seed.faults, checks.fault),
    )


class _Reading:
    """Goes through sections in small pieces: large members on another thread."""

    def __init__(self, off_loop: OffLoop, org: int) -> None:
        self._off_loop = off_loop
        self._org = org
        self._share = Share(PART)

    async def each(
        self, section: str, members: list[Raw] | None, check: Callable[[str, bytes], T]
    ) -> list[T]:
        checked = []
        for index, member in enumerate(members or ()):
            raw = bytes(member)
            place = f"{section}[{index}]"
            if len(raw) > LISTS_BYTES_MAX:
                checked.append(await self._off_loop.run(self._org, len(raw), check, place, raw))
            else:
                checked.append(await self._share.run(partial(check, place, raw)))
        return checked


class _Checks:
    """Each decodes one member, checks it, and says what core is to store."""

    def __init__(self, storing: Storing) -> None:
        self._storing = storing
        self._rows = 0
        self._seen: dict[tuple[str, str], str] = {}  # what must not be there twice, and where

    def count(self, *sections: Sequence[object]) -> None:
        """Raises RuleBroken: there are more rows than a seed may have."""
        self._rows += sum(map(len, sections))
        if self._rows > ROWS_MAX:
            raise RuleBroken.of(
                "body", f"A seed has at most {ROWS_MAX} rows, steps of workflows included", "length"
            )

    def queue(self, place: str, raw: bytes) -> Placed[QueueChanges]:
        body = _decoded(SeedQueue, raw, place)
        with placed(place):
            name, changes = body.named_queue(), body.changes(null_clears=False)
        self._only_once("queue", name, f"{place}.name")
        return Placed(place, name, changes)

    def key(self, place: str, raw: bytes) -> Placed[ChosenKey]:
        body = _decoded(SeedKey, raw, place)
        with placed(place):
            new = body.new_key()
        self._only_once("name of a key", new.name, f"{place}.name")
        if body.key is not None:
            self._only_once("key", normalized(body.key), f"{place}.key")
            if body.key == self._storing.settings.admin_key:
                raise RuleBroken.of(
                    f"{place}.key", f"Field `{place}.key` is the admin key", "invalid_value"
                )
        return Placed(place, new.name, ChosenKey(new, body.key))

    def schedule(self, place: str, raw: bytes) -> Placed[NewSchedule]:
        body = _decoded(SeedSchedule, raw, place)
        with placed(place):
            new = new_schedule(self._storing, body)
        self._only_once("schedule", new.name, f"{place}.name")
        return Placed(place, new.name, new)

    def webhook(self, place: str, raw: bytes) -> Placed[NewWebhook]:
        body = _decoded(SeedWebhook, raw, place)
        with placed(place):
            new = new_webhook(self._storing.settings, body)
        self._only_once("webhook", new.name, f"{place}.name")
        return Placed(place, new.name, new)

    def task(self, place: str, raw: bytes) -> Placed[TaskDefinition]:
        body = _decoded(SeedTask, raw, place)
        with placed(place):
            name = checked_task_name(body.name)
            new = body.definition(name)
        self._only_once("task", name, f"{place}.name")
        return Placed(place, name, new)

    def flow(self, place: str, raw: bytes) -> Placed[FlowDefinition]:
        body = _decoded(SeedFlow, raw, place)
        with placed(place):
            name = checked_flow_name(body.name)
            new = body.definition(name)
        self._only_once("flow", name, f"{place}.name")
        return Placed(place, name, new)

    def run(self, place: str, raw: bytes) -> Placed[NewTaskRun]:
        body = _decoded(SeedRun, raw, place)
        with placed(place):
            check_payload_of_plan(self._storing, bytes(body.input), "input")
            bytes_max = self._storing.settings.queue_max_payload_size_bytes
            new = body.new_run(input_bytes_max=bytes_max)
        if new.concurrency_key is not None:
            named = f"{body.task_name} {new.concurrency_key}"
            self._only_once("run", named, f"{place}.concurrency_key")
        return Placed(place, body.task_name, new)

    def binding(self, place: str, raw: bytes) -> Placed[PlannedBinding]:
        body = _decoded(SeedBinding, raw, place)
        with placed(place):
            pattern = checked_pattern(body.pattern)
        target = (body.target_type, body.target_name)
        self._only_once("binding", " ".join((*target, pattern)), place)
        return Placed(place, "", PlannedBinding(target, pattern))

    def job(self, place: str, raw: bytes) -> Placed[NewJob]:
        body = _decoded(SeedJob, raw, place)
        with placed(place):
            new = new_job(self._storing, body)
        if new.idempotency_key is not None:
            self._only_once("job", new.idempotency_key, f"{place}.idempotency_key")
        return Placed(place, "", new)

    def message(self, place: str, raw: bytes) -> Placed[PlannedMessage]:
        body = _decoded(SeedMessage, raw, place)
        with placed(place):
            queue_name = queue_of(body.queue_name, body.queue)
            new = new_message(self._storing, body)
        if new.concurrency_key is not None:
            named = f"{queue_name} {new.concurrency_key}"
            self._only_once("message", named, f"{place}.concurrency_key")
        return Placed(place, "", PlannedMessage(queue_name, new))

    def workflow(self, place: str, raw: bytes) -> Placed[PlannedWorkflow]:
        body = _decoded(SeedWorkflow, raw, place)
        self.count(body.jobs)
        steps = [
            _decoded(SeedStep, bytes(step), f"{place}.jobs[{index}]")
            for index, step in enumerate(body.jobs)
        ]
        with placed(place):
            whole = body.body([*steps])
            said = extensions_of(whole)
            if said is None:
                new = new_workflow(self._storing, ALL_QUEUES, whole)
                planned = PlannedWorkflow(new, graph_of(new.steps))
            else:
                bytes_max = self._storing.settings.queue_max_payload_size_bytes
                planned = PlannedWorkflow(whole.new_run(said, payload_bytes_max=bytes_max))
        self._only_once("workflow", body.name, f"{place}.name")
        return Placed(place, body.name, planned)

    def fault(self, place: str, raw: bytes) -> NewFault:
        said = _decoded(NewFault, raw, place)
        with placed(place):
            check_fault(said)
            FaultRule("", said, 0)  # whose times have to be times
        return said

    def _only_once(self, what: str, name: str, place: str) -> None:
        first = self._seen.setdefault((what, name), place)
        if first != place:
            raise RuleBroken.of(
                place, f"Field `{place}` repeats `{first}`; each {what} is there once", "duplicate"
            )


@contextmanager
def placed(place: str) -> Iterator[None]:
    """Errors of rules that know nothing of a larger body name their place in it."""
    try:
        yield
    except SpooledError as error:
        raise error.placed(place) from None


def _decoded(kind: type[B], raw: bytes, place: str) -> B:
    if len(raw) > LISTS_BYTES_MAX:
        check_lists(kind, raw, at=f"{place}.")
    return decode(kind, raw, at=place)
