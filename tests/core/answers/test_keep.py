"""An operation that keeps its answer: both are there, or neither."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.core.answers.keep import (
    ANSWER_BYTES_MAX,
    KEPT_MS,
    KeepingAnswer,
    KeptAnswer,
    KeyedCall,
    find_answer,
    forget_old_answers,
)
from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.jobs.passes import PASS_BYTES_MAX, PASS_MAX
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.queues.records import Admission
from spooled_lite.errors import Conflict, NotFound, PayloadTooLarge
from spooled_lite.storage.lanes import Lane, lane_of
from spooled_lite.storage.transaction import Tx
from tests.core.store import Store
from tests.factories import a_job

ADMISSION = Admission(None, 3, 300)


@pytest.fixture
def store() -> Iterator[Store]:
    it = Store()
    yield it
    it.close()


def a_call(store: Store, **fields: Any) -> KeyedCall:
    given = {"org": store.org, "key": "k", "digest": b"d", "scope": ALL_QUEUES, **fields}
    return KeyedCall(**given)


def add_job(tx: Tx, org: int) -> str:
    return str(enqueue(tx, org, a_job(), ADMISSION, ALL_QUEUES).row["id"])


def kept(store: Store, call: KeyedCall, body: bytes | None = None) -> KeptAnswer:
    def answer(job_id: str) -> KeptAnswer:
        return KeptAnswer(201, job_id.encode() if body is None else body)

    told, _ = store.run(KeepingAnswer(call, add_job, answer), store.org)
    return told


def counts(store: Store) -> tuple[int, int]:
    """Of jobs, and of kept answers."""
    jobs = store.value("SELECT count(*) FROM jobs")
    return jobs, store.value("SELECT count(*) FROM kept_answers")


def test_the_second_call_does_nothing_and_gets_the_first_answer(store: Store) -> None:
    first, second = (kept(store, a_call(store)) for _ in range(2))

    assert (second.status, second.body) == (first.status, first.body)
    assert (first.is_repeated, second.is_repeated) == (False, True)
    assert counts(store) == (1, 1)


@pytest.mark.parametrize("length", [ANSWER_BYTES_MAX, ANSWER_BYTES_MAX + 1])
def test_nothing_is_done_when_the_answer_is_too_large_to_keep(store: Store, length: int) -> None:
    body = b"x" * length

    if length <= ANSWER_BYTES_MAX:
        assert kept(store, a_call(store), body).body == body
    else:
        with pytest.raises(PayloadTooLarge):
            kept(store, a_call(store), body)

    assert counts(store) == ((1, 1) if length <= ANSWER_BYTES_MAX else (0, 0))


def test_an_operation_that_is_refused_keeps_nothing(store: Store) -> None:
    def refuse(tx: Tx, org: int) -> str:
        add_job(tx, org)
        raise NotFound.thing("Thing")

    keeping = KeepingAnswer(a_call(store), refuse, lambda told: KeptAnswer(200, told.encode()))
    with pytest.raises(NotFound):
        store.run(keeping, store.org)

    assert counts(store) == (0, 0)


def test_it_goes_in_the_lane_of_its_operation(store: Store) -> None:
    keeping = KeepingAnswer(a_call(store), enqueue, lambda _: KeptAnswer(200, b""))

    assert lane_of(keeping, store.org) == Lane.CREATE


def test_a_pattern_of_queues_covers_only_itself_and_names(store: Store) -> None:
    kept(store, a_call(store, scope=Scope(["mail-*"])))

    def find(*queues: str) -> KeptAnswer | None:
        return store.run(find_answer, a_call(store, scope=Scope(queues)))

    assert find() is not None
    assert find("mail-*", "sms") is not None
    for queues in (("mail-a",), ("mail*",), ("sms",)):
        with pytest.raises(Exception, match="other queues"):
            find(*queues)


def test_an_answer_of_an_old_call_is_none_and_its_place_is_taken(store: Store) -> None:
    kept(store, a_call(store))
    store.clock.advance(seconds=KEPT_MS / 1000)

    assert store.run(find_answer, a_call(store)) is None
    assert store.run(find_answer, a_call(store, digest=b"other")) is None
    assert not kept(store, a_call(store, digest=b"other")).is_repeated
    with pytest.raises(Conflict):
        store.run(find_answer, a_call(store))
    assert counts(store) == (2, 1)


def test_old_answers_go_in_passes_of_some_rows(store: Store) -> None:
    for number in range(PASS_MAX + 1):
        kept(store, a_call(store, key=str(number)), b"")
    early = store.run(forget_old_answers)
    store.clock.advance(seconds=KEPT_MS / 1000)

    assert (early, [store.run(forget_old_answers) for _ in range(3)]) == (0, [PASS_MAX, 1, 0])


def test_old_answers_go_in_passes_of_some_bytes(store: Store) -> None:
    body, fitting = b"x" * ANSWER_BYTES_MAX, PASS_BYTES_MAX // ANSWER_BYTES_MAX
    for number in range(fitting + 1):
        kept(store, a_call(store, key=str(number)), body)
    store.clock.advance(seconds=KEPT_MS / 1000)

    assert [store.run(forget_old_answers) for _ in range(3)] == [fitting, 1, 0]
