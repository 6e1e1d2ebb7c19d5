from typing import Any

import pytest

from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.queues.query import get_queue
from spooled_lite.core.workers.heartbeat import heartbeat
from spooled_lite.core.workers.query import WorkerFilter, get_worker, list_workers
from spooled_lite.core.workers.records import NewWorker, SignOfLife
from spooled_lite.core.workers.register import deregister, register
from spooled_lite.errors import Conflict, NotFound, QuotaExceeded
from spooled_lite.events import Deadline
from spooled_lite.wire.shapes.workers import WorkerView
from tests.core.stage import OPEN, Stage, capped


def a_worker(worker_id: str = "w-1", *queue_names: str) -> NewWorker:
    return NewWorker(queue_names=queue_names or ("emails",), worker_id=worker_id)


def view(stage: Stage, worker_id: str = "w-1") -> WorkerView:
    return WorkerView.of(stage.read(get_worker, stage.org, worker_id, ALL_QUEUES), "org-id")


def beat(stage: Stage, worker_id: str = "w-1", **said: object) -> str:
    sign = SignOfLife(**said)  # type: ignore[arg-type]
    status: str = stage.run(heartbeat, stage.org, worker_id, sign, ALL_QUEUES)["status"]
    return status


def test_a_worker_without_an_id_gets_one(stage: Stage) -> None:
    row = stage.run(register, stage.org, NewWorker(queue_names=("emails",)), OPEN)

    assert len(row["id"]) == 36
    assert row["status"] == "healthy"
    assert stage.happened() == ["queue.created", "worker.registered"]


def test_registering_makes_the_queues_of_the_worker(stage: Stage) -> None:
    stage.run(register, stage.org, a_worker("w-1", "emails", "reports"), OPEN)

    assert stage.read(get_queue, stage.org, "reports")["max_retries"] == 3
    shown = view(stage)
    assert (shown.queue_name, bytes(shown.queue_names)) == ("emails", b'["emails","reports"]')


def test_a_known_id_is_the_same_worker_again(stage: Stage) -> None:
    first = stage.run(register, stage.org, a_worker(), OPEN)
    stage.clock.advance(seconds=60)
    beat(stage, status="draining", current_jobs=3)
    again = NewWorker(
        queue_names=("reports",),
        worker_id="w-1",
        hostname="web-2",
        worker_type="python",
        version="2",
        max_concurrency=9,
        metadata=b'{"a":1}',
    )

    row = stage.run(register, stage.org, again, OPEN)

    assert row["seq"] == first["seq"]
    assert (row["status"], row["current_jobs"], row["hostname"]) == ("healthy", 0, "web-2")
    assert (row["queue_name"], row["queue_names"]) == ("reports", '["reports"]')
    assert (row["worker_type"], row["version"], row["max_concurrency"]) == ("python", "2", 9)
    assert row["metadata"] == b'{"a":1}'
    assert row["registered_at_ms"] == first["registered_at_ms"]
    assert row["last_heartbeat_ms"] == stage.clock.now_ms()


def test_an_id_of_another_organization_is_refused_and_nothing_is_changed(stage: Stage) -> None:
    stage.run(register, stage.org, a_worker(), OPEN)
    other = stage.other_org()

    with pytest.raises(Conflict):
        stage.run(register, other, a_worker("w-1", "theirs"), OPEN)

    assert view(stage).queue_name == "emails"
    with pytest.raises(NotFound):
        stage.read(get_queue, other, "theirs")


def test_one_worker_too_many_is_refused(stage: Stage) -> None:
    stage.run(register, stage.org, a_worker("w-1"), capped(workers=1))

    with pytest.raises(QuotaExceeded) as caught:
        stage.run(register, stage.org, a_worker("w-2"), capped(workers=1))

    assert caught.value.details["resource"] == "workers"


def test_a_known_worker_is_not_counted_again(stage: Stage) -> None:
    stage.run(register, stage.org, a_worker("w-1"), OPEN)
    stage.run(register, stage.org, a_worker("w-2"), OPEN)
    stage.run(deregister, stage.org, "w-2", ALL_QUEUES)

    again = stage.run(register, stage.org, a_worker("w-2"), capped(workers=1))

    assert again["status"] == "healthy"


