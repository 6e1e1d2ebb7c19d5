"""Names of frames, and filters without a server."""

from typing import Any, Final

import msgspec
import pytest

from spooled_lite.core.jobs.log import KINDS, JobBody
from spooled_lite.core.jobs.replay import Logged
from spooled_lite.core.keys.records import Scope
from spooled_lite.errors import AccessDenied, RuleBroken
from spooled_lite.wire.realtime.catalogue import _MAKERS, Frame, frame, frames_of
from spooled_lite.wire.realtime.dialects import Profile, render
from spooled_lite.wire.realtime.filters import UNFILTERED, Filter
from spooled_lite.wire.realtime.names import NAMES, kinds_named
from spooled_lite.wire.realtime.subscriptions import Subscriptions

# Contract: README, section 7.2: enum type, event line, dotted type, unnamed type.
TABLE: Final = """
JobCreated           job.created          job.created          job_created
JobStatusChange      job.status           job.status_changed   job_status_changed
job.started          job.started          job.started          job_started
job.progress         job.progress         job.progress         job_progress
JobCompleted         job.completed        job.completed        job_completed
JobFailed            job.failed           job.failed           job_failed
job.retrying         job.retrying         job.retrying         job_retrying
job.deadlettered     job.deadlettered     job.deadlettered     job_deadlettered
job.cancelled        job.cancelled        job.cancelled        job_cancelled
job.stop_requested   job.stop_requested   job.stop_requested   job_stop_requested
QueueStats           queue.stats          queue.stats          queue_stats_updated
queue.paused         queue.paused         queue.paused         queue_paused
queue.resumed        queue.resumed        queue.resumed        queue_resumed
WorkerRegistered     worker.registered    worker.joined        worker_registered
WorkerHeartbeat      worker.heartbeat     worker.active        worker_heartbeat
WorkerDeregistered   worker.deregistered  worker.left          worker_deregistered
worker.inactive      worker.inactive      worker.inactive      worker_inactive
schedule.triggered   schedule.triggered   schedule.triggered   schedule_triggered
workflow.started     workflow.started     workflow.started     workflow_started
workflow.completed   workflow.completed   workflow.completed   workflow_completed
workflow.failed      workflow.failed      workflow.failed      workflow_failed
workflow.cancelled   workflow.cancelled   workflow.cancelled   workflow_cancelled
SystemHealth         system.health        system.health        system_health
Ping                 ping                 ping                 ping
Error                error                server.error         error
"""
ROWS: Final = [line.split() for line in TABLE.strip().split("\n")]


def a_frame(kind: Any = "job.created", **data: Any) -> Frame:
    return frame(kind, 0, data)


