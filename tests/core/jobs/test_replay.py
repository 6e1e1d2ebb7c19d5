"""The event log read back: numbers of rows, and rows that are what the events were."""

from collections.abc import Iterator
from typing import Final

import pytest

from spooled_lite.core.jobs import log
from spooled_lite.core.jobs.columns import NewJob
from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.jobs.replay import (
    FRAMED_RESULT_BYTES_MAX,
    PAGE_MAX,
    Logged,
    can_be_replayed,
    last_logged,
    replay_page,
)
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.claim import claim
from spooled_lite.core.lifecycle.settle import complete
from spooled_lite.core.orgs.create import create
from spooled_lite.storage.event_log import KEPT_MAX, EventLog
from spooled_lite.storage.transaction import Hooks, Reading, Tx
from tests.core.stage import OPEN
from tests.core.store import Store
from tests.factories import a_claim, an_org

ALL: Final = 2**62


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store(Hooks(sinks=(EventLog(log.log_rows),)))
    yield store
    store.close()


def put(tx: Tx, org: int, count: int = 1) -> None:
    for _ in range(count):
        enqueue(tx, org, NewJob(queue_name="emails", payload=b"{}"), OPEN, ALL_QUEUES)


def done(store: Store, result: bytes) -> None:
    store.run(put, store.org)
    [job] = store.run(claim, store.org, a_claim())
    holder = Claimant(lease_id=job["lease_id"])
    store.run(complete, store.org, job["id"], holder, result, ALL_QUEUES)


def read(store: Store, after: int = 0, up_to: int = ALL) -> list[Logged]:
    return replay_page(reading(store), store.org, after=after, up_to=up_to)


def reading(store: Store) -> Reading:
    return Reading(store._connection, store.clock.now_ms())


def test_an_event_knows_the_number_of_its_row_and_one_without_a_row_knows_none(
    store: Store,
) -> None:
    store.run(put, store.org, 3)
    store.run(put, store.org)

    numbers = [(event.type, event.log_seq) for event in store.events]

    assert numbers == [
        ("queue.created", 0),
        ("job.created", 1),
        ("job.created", 2),
        ("job.created", 3),
        ("job.created", 4),
    ]
    assert last_logged(reading(store)) == 4


def test_what_is_read_back_is_what_was_told(store: Store) -> None:
    done(store, b'{"sent": true}')

    told = [Logged.of_event(event) for event in store.events if event.log_seq]

    assert read(store) == told
    assert [each.type for each in told] == ["job.created", "job.claimed", "job.completed"]
    assert [each.result for each in told] == [None, None, b'{"sent": true}']


def test_a_result_that_no_frame_has_room_for_is_not_read(store: Store) -> None:
    for size in (FRAMED_RESULT_BYTES_MAX, FRAMED_RESULT_BYTES_MAX + 1):
        done(store, b'"' + b"x" * (size - 2) + b'"')

    told = [Logged.of_event(event) for event in store.events if event.type == "job.completed"]

    assert [each for each in read(store) if each.type == "job.completed"] == told
    assert [each.result is None for each in told] == [False, True]


def test_pages_go_on_where_the_last_one_ended_and_no_further_than_asked(store: Store) -> None:
    store.run(put, store.org, PAGE_MAX + 10)

    first = read(store)
    second = read(store, after=first[-1].seq)
    some = read(store, after=5, up_to=8)

    assert [each.seq for each in first + second] == list(range(1, PAGE_MAX + 11))
    assert [each.seq for each in some] == [6, 7, 8]


def test_another_organization_has_rows_of_its_own(store: Store) -> None:
    other: int = store.run(create, an_org(slug="other"))["seq"]
    store.run(put, store.org)
    store.run(put, other)

    assert [each.seq for each in read(store)] == [1]
    assert can_be_replayed(reading(store), other, 2)
    assert not can_be_replayed(reading(store), other, 1)


def test_what_is_too_old_or_too_far_back_cannot_be_replayed(store: Store) -> None:
    store.run(put, store.org)
    store.clock.advance(seconds=3_600)
    at_the_hour = can_be_replayed(reading(store), store.org, 1)
    store.clock.advance(seconds=1)
    past_it = can_be_replayed(reading(store), store.org, 1)

    store.run(put, store.org, KEPT_MAX)

    assert (at_the_hour, past_it) == (True, False)
    # The thousand newest, of which the oldest is the first to come back from.
    assert not can_be_replayed(reading(store), store.org, 1)
    assert can_be_replayed(reading(store), store.org, 2)
    assert can_be_replayed(reading(store), store.org, KEPT_MAX + 1)
    assert not can_be_replayed(reading(store), store.org, KEPT_MAX + 2)