@pytest.mark.parametrize(("status", "is_counted"), [("degraded", True), ("draining", False)])
def test_workers_that_are_well_or_nearly_count(stage: Stage, status: str, is_counted: bool) -> None:
    stage.run(register, stage.org, a_worker("w-1"), OPEN)
    beat(stage, status=status)

    if is_counted:
        with pytest.raises(QuotaExceeded):
            stage.run(register, stage.org, a_worker("w-2"), capped(workers=1))
    else:
        stage.run(register, stage.org, a_worker("w-2"), capped(workers=1))


def test_one_queue_too_many_is_refused_with_the_worker(stage: Stage) -> None:
    with pytest.raises(QuotaExceeded) as caught:
        stage.run(register, stage.org, a_worker("w-1", "a", "b"), capped(queues=1))

    assert caught.value.details["resource"] == "queues"
    assert stage.read(list_workers, stage.org, ALL_QUEUES) == []


def test_a_heartbeat_keeps_what_it_says(stage: Stage) -> None:
    stage.run(register, stage.org, a_worker(), OPEN)
    stage.happened()
    stage.clock.advance(seconds=10)

    beat(stage, status="degraded", current_jobs=4, metadata=b'{"cpu":1}')
    beat(stage, status="degraded", current_jobs=4)

    shown = view(stage)
    assert (shown.status, shown.current_jobs, shown.current_job_count) == ("degraded", 4, 4)
    assert bytes(shown.metadata) == b'{"cpu":1}'
    assert shown.last_heartbeat == shown.updated_at == "2027-01-15T08:00:10.000Z"
    assert shown.registered_at == shown.created_at == "2027-01-15T08:00:00.000Z"
    assert stage.happened() == ["worker.heartbeat", "worker.heartbeat"]


def test_a_draining_worker_that_is_healthy_goes_on_draining(stage: Stage) -> None:
    stage.run(register, stage.org, a_worker(), OPEN)

    assert beat(stage, status="draining") == "draining"
    assert beat(stage) == "draining"
    assert beat(stage, status="degraded") == "degraded"


def test_registering_again_ends_draining(stage: Stage) -> None:
    stage.run(register, stage.org, a_worker(), OPEN)
    beat(stage, status="draining")

    stage.run(register, stage.org, a_worker(), OPEN)

    assert beat(stage) == "healthy"


def test_a_heartbeat_brings_an_offline_worker_back(stage: Stage) -> None:
    stage.run(register, stage.org, a_worker(), OPEN)
    stage.run(deregister, stage.org, "w-1", ALL_QUEUES)

    assert beat(stage) == "healthy"


def test_signs_of_life_set_the_moment_of_silence(stage: Stage) -> None:
    stage.run(register, stage.org, a_worker(), OPEN)
    at_ms = stage.clock.now_ms() + 120_000
    assert stage.due_at_ms == {Deadline.WORKER_SILENCE: at_ms}
    stage.due_at_ms.clear()
    stage.clock.advance(seconds=10)

    beat(stage)

    assert stage.due_at_ms == {Deadline.WORKER_SILENCE: at_ms + 10_000}


def test_a_worker_that_leaves_is_offline_and_keeps_its_jobs(stage: Stage) -> None:
    stage.run(register, stage.org, a_worker(), OPEN)
    stage.enqueue()
    [held] = stage.claim(worker_id="w-1")
    stage.happened()

    stage.run(deregister, stage.org, "w-1", ALL_QUEUES)

    assert view(stage).status == "offline"
    assert stage.status(held["id"]) == "processing"
    assert stage.happened() == ["worker.deregistered"]


def test_leaving_twice_is_told_once(stage: Stage) -> None:
    stage.run(register, stage.org, a_worker(), OPEN)
    stage.run(deregister, stage.org, "w-1", ALL_QUEUES)
    stage.happened()

    stage.run(deregister, stage.org, "w-1", ALL_QUEUES)

    assert stage.happened() == []


@pytest.mark.parametrize(
    ("worker_id", "scope"), [("nobody", ALL_QUEUES), ("w-1", Scope(["reports"]))]
)
def test_a_worker_that_is_not_there_is_not_found(
    stage: Stage, worker_id: str, scope: Scope
) -> None:
    stage.run(register, stage.org, a_worker("w-1", "emails", "reports"), OPEN)

    with pytest.raises(NotFound):
        stage.read(get_worker, stage.org, worker_id, scope)
    with pytest.raises(NotFound):
        stage.run(heartbeat, stage.org, worker_id, SignOfLife(status="draining"), scope)
    with pytest.raises(NotFound):
        stage.run(deregister, stage.org, worker_id, scope)
    assert view(stage).status == "healthy"


