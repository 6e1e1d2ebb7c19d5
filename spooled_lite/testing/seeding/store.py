"""What stores a checked seed: the operations of its members as one, and what is told of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from msgspec import Struct

from spooled_lite.core.acts.record import ActKind, NewAct, Recorded
from spooled_lite.core.auth.verify import ShownCredential, while_valid
from spooled_lite.core.batch.run import BatchStep, all_or_nothing
from spooled_lite.core.flows.define import define_flow
from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.keys.issue import issue_with
from spooled_lite.core.keys.records import ALL_QUEUES, Grants
from spooled_lite.core.messages.send import send
from spooled_lite.core.queues.configure import create_queue
from spooled_lite.core.schedules.define import create as create_schedule
from spooled_lite.core.steps.start import start_run
from spooled_lite.core.tasks.define import define_task
from spooled_lite.core.tasks.run import run_task
from spooled_lite.core.topics.bind import bind
from spooled_lite.core.webhooks.subscribe import create_webhook
from spooled_lite.core.workflows.create import create_workflow
from spooled_lite.core.workflows.store_run import NewRun
from spooled_lite.errors import Conflict
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx
from spooled_lite.testing.seeding.read import CheckedSeed, Placed
from spooled_lite.testing.seeding.shapes import SeededKey, SeededView, SeededWorkflow
from spooled_lite.times import format_ms
from spooled_lite.wire.admission import Storing, admission_of
from spooled_lite.wire.http.acting import one

FirstSlots = Mapping[str, int | None]  # of each schedule the first one, by its place


class Author(Struct, frozen=True, kw_only=True):
    """For which organization a seed is stored, and by whom."""

    org: int
    storing: Storing
    grants: Grants = Grants()
    shown: ShownCredential | None = None  # None: by the administrator, or at the start


class Rehearsed(Conflict):
    """The seed would be stored. Raised to leave nothing of the rehearsal."""

    def __init__(self) -> None:
        super().__init__("This was a rehearsal")


@in_lane(Lane.CREATE)
def store(tx: Tx, shown: ShownCredential | None, steps: Sequence[BatchStep]) -> list[Any]:
    """Raises: as `all_or_nothing` and `while_valid`."""
    if shown is None:
        return all_or_nothing(tx, steps)
    return while_valid(tx, shown, partial(all_or_nothing, steps=steps))


@in_lane(Lane.CREATE)
def rehearse(tx: Tx, at_ms: int, shown: ShownCredential | None, steps: Sequence[BatchStep]) -> None:
    """Find out whether a seed could be stored at another time, before the clock is moved there.

    Raises:
        Rehearsed: it could.
        Otherwise as `store`.
    """
    tx.now_ms = at_ms
    store(tx, shown, steps)
    raise Rehearsed


def steps_of(seed: CheckedSeed, slots: FirstSlots, author: Author) -> list[BatchStep]:
    """In the order of the sections, which `told` keeps to."""
    org, admission = author.org, admission_of(author.storing)
    act = partial(_acting, author)
    is_live = author.storing.settings.issues_live_keys
    steps = [
        BatchStep(
            each.place,
            act("queue", create_queue, subject=each.name, count=lambda it: it.created),
            (org, each.name, each.new, admission),
        )
        for each in seed.queues
    ]
    for key in seed.keys:
        issue = partial(issue_with, is_live=is_live, secret=key.new.secret)
        issued = act("key", issue, made=lambda it: it.row["id"])
        steps.append(
            BatchStep(key.place, issued, (org, key.new.key, author.grants, admission.caps)),
        )
    steps += [
        BatchStep(
            each.place,
            act("schedule", create_schedule, made=lambda row: row["id"]),
            (org, each.new, slots[each.place], admission),
        )
        for each in seed.schedules
    ]
    steps += [
        BatchStep(
            each.place,
            act("webhook", create_webhook, made=lambda row: row["id"]),
            (org, each.new, admission.caps),
        )
        for each in seed.webhooks
    ]
    steps += [
        BatchStep(
            each.place,
            act("task", define_task, subject=each.name, count=lambda it: it.is_changed),
            (org, each.name, each.new, ALL_QUEUES, None),
        )
        for each in seed.tasks
    ]
    steps += [
        BatchStep(
            each.place,
            act("flow", define_flow, subject=each.name, count=lambda it: it.is_changed),
            (org, each.name, each.new, ALL_QUEUES, None),
        )
        for each in seed.flows
    ]
    steps += [
        BatchStep(
            each.place,
            act("binding", bind, count=lambda it: it.created, made=lambda it: it.row["id"]),
            (org, each.new.target, each.new.pattern),
        )
        for each in seed.bindings
    ]
    steps += [
        BatchStep(each.place, enqueue, (org, each.new, admission, ALL_QUEUES)) for each in seed.jobs
    ]
    steps += [
        BatchStep(each.place, send, (org, each.new.queue_name, [each.new.message], admission.caps))
        for each in seed.messages
    ]
    steps += [
        BatchStep(each.place, run_task, (org, each.name, each.new, admission, ALL_QUEUES))
        for each in seed.runs
    ]
    steps += [
        BatchStep(each.place, start_run, (org, each.new.workflow, admission))
        if isinstance(each.new.workflow, NewRun)
        else BatchStep(
            each.place, create_workflow, (org, each.new.workflow, each.new.graph, admission)
        )
        for each in seed.workflows
    ]
    return steps


def told(
    seed: CheckedSeed, results: Sequence[Any], fault_ids: list[str], now_ms: int, real_ms: float
) -> SeededView:
    """The answer, from the results of `steps_of`."""
    left = iter(results)
    queues = _by_name(seed.queues, left, lambda it: str(it.row["id"]))
    keys = _by_name(seed.keys, left, lambda it: SeededKey(it.row["id"], it.secret))
    schedules = _by_name(seed.schedules, left, lambda row: str(row["id"]))
    webhooks = _by_name(seed.webhooks, left, lambda row: str(row["id"]))
    tasks = [str(next(left).row["name"]) for _ in seed.tasks]
    flows = [str(next(left).row.row["name"]) for _ in seed.flows]
    bindings = [str(next(left).row["id"]) for _ in seed.bindings]
    jobs = [str(next(left).row["id"]) for _ in seed.jobs]
    messages = [str(sent.id) for _ in seed.messages for sent in next(left)]
    runs = [str(next(left).row["id"]) for _ in seed.runs]
    workflows = _by_name(
        seed.workflows,
        left,
        lambda it: SeededWorkflow(it.row["id"], {step.key: step.job_id for step in it.steps}),
    )
    return SeededView(
        now=format_ms(now_ms),
        queues=queues,
        keys=keys,
        schedules=schedules,
        webhooks=webhooks,
        tasks=tasks,
        flows=flows,
        bindings=bindings,
        jobs=jobs,
        messages=messages,
        runs=runs,
        workflows=workflows,
        faults=fault_ids,
        real_ms=round(real_ms, 1),
    )


def _by_name(
    members: Sequence[Placed[Any]], results: Iterator[Any], shown: Callable[[Any], Any]
) -> dict[str, Any]:
    return {each.name: shown(next(results)) for each in members}


def _acting(
    author: Author,
    kind: ActKind,
    operation: Callable[..., Any],
    *,
    subject: str = "",
    count: Callable[[Any], int] = one,
    made: Callable[[Any], str] | None = None,
) -> Callable[..., Any]:
    """The operation; by a caller with a key it is written down as an act of that key."""
    if author.shown is None:
        return operation
    act = NewAct(org=author.org, key=author.shown.key, kind=kind, act=_CREATE, subject=subject)
    recorded = Recorded(act, operation, count=count, seq=0, made=made)

    def act_and_tell(tx: Tx, *arguments: Any) -> Any:
        _, result = recorded(tx, *arguments)
        return result

    return act_and_tell


_CREATE: Final = "create"
