"""Dead letters through the official client: list, retry, purge."""

from datetime import UTC, datetime, timedelta

import pytest
from spooled.client import SpooledClient
from spooled.errors import ConflictError, NotFoundError

from tests.sdk.driven import a_client
from tests.sdk.test_attempts import claim_one
from tests.sdk.test_jobs import create
from tests.server_process import ServerProcess

pytestmark = pytest.mark.slow


def dead_letter(client: SpooledClient, queue: str, **fields: object) -> str:
    job_id = create(client, queue, max_retries=0, **fields)
    job = claim_one(client, queue)
    client.jobs.fail(job.id, {"worker_id": "w", "lease_id": job.lease_id, "error": "boom"})
    return job_id


def test_the_list_filters_orders_and_pages(client: SpooledClient, queue: str) -> None:
    before = datetime.now(UTC) - timedelta(minutes=1)
    ids = [
        dead_letter(client, queue, payload={"job_type": f"type-{n}"}, tags={f"tag-{n}": True})
        for n in range(3)
    ]

    def found(**params: object) -> list[str]:
        return [job.id for job in client.jobs.dlq.list({"queue_name": queue, **params})]

    assert found() == ids[::-1]
    assert found(q=ids[0][:13]) == [ids[0]]
    assert found(job_type="type-1") == [ids[1]]
    assert found(tag="tag-2") == [ids[2]]
    assert found(created_after=before, order_dir="asc", order_by="created_at") == ids
    assert found(created_before=before) == []
    page = client.jobs.dlq.list({"queue_name": queue, "limit": 1, "offset": 1})
    assert ([job.id for job in page], page.has_more) == ([ids[1]], True)
    assert (page[0].status, page[0].last_error, page[0].job_type) == (
        "deadletter",
        "boom",
        "type-1",
    )


def test_one_is_retried_by_hand(client: SpooledClient, queue: str) -> None:
    job_id = dead_letter(client, queue)

    job = client.jobs.retry(job_id)

    assert (job.status, job.retry_count, job.last_error) == ("pending", 1, None)
    assert claim_one(client, queue).id == job_id
    with pytest.raises(ConflictError):
        client.jobs.retry(job_id)


def test_named_ones_are_retried_together(client: SpooledClient, queue: str) -> None:
    ids = [dead_letter(client, queue) for _ in range(3)]

    answer = client.jobs.dlq.retry({"job_ids": [*ids[:2], "no-such-job"]})

    assert (answer.retried_count, answer.skipped_jobs) == (2, [])
    assert answer.retried_jobs == answer.job_ids == ids[:2]
    assert [job.id for job in client.jobs.dlq.list({"queue_name": queue})] == [ids[2]]
    assert client.jobs.get(ids[0]).retry_count == 0


def test_those_of_a_queue_are_retried_oldest_first(client: SpooledClient, queue: str) -> None:
    ids = [dead_letter(client, queue) for _ in range(3)]

    answer = client.jobs.dlq.retry({"queue_name": queue, "limit": 2})

    assert answer.retried_jobs == ids[:2]


def test_a_purge_removes_what_it_is_told_to(client: SpooledClient, queue: str) -> None:
    ids = [dead_letter(client, queue, idempotency_key=f"{queue}-{n}") for n in range(3)]

    def purged(**params: object) -> int:
        wanted = {"queue_name": queue, "confirm": True, **params}
        return client.jobs.dlq.purge(wanted).purged_count

    assert purged(older_than=datetime.now(UTC) - timedelta(hours=1)) == 0
    assert purged(older_than_days=1) == 0
    assert purged(limit=1) == 1
    assert purged() == 2
    assert client.jobs.dlq.list({"queue_name": queue}) == []
    with pytest.raises(NotFoundError):
        client.jobs.get(ids[0])
    again = client.jobs.create(
        {"queue_name": queue, "payload": {}, "idempotency_key": f"{queue}-0"}
    )
    assert again.created


def test_all_of_the_organization_are_retried_and_purged(
    own_server: ServerProcess, kind: str
) -> None:
    with a_client(kind, own_server.url) as client:
        ids = [dead_letter(client, name) for name in ("mail", "reports")]

        assert client.jobs.dlq.retry({}).retried_jobs == ids
        for name in ("mail", "reports"):
            job = claim_one(client, name)
            client.jobs.fail(job.id, {"worker_id": "w", "lease_id": job.lease_id, "error": "no"})
        assert client.jobs.dlq.purge({"confirm": True}).purged_count == 2

        assert client.jobs.dlq.list() == []
        assert client.jobs.get_stats().total == 0
