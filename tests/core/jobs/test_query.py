from typing import Any

import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.errors import error_key
from spooled_lite.core.jobs.filter_statements import OF_STATE
from spooled_lite.core.jobs.query import (
    JobFilter,
    get_job,
    job_statuses,
    list_jobs,
    list_whole_jobs,
)
from spooled_lite.core.jobs.statements import JobStatusRow
from spooled_lite.core.jobs.states import state_of
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle.cancel import expire_jobs
from spooled_lite.errors import NotFound
from tests.core.job_stage import JobStage, rows_of
from tests.core.store import NOW_MS
from tests.factories import a_job


def listed(stage: JobStage, scope: Scope = ALL_QUEUES, **wanted: Any) -> list[str]:
    rows = stage.read(list_jobs, stage.org, JobFilter(**wanted), scope)
    return [row["id"] for row in rows]


def ids(*jobs: JobRow | JobStatusRow) -> list[str]:
    return [job["id"] for job in jobs]


def test_a_job_is_found_by_its_id_only_where_it_is_visible(stage: JobStage) -> None:
    job = stage.enqueue()
    other = stage.other_org()

    assert stage.read(get_job, stage.org, job["id"], Scope(["emails"]))["id"] == job["id"]
    for org, scope in ((other, ALL_QUEUES), (stage.org, Scope(["others"]))):
        with pytest.raises(NotFound):
            stage.read(get_job, org, job["id"], scope)


def test_many_are_found_in_the_order_they_were_named(stage: JobStage) -> None:
    a, b, hidden = stage.enqueue(), stage.enqueue(), stage.enqueue("hidden")
    asked = [b["id"], "unknown", hidden["id"], a["id"], b["id"]]

    rows = stage.read(job_statuses, stage.org, asked, Scope(["emails"]))

    assert ids(*rows) == ids(b, a)
    assert stage.read(job_statuses, stage.org, [], ALL_QUEUES) == []


def test_the_newest_come_first_and_ties_in_the_order_they_were_stored(stage: JobStage) -> None:
    first = rows_of(stage.bulk(a_job(), a_job()))
    stage.clock.advance(seconds=1)
    newest = stage.enqueue()

    assert listed(stage) == ids(newest, first[1], first[0])
    assert listed(stage, descending=False) == ids(first[0], first[1], newest)


def test_pages_do_not_overlap(stage: JobStage) -> None:
    made = ids(*rows_of(stage.bulk(*(a_job() for _ in range(7)))))

    pages = [
        listed(stage, descending=False, rows_max=3, offset=offset) for offset in range(0, 9, 3)
    ]

    assert pages == [made[:3], made[3:6], made[6:]]


def test_a_list_is_narrowed_by_each_filter(stage: JobStage) -> None:
    a = stage.enqueue("a", job_type="mail", tags=b'["x", "y"]')
    stage.clock.advance(seconds=10)
    b = stage.enqueue("b", job_type="Mailing", tags=b'{"x": 1}', delay_ms=5_000)
    stage.clock.advance(seconds=10)
    c = stage.dead_letter("a", tags=b'"x"')

    assert listed(stage, queue_name="a") == ids(c, a)
    assert listed(stage, queue_name="unknown") == []
    assert listed(stage, statuses=["scheduled"]) == ids(b)
    assert listed(stage, statuses=["scheduled", "deadletter"]) == ids(c, b)
    assert listed(stage, job_type="mail") == ids(a)
    assert listed(stage, created_after_ms=NOW_MS + 10_000) == ids(c, b)
    assert listed(stage, created_before_ms=NOW_MS + 10_000) == ids(a)
    assert listed(stage, tag="x") == ids(b, a)
    assert listed(stage, text="MAIL") == ids(b, a)
    assert listed(stage, text=b["id"][:8].upper()) == ids(b)
    assert listed(stage, text=b["id"]) == ids(b)
    assert listed(stage, queue_name="a", statuses=["deadletter"], tag="y") == []


def test_text_is_a_part_of_the_queue_name_or_the_job_type(stage: JobStage) -> None:
    a = stage.enqueue("Invoices")
    b = stage.enqueue("other", job_type="send-INVOICE")
    stage.enqueue("other")

    assert listed(stage, text="invoice") == ids(b, a)
    assert listed(stage, text="%") == []


def test_a_scope_covers_its_queues_only(stage: JobStage) -> None:
    mine, theirs = stage.enqueue("mine"), stage.enqueue("theirs")

    assert listed(stage, Scope(["mine"])) == ids(mine)
    assert listed(stage, Scope(["mine"]), queue_name="theirs") == []
    assert listed(stage, Scope(["mine"]), text=theirs["id"]) == []


