"""One table says what each event means; whatever renders events agrees with it."""

from typing import Any, get_args

import msgspec
import pytest

from spooled_lite.core.jobs import history, log, statements
from spooled_lite.core.jobs.columns import Kind
from spooled_lite.core.jobs.kinds import RULES
from spooled_lite.core.jobs.replay import Logged
from spooled_lite.core.jobs.states import STATUSES, TRANSITIONS, JobStatus
from spooled_lite.core.webhooks.bodies import BODIES
from spooled_lite.core.webhooks.records import WEBHOOK_EVENTS
from spooled_lite.events import EVENTS, MOVING, EventType, those
from spooled_lite.metrics import COUNTERS
from spooled_lite.wire.realtime import catalogue
from spooled_lite.wire.realtime.names import NAMES


def test_every_event_has_a_row_and_every_kind_of_job() -> None:
    assert list(EVENTS) == list(get_args(EventType))
    assert list(RULES) == list(get_args(Kind))


def test_statements_leave_out_the_kinds_that_are_not_listed() -> None:
    unlisted = [kind for kind, rules in RULES.items() if not rules.is_listed]

    assert "".join(f" AND kind <> '{kind}'" for kind in unlisted) == statements.LISTED


def test_every_listener_renders_what_the_table_says_and_nothing_else() -> None:
    logged = those(lambda about: about.is_logged)

    assert set(log._BODIES) == set(catalogue._MAKERS) == logged
    assert set(history._LINES) == those(lambda about: about.history)
    assert {name for event in BODIES.values() for name in event} == set(WEBHOOK_EVENTS)


def test_only_events_of_jobs_move_a_status_and_are_counted() -> None:
    for event in MOVING | those(lambda about: about.counted or about.history or about.metrics):
        assert event.startswith("job."), event
    for about in EVENTS.values():
        assert bool(about.counted) == bool(about.usage)
        assert set(about.metrics) <= set(COUNTERS)


def test_the_transitions_are_those_that_events_make() -> None:
    ends = {"completed", "deadletter", "cancelled"}
    # A step whose worker has made its items is processed until they have ended.
    assert TRANSITIONS[JobStatus.PROCESSING] == ends | {"pending", "processing"}
    assert TRANSITIONS[JobStatus.COMPLETED] == {"pending"}  # only its workflow is run again
    named = {status for about in EVENTS.values() for status in about.moves}
    assert named <= {None, *STATUSES}


@pytest.mark.parametrize("event", sorted(those(lambda about: about.is_logged)))
def test_a_stream_gets_the_frames_of_the_table_in_their_order(event: EventType) -> None:
    body: Any = log.JobBody("pending", "processing", 0, 0, 0) if event.startswith("job.") else {}
    logged = Logged(
        seq=1,
        type=event,
        queue_name="q",
        subject_id="id",
        body=msgspec.json.encode(body),
        at_ms=0,
        result=None,
    )

    kinds = tuple(frame.kind for frame in catalogue.frames_of(logged))

    assert kinds == EVENTS[event].frames
    assert set(kinds) <= set(NAMES)