def test_another_organizations_worker_is_not_found(stage: Stage) -> None:
    stage.run(register, stage.org, a_worker(), OPEN)
    other = stage.other_org()

    with pytest.raises(NotFound):
        stage.read(get_worker, other, "w-1", ALL_QUEUES)
    with pytest.raises(NotFound):
        stage.run(heartbeat, other, "w-1", SignOfLife(), ALL_QUEUES)
    with pytest.raises(NotFound):
        stage.run(deregister, other, "w-1", ALL_QUEUES)
    assert stage.read(list_workers, other, ALL_QUEUES) == []


def test_workers_are_listed_by_their_last_sign_of_life(stage: Stage) -> None:
    for worker_id in ("w-1", "w-2", "w-3"):
        stage.run(register, stage.org, a_worker(worker_id), OPEN)
        stage.clock.advance(seconds=1)
    stage.run(deregister, stage.org, "w-2", ALL_QUEUES)
    beat(stage, "w-1")

    rows = stage.read(list_workers, stage.org, ALL_QUEUES)

    assert [row["id"] for row in rows] == ["w-1", "w-3", "w-2"]


def test_a_list_is_the_hundred_heard_of_last(stage: Stage) -> None:
    for number in range(103):
        stage.run(register, stage.org, a_worker(f"w-{number}"), OPEN)

    rows = stage.read(list_workers, stage.org, ALL_QUEUES)

    assert [row["id"] for row in rows] == [f"w-{number}" for number in range(102, 2, -1)]


def test_a_list_is_limited_to_the_scope_however_many_others_there_are(stage: Stage) -> None:
    stage.run(register, stage.org, a_worker("mine", "reports"), OPEN)
    stage.run(register, stage.org, a_worker("both", "reports", "emails"), OPEN)
    for number in range(250):
        stage.run(register, stage.org, a_worker(f"w-{number}"), OPEN)

    rows = stage.read(list_workers, stage.org, Scope(["reports"]))

    assert [row["id"] for row in rows] == ["mine"]


def found(stage: Stage, scope: Scope = ALL_QUEUES, **wanted: Any) -> list[str]:
    rows = stage.read(list_workers, stage.org, scope, WorkerFilter(**wanted))
    return [row["id"] for row in rows]


def test_a_list_is_narrowed_by_queue_status_and_text(stage: Stage) -> None:
    first = NewWorker(queue_names=("emails", "reports"), worker_id="w-1", hostname="Mail-1")
    stage.run(register, stage.org, first, OPEN)
    second = NewWorker(queue_names=("reports",), worker_id="W-2", hostname="bär.example")
    stage.run(register, stage.org, second, OPEN)
    beat(stage, "w-1", status="degraded")

    assert found(stage, queue_name="reports") == ["W-2", "w-1"]
    assert found(stage, queue_name="emails") == ["w-1"]
    assert found(stage, queue_name="report") == []
    assert found(stage, status="degraded") == ["w-1"]
    assert found(stage, text="w-2") == ["W-2"]
    assert found(stage, text="MAIL") == ["w-1"]
    assert found(stage, text="BÄR") == ["W-2"]
    for nothing in ("%", "*", "x" * 300, "w\0"):
        assert found(stage, text=nothing) == []
    assert found(stage, Scope(["reports"])) == ["W-2"]


def test_pages_of_workers_do_not_overlap_for_a_limited_key_either(stage: Stage) -> None:
    for number in range(7):
        queue_name = "reports" if number % 2 else "emails"
        stage.run(register, stage.org, a_worker(f"w-{number}", queue_name), OPEN)

    pages = [found(stage, rows_max=3, offset=offset) for offset in (0, 3, 6)]
    mine = [found(stage, Scope(["emails"]), rows_max=3, offset=offset) for offset in (0, 3)]

    assert pages == [["w-6", "w-5", "w-4"], ["w-3", "w-2", "w-1"], ["w-0"]]
    assert mine == [["w-6", "w-4", "w-2"], ["w-0"]]
