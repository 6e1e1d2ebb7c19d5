"""The jobs calls of the official client, with every parameter they document."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from spooled.client import SpooledClient
from spooled.errors import ConflictError, NotFoundError

from tests.sdk.driven import a_client
from tests.server_process import ServerProcess

pytestmark = pytest.mark.slow


def create(client: SpooledClient, queue: str, **fields: object) -> str:
    return client.jobs.create({"queue_name": queue, "payload": {}, **fields}).id


def test_a_created_job_comes_back_with_everything_that_was_said(
    client: SpooledClient, queue: str
) -> None:
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    parent_id = create(client, queue)

    created = client.jobs.create(
        {
            "queue_name": queue,
            "payload": {"job_type": "welcome", "to": "a@b.c", "nested": [1, 2.5, None, "ü"]},
            "priority": -7,
            "max_retries": 9,
            "timeout_seconds": 77,
            "scheduled_at": at,
            "expires_at": at + timedelta(days=1),
            "idempotency_key": f"key-{queue}",
            "tags": ["a", "b"],
            "parent_job_id": parent_id,
            "completion_webhook": "http://127.0.0.1:9/hook",
            "completion_webhook_secret": "hush",
        }
    )
    job = client.jobs.get(created.id)

    assert created.created
    assert (job.id, job.queue_name, job.status) == (created.id, queue, "scheduled")
    assert job.payload == {"job_type": "welcome", "to": "a@b.c", "nested": [1, 2.5, None, "ü"]}
    assert (job.priority, job.max_retries, job.timeout_seconds) == (-7, 9, 77)
    assert (job.scheduled_at, job.expires_at) == (at, at + timedelta(days=1))
    assert (job.idempotency_key, job.tags) == (f"key-{queue}", ["a", "b"])
    assert (job.parent_job_id, job.dependencies_met) == (parent_id, False)
    assert job.completion_webhook == "http://127.0.0.1:9/hook"
    assert (job.retry_count, job.result, job.last_error, job.lease_id) == (0, None, None, None)
    assert job.organization_id
    assert job.updated_at is not None


# Null is one too, but the client leaves every null out of a create.
@pytest.mark.parametrize("payload", [[], "text", 5, True, {"a": {"b": [None]}}])
def test_any_json_is_a_payload(client: SpooledClient, queue: str, payload: object) -> None:
    job = client.jobs.create_and_get({"queue_name": queue, "payload": payload})

    assert job.payload == payload


def test_a_repeated_key_returns_the_first_job(client: SpooledClient, queue: str) -> None:
    first = client.jobs.create({"queue_name": queue, "payload": 1, "idempotency_key": queue})

    again = client.jobs.create({"queue_name": queue, "payload": 2, "idempotency_key": queue})

    assert (first.created, again.created, again.id) == (True, False, first.id)
    assert client.jobs.get(first.id).payload == 1


def test_a_naive_time_is_taken_as_utc(client: SpooledClient, queue: str) -> None:
    at = datetime(2031, 5, 6, 7, 8, 9)  # noqa: DTZ001 - this is the point

    job = client.jobs.create_and_get({"queue_name": queue, "payload": {}, "scheduled_at": at})

    assert job.scheduled_at == at.replace(tzinfo=UTC)


def test_the_list_filters_orders_and_pages(client: SpooledClient, queue: str) -> None:
    before = datetime.now(UTC) - timedelta(minutes=1)
    ids = [
        create(client, queue, payload={"job_type": f"type-{n}"}, priority=n, tags=[f"tag-{n}"])
        for n in range(5)
    ]
    client.jobs.cancel(ids[4])

    def found(**params: object) -> list[str]:
        return [job.id for job in client.jobs.list({"queue_name": queue, **params})]

    assert found() == ids[::-1]
    assert found(status="cancelled") == [ids[4]]
    assert found(status=["cancelled", "pending"], order_dir="asc") == ids
    assert found(status="completed,failed") == []
    assert found(q=ids[2][:13]) == [ids[2]]
    assert found(q="TYPE-3") == [ids[3]]
    assert found(q=queue[6:].upper()) == ids[::-1]
    assert found(job_type="type-1") == [ids[1]]
    assert found(tag="tag-2") == [ids[2]]
    assert found(created_after=before) == ids[::-1]
    assert found(created_before=before) == []
    assert found(order_by="priority", order_dir="asc") == ids
    assert found(order_by="priority", order_dir="desc", limit=2) == [ids[4], ids[3]]
    assert found(limit=2, offset=1) == [ids[3], ids[2]]


def test_the_list_says_whether_there_is_more(client: SpooledClient, queue: str) -> None:
    for _ in range(3):
        create(client, queue, payload={"job_type": "welcome"})

    first = client.jobs.list({"queue_name": queue, "limit": 2})
    last = client.jobs.list({"queue_name": queue, "limit": 2, "offset": 2})

    assert (len(first), first.has_more, len(last), last.has_more) == (2, True, 1, False)
    summary = last[0]
    assert (summary.queue_name, summary.status, summary.job_type) == (queue, "pending", "welcome")
    assert (summary.retry_count, summary.max_retries, summary.priority) == (0, 3, 0)


def test_a_cancelled_job_stays_cancelled(client: SpooledClient, queue: str) -> None:
    job_id = create(client, queue)

    client.jobs.cancel(job_id)

    assert client.jobs.get(job_id).status == "cancelled"
    with pytest.raises(ConflictError):
        client.jobs.cancel(job_id)
    with pytest.raises(ConflictError):
        client.jobs.retry(job_id)


def test_a_new_priority_decides_who_is_first(client: SpooledClient, queue: str) -> None:
    create(client, queue, priority=1)
    job_id = create(client, queue)

    changed = client.jobs.boost_priority(job_id, 50)

    assert (changed.job_id, changed.old_priority, changed.new_priority) == (job_id, 0, 50)
    claimed = client.jobs.claim({"queue_name": queue, "worker_id": "w"}).jobs
    assert [job.id for job in claimed] == [job_id]
    with pytest.raises(NotFoundError):
        client.jobs.boost_priority(job_id, 1)


def test_bulk_creates_in_order_with_its_defaults(client: SpooledClient, queue: str) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)

    answer = client.jobs.bulk_enqueue(
        {
            "queue_name": queue,
            "jobs": [
                {"payload": {"n": 0}},
                {"payload": {"n": 1}, "priority": 9, "idempotency_key": queue},
                {"payload": {"n": 2}, "idempotency_key": queue},
                {"payload": {"n": 3}, "scheduled_at": at},
                {"payload": {"n": 4}, "priority": 101},
            ],
            "default_priority": 5,
            "default_max_retries": 1,
            "default_timeout_seconds": 60,
        }
    )

    assert (answer.total, answer.success_count, answer.failure_count) == (5, 4, 1)
    assert [item.index for item in answer.succeeded] == [0, 1, 2, 3]
    assert [item.created for item in answer.succeeded] == [True, True, False, True]
    assert [item.index for item in answer.failed] == [4]
    assert answer.failed[0].error
    assert answer.succeeded[2].job_id == answer.succeeded[1].job_id
    first, second, _, later = (client.jobs.get(item.job_id or "") for item in answer.succeeded)
    assert (first.payload, first.priority, first.max_retries) == ({"n": 0}, 5, 1)
    assert (first.timeout_seconds, second.priority, later.status) == (60, 9, "scheduled")


def test_a_hundred_jobs_in_bulk_are_all_there(client: SpooledClient, queue: str) -> None:
    jobs = [{"payload": {"n": n}} for n in range(100)]

    answer = client.jobs.bulk_enqueue({"queue_name": queue, "jobs": jobs})

    ids = [item.job_id or "" for item in answer.succeeded]
    assert len(set(ids)) == 100
    statuses = client.jobs.batch_status(ids)
    assert [status.id for status in statuses] == ids
    assert {(status.status, status.queue_name) for status in statuses} == {("pending", queue)}


def test_batch_status_leaves_out_what_is_not_there(client: SpooledClient, queue: str) -> None:
    job_id = create(client, queue)

    found = client.jobs.batch_status([job_id, "no-such-job"])

    assert [(one.id, one.retry_count, one.completed_at) for one in found] == [(job_id, 0, None)]
    assert client.jobs.batch_status([]) == []


def test_the_history_tells_a_life_in_both_directions(client: SpooledClient, queue: str) -> None:
    job_id = create(client, queue, max_retries=0)
    [claimed] = client.jobs.claim({"queue_name": queue, "worker_id": "w"}).jobs
    client.jobs.fail(job_id, {"worker_id": "w", "lease_id": claimed.lease_id, "error": "boom"})

    rows = client.jobs.history(job_id)

    assert [row.event_type for row in rows] == ["created", "claimed", "failed", "deadlettered"]
    assert all(row.job_id == job_id for row in rows)
    assert all(one.created_at <= two.created_at for one, two in pairwise(rows))
    assert (rows[1].worker_id, rows[2].details["error"]) == ("w", "boom")
    assert rows.has_more is False
    page = client.jobs.history(job_id, {"order_dir": "desc", "limit": 2, "offset": 1})
    assert [row.event_type for row in page] == ["failed", "claimed"]
    assert page.has_more is True
    with pytest.raises(NotFoundError):
        client.jobs.history("no-such-job")


def test_a_job_waits_for_its_dependencies(client: SpooledClient, queue: str) -> None:
    first, second = create(client, queue, priority=2), create(client, queue, priority=1)
    child = create(client, queue, priority=50)

    added = client.workflows.jobs.add_dependencies(
        child, {"dependency_job_ids": [first, second], "dependency_mode": "all"}
    )

    assert (added.added_count, added.dependencies_met) == (2, False)
    for parent in (first, second):
        [claimed] = client.jobs.claim({"queue_name": queue, "worker_id": "w"}).jobs
        assert claimed.id == parent
        client.jobs.complete(parent, {"worker_id": "w", "lease_id": claimed.lease_id})
    seen = client.workflows.jobs.get_dependencies(child)
    assert {one.job_id for one in seen.dependencies} == {first, second}
    assert all(one.completed for one in seen.dependencies)
    assert (seen.dependency_mode, seen.dependencies_met) == ("all", True)
    assert [one.job_id for one in client.workflows.jobs.get_dependencies(first).dependents] == [
        child
    ]
    assert client.jobs.claim({"queue_name": queue, "worker_id": "w"}).jobs[0].id == child


def test_statistics_count_every_job_where_it_stands(own_server: ServerProcess, kind: str) -> None:
    with a_client(kind, own_server.url) as client:
        ids = [create(client, "mail") for _ in range(4)]
        create(client, "mail", scheduled_at=datetime.now(UTC) + timedelta(hours=1))
        client.jobs.cancel(ids[3])
        claimed = client.jobs.claim({"queue_name": "mail", "worker_id": "w", "limit": 2}).jobs
        client.jobs.complete(ids[0], {"worker_id": "w", "lease_id": claimed[0].lease_id})

        stats = client.jobs.get_stats()

        assert stats.model_dump() == {
            **{"pending": 1, "scheduled": 1, "processing": 1, "completed": 1},
            **{"failed": 0, "deadletter": 0, "cancelled": 1, "total": 5},
        }