@pytest.mark.parametrize(
    "order_by",
    ["created_at", "updated_at", "scheduled_at", "priority", "status", "queue_name", "retry_count"],
)
def test_every_order_can_be_turned(stage: JobStage, order_by: str) -> None:
    stage.enqueue("a", priority=1)
    stage.clock.advance(seconds=1)
    stage.enqueue("b", priority=5, delay_ms=3_000)
    stage.clock.advance(seconds=1)
    stage.dead_letter("c", priority=3)

    down = listed(stage, order_by=order_by)
    up = listed(stage, order_by=order_by, descending=False)

    assert down == up[::-1]
    assert len(set(down)) == 3


def test_the_order_of_completion_lists_every_job_once(stage: JobStage) -> None:
    waiting = [stage.enqueue(delay_ms=9_000), stage.enqueue(delay_ms=9_000)]
    done = []
    for _ in range(3):
        stage.clock.advance(seconds=1)
        done.append(stage.completed())

    everything = listed(stage, order_by="completed_at")

    assert everything == ids(*done[::-1], *waiting[::-1])
    for offset in range(6):
        page = listed(stage, order_by="completed_at", rows_max=2, offset=offset)
        assert page == everything[offset : offset + 2]


def test_finished_jobs_are_read_in_the_order_in_which_they_ended(stage: JobStage) -> None:
    waiting = stage.enqueue("waiting")
    at_ms, ended = [], []
    for end in (stage.completed, stage.dead_letter, stage.completed):
        stage.clock.advance(seconds=1)
        ended.append(end())
        at_ms.append(stage.clock.now_ms())
    by_end: dict[str, Any] = {"order_by": "finished_at", "descending": False}

    assert waiting["id"] not in listed(stage, **by_end)
    assert listed(stage, **by_end) == ids(*ended)
    assert listed(stage, order_by="finished_at") == ids(*ended[::-1])
    assert listed(stage, **by_end, finished_after_ms=at_ms[1]) == ids(*ended[1:])
    assert listed(stage, **by_end, finished_before_ms=at_ms[1]) == ids(ended[0])
    assert listed(stage, **by_end, finished_after_ms=at_ms[1], rows_max=1, offset=1) == ids(
        ended[2]
    )
    assert listed(stage, finished_after_ms=at_ms[2]) == ids(ended[2])
    assert listed(stage, **by_end, exact_state="failed") == ids(ended[1])
    assert listed(stage, Scope(["others"]), **by_end) == []


def test_a_list_by_state_has_the_jobs_whose_state_is_that_one(stage: JobStage) -> None:
    stage.configure(backoff_base_seconds=60.0)
    stage.enqueue()
    stage.enqueue(delay_ms=9_000)
    parent = stage.enqueue("parents")
    stage.enqueue("children", parent_job_id=parent["id"])
    stage.completed("b")
    stage.dead_letter("c")
    stage.cancel(stage.enqueue("d"))
    stage.enqueue("e", expires_at_ms=stage.clock.now_ms() + 1)
    stage.clock.advance(seconds=1)
    stage.run(expire_jobs)
    [failing] = stage.claim("emails")
    stage.fail(failing)
    stage.enqueue("f")
    stage.claim("f")
    for word, status in (("waiting_for_signal", "pending"), ("waiting_for_map_tasks", "processing"),
                         ("failed", "cancelled")):  # fmt: skip
        step = stage.enqueue("steps")
        stage.rows(
            "UPDATE jobs SET kind = 'step', phase = 'run', state = :state, status = :status,"
            " claimable = 0, dependencies_met = 0 WHERE seq = :seq",
            state=word, status=status, seq=step["seq"],
        )  # fmt: skip
    cut_short, tried = stage.enqueue("steps"), stage.enqueue("steps")
    stage.rows(
        "UPDATE jobs SET status = 'cancelled', claimable = 0, stop_reason = 'expired'"
        " WHERE seq = :seq",
        seq=cut_short["seq"],
    )
    stage.rows("UPDATE jobs SET phase = 'run', retry_count = 1 WHERE seq = :seq", seq=tried["seq"])

    for word in OF_STATE:
        rows = stage.read(list_whole_jobs, stage.org, JobFilter(), ALL_QUEUES)
        wanted = ids(*(row for row in rows if state_of(row) == word))
        assert listed(stage, exact_state=word) == wanted
        assert wanted or word == "skipped"