def test_every_kind_has_the_names_of_the_contract_and_there_is_no_other() -> None:
    assert [
        (names.variant, kind, names.dotted, names.unnamed) for kind, names in NAMES.items()
    ] == [tuple(row) for row in ROWS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_name_chooses_its_kind_in_any_case(row: list[str]) -> None:
    kind = row[1]

    for name in row:
        for spelled in (name.upper(), f" {name} "):
            assert list(kinds_named([spelled]) or ()) == [kind]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_profile_writes_its_name(row: list[str]) -> None:
    variant, kind, dotted, unnamed = row
    one = a_frame(kind, job_id="j")

    def written(profile: Profile) -> str:
        return "".join(
            part if isinstance(part, str) else part.decode()
            for part in render(profile, [one]).parts
        )

    assert f'"type":"{variant}"' in written(Profile.NAMED)
    assert written(Profile.NAMED).startswith(f"event: {kind}\n")
    assert written(Profile.MESSAGE).startswith(f'data: {{"type":"{variant}"')
    assert written(Profile.DOTTED).startswith(f'event: {kind}\ndata: {{"type":"{dotted}"')
    assert written(Profile.WS_ENUM).startswith(f'{{"type":"{variant}"')
    assert written(Profile.WS_DOTTED).startswith(f'{{"type":"{dotted}"')
    both = written(Profile.BOTH)
    assert f'\n\ndata: {{"type":"{unnamed}"' in f"\n\n{both}"
    assert (written(Profile.NAMED) in both) is (kind != "error")


def test_whatever_is_logged_becomes_frames() -> None:
    assert _MAKERS.keys() == KINDS


@pytest.mark.parametrize("kind", ["started", "completed", "failed", "cancelled"])
def test_a_workflow_says_how_far_it_is(kind: str) -> None:
    body = {
        "name": "w", "status": kind, "total_jobs": 3, "completed_jobs": 1, "failed_jobs": 0,
    }  # fmt: skip
    logged = Logged(1, f"workflow.{kind}", None, "f-1", msgspec.json.encode(body), 0)

    [one] = frames_of(logged)

    assert one.kind == f"workflow.{kind}"
    assert (one.queue_name, one.job_id) == (None, None)
    data = {"workflow_id": "f-1", **body, "timestamp": "1970-01-01T00:00:00.000Z"}
    assert msgspec.json.decode(one.data) == data


def test_a_schedule_says_which_job_it_made() -> None:
    body = b'{"job_id": "j-1", "trigger": "cron"}'

    [one] = frames_of(Logged(1, "schedule.triggered", "emails", "s-1", body, 0))

    assert (one.kind, one.queue_name, one.job_id) == ("schedule.triggered", "emails", "j-1")
    assert msgspec.json.decode(one.data) == {
        "schedule_id": "s-1", "job_id": "j-1", "queue_name": "emails",
        "timestamp": "1970-01-01T00:00:00.000Z",
    }  # fmt: skip


def test_a_step_that_was_skipped_was_completed_by_nobody() -> None:
    body = msgspec.json.encode(
        JobBody(status="completed", was="pending", priority=0, retry_count=0, max_retries=3)
    )

    [one] = frames_of(Logged(1, "job.completed", "emails", "j-1", body, 0))

    assert (one.kind, one.new_status) == ("job.status", "completed")


def test_a_transition_of_a_newer_version_is_passed_over() -> None:
    assert frames_of(Logged(1, "job.teleported", "emails", "j-1", b"{}", 0)) == ()


def test_nothing_and_a_star_choose_all_kinds_and_nonsense_none() -> None:
    assert kinds_named([]) is kinds_named([""]) is kinds_named(["x", "*"]) is None
    assert kinds_named(["nonsense"]) == frozenset()


@pytest.mark.parametrize(
    ("wanted", "passes"),
    [
        (UNFILTERED, True),
        (Filter.of(queues=["emails"]), True),
        (Filter.of(queues=["em*"]), True),
        (Filter.of(queues=["*"]), True),
        (Filter.of(queues=["e*s"]), False),  # only the end of a name is open
        (Filter.of(queues=["orders"]), False),
        (Filter.of(queues=["orders", "emails"]), True),
        (Filter.of(job_id="j-1"), True),
        (Filter.of(job_id="j-2"), False),
        (Filter.of(worker_id="w-1"), True),
        (Filter.of(worker_id="w-2"), False),
        (Filter.of(queues=["emails"], job_id="j-1", worker_id="w-1"), True),
        (Filter.of(queues=["orders"], job_id="j-1"), False),
        (Filter.of(kinds=kinds_named(["JobCreated"])), True),
        (Filter.of(kinds=kinds_named(["JobFailed"])), False),
    ],
)
def test_the_parts_of_a_filter_are_all_asked(wanted: Filter, passes: bool) -> None:
    one = a_frame(queue_name="emails", job_id="j-1", worker_id="w-1")
    subscriptions = Subscriptions()
    subscriptions.add(wanted)

    assert wanted.passes(one) is subscriptions.pass_on(one) is passes


@pytest.mark.parametrize(
    ("wanted", "passes"),
    [
        (Filter.of(queues=["emails"]), True),
        (Filter.of(job_id="j-1"), False),
        (Filter.of(worker_id="w-1"), False),
        (Filter.of(queues=["emails"], job_id="j-1"), False),
    ],
)
def test_what_is_of_no_queue_passes_a_queue_and_nothing_narrower(
    wanted: Filter, passes: bool
) -> None:
    one = a_frame("workflow.started", workflow_id="f-1")
    subscriptions = Subscriptions()
    subscriptions.add(wanted)

    assert wanted.passes(one) is subscriptions.pass_on(one) is passes


@pytest.mark.parametrize("kind", ["ping", "error", "system.health"])
def test_what_is_about_the_connection_passes_all_but_a_choice_of_events(kind: Any) -> None:
    narrow = Filter.of(queues=["x"], job_id="j", worker_id="w")
    chosen = Filter.of(kinds=kinds_named(["job.created"]))
    subscriptions = Subscriptions()
    subscriptions.add(chosen)

    assert narrow.passes(a_frame(kind))
    assert subscriptions.pass_on(a_frame(kind))
    assert chosen.passes(a_frame(kind)) is (kind != "system.health")


@pytest.mark.parametrize(
    "parts",
    [
        {"queues": ["a b"]},
        {"queues": ["q" * 101]},
        {"queues": [f"q-{n}" for n in range(101)]},
        {"job_id": "j" * 256},
        {"worker_id": "w" * 256},
    ],
)
def test_what_nothing_is_called_is_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(RuleBroken):
        Filter.of(**parts)


def test_a_filter_may_name_only_queues_of_the_key_and_any_beginning() -> None:
    scope = Scope(("emails", "news-*"))

    Filter.of(queues=["emails", "news-1", "x*"]).check_scope(scope)
    with pytest.raises(AccessDenied):
        Filter.of(queues=["emails", "orders"]).check_scope(scope)


def test_the_cut_of_data_that_is_too_long_keeps_every_key() -> None:
    long = {f"text_{n}": "\x01" * 2_000 for n in range(5)}

    one = a_frame(**long, number=5)

    assert len(one.data) < 30 * 1024
    assert all(f'"text_{n}"'.encode() in one.data for n in range(5))
    assert b'"number":5' in one.data