def test_the_jobs_that_a_worker_holds_are_found(stage: JobStage) -> None:
    stage.bulk(*(a_job() for _ in range(3)))
    stage.enqueue("others")
    [done] = stage.claim(worker_id="w-1")
    stage.complete(done)
    stage.clock.advance(seconds=1)
    [mine] = stage.claim(worker_id="w-1")
    [others] = stage.claim("others", worker_id="w-1")
    stage.claim(worker_id="w-2")
    of_worker: dict[str, Any] = {"worker_id": "w-1"}

    assert listed(stage, **of_worker) == ids(others, mine)
    assert listed(stage, **of_worker, descending=False, order_by="completed_at") == ids(
        mine, others
    )
    assert listed(stage, **of_worker, rows_max=1, offset=1) == ids(mine)
    assert listed(stage, **of_worker, queue_name="others") == ids(others)
    assert listed(stage, **of_worker, statuses=["completed"]) == []
    assert listed(stage, Scope(["others"]), **of_worker) == ids(others)
    assert listed(stage, worker_id="w-\0") == []
    assert stage.read(list_jobs, stage.other_org(), JobFilter(**of_worker), ALL_QUEUES) == []


def test_jobs_are_found_by_what_holds_them_back(stage: JobStage) -> None:
    stage.configure(backoff_base_seconds=60.0)
    failed, parent = stage.enqueue(), stage.enqueue("parents")
    stage.fail(stage.take())
    stage.enqueue(delay_ms=1_000)
    stage.enqueue()
    blocked = stage.enqueue(parent_job_id=parent["id"], job_type="mail")
    later = stage.enqueue("others", parent_job_id=parent["id"], delay_ms=5_000)

    assert listed(stage, state="retrying") == ids(failed)
    assert listed(stage, state="blocked") == ids(later, blocked)
    assert listed(stage, state="blocked", rows_max=1, offset=1) == ids(blocked)
    assert listed(stage, state="blocked", job_type="mail") == ids(blocked)
    assert listed(stage, state="blocked", queue_name="others") == ids(later)
    assert listed(stage, state="blocked", queue_name="unknown") == []
    assert listed(stage, state="blocked", text="MAIL") == ids(blocked)
    assert listed(stage, state="blocked", text=later["id"]) == ids(later)
    assert listed(stage, state="blocked", statuses=["scheduled"]) == ids(later)
    assert listed(stage, Scope(["others"]), state="blocked") == ids(later)
    assert listed(stage, state="blocked", worker_id="w-1") == []
    other = stage.other_org()
    assert stage.read(list_jobs, other, JobFilter(state="blocked"), ALL_QUEUES) == []


def test_the_dead_letters_of_one_error_are_found(stage: JobStage) -> None:
    def dead(error: str, queue_name: str = "emails", **fields: Any) -> JobRow:
        job = stage.enqueue(queue_name, **fields)
        stage.fail(stage.take(queue_name), error, may_retry=False)
        return stage.job(job["id"])

    stage.configure(backoff_base_seconds=60.0)
    stage.enqueue()
    stage.fail(stage.take(), "HTTP 500")  # not dead yet
    first, second = dead("HTTP 503", job_type="mail"), dead("HTTP 504")
    others = dead("HTTP 503", "others", priority=-1)
    dead("boom")
    gone = dead("HTTP 505")
    stage.retry(gone)
    of_error: dict[str, Any] = {"error_key": error_key("HTTP 1")}

    assert listed(stage, **of_error) == ids(others, second, first)
    assert listed(stage, **of_error, descending=False) == ids(first, second, others)
    assert listed(stage, **of_error, rows_max=1, offset=1) == ids(second)
    assert listed(stage, **of_error, queue_name="others") == ids(others)
    assert listed(stage, **of_error, queue_name="unknown") == []
    assert listed(stage, **of_error, job_type="mail") == ids(first)
    assert listed(stage, **of_error, statuses=["deadletter"], text=first["id"]) == ids(first)
    assert listed(stage, **of_error, statuses=["pending"]) == []
    assert listed(stage, **of_error, order_by="priority") == ids(second, first, others)
    assert listed(stage, **of_error, worker_id="w-1") == []
    assert listed(stage, **of_error, state="retrying") == []
    assert listed(stage, Scope(["others"]), **of_error) == ids(others)
    assert listed(stage, Scope(["emails"]), **of_error, queue_name="others") == []
    assert listed(stage, error_key=7) == []
    assert stage.read(list_jobs, stage.other_org(), JobFilter(**of_error), ALL_QUEUES) == []


def test_dead_letters_of_a_queue_are_listed_in_order(stage: JobStage) -> None:
    first, others = stage.dead_letter("a"), stage.dead_letter("b")
    stage.clock.advance(seconds=1)
    second = stage.dead_letter("a")
    stage.enqueue("a")
    dead: dict[str, Any] = {"statuses": ["deadletter"]}

    assert listed(stage, queue_name="a", **dead) == ids(second, first)
    assert listed(stage, queue_name="a", **dead, text=first["id"]) == ids(first)
    assert listed(stage, queue_name="b", **dead, order_by="completed_at") == ids(others)
    assert listed(stage, Scope(["b"]), queue_name="a", **dead) == []
